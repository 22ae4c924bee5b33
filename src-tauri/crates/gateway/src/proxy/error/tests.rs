use super::*;

fn status_and_code(kind: UpstreamErrorKind) -> (u16, &'static str) {
    let response = error_response(&ProxyError::Upstream(UpstreamError::new(kind, "x")));
    (response.status, response.code.name())
}

#[test]
fn upstream_errors_map_to_status_and_code() {
    assert_eq!(status_and_code(UpstreamErrorKind::Limited), (429, "insufficient_quota"));
    assert_eq!(status_and_code(UpstreamErrorKind::Throttled), (429, "rate_limit_exceeded"));
    assert_eq!(status_and_code(UpstreamErrorKind::LoginRequired), (503, "account_login_required"));
    assert_eq!(status_and_code(UpstreamErrorKind::Challenge), (503, "upstream_challenge"));
    assert_eq!(status_and_code(UpstreamErrorKind::BadResponse), (502, "upstream_bad_response"));
    assert_eq!(status_and_code(UpstreamErrorKind::Interrupted), (502, "upstream_bad_response"));
    assert_eq!(status_and_code(UpstreamErrorKind::Tls), (502, "upstream_tls_error"));
    assert_eq!(status_and_code(UpstreamErrorKind::Unreachable), (503, "upstream_unreachable"));
    assert_eq!(status_and_code(UpstreamErrorKind::Timeout), (504, "upstream_timeout"));
    assert_eq!(status_and_code(UpstreamErrorKind::ContextLength), (400, "context_length_exceeded"));
    assert_eq!(status_and_code(UpstreamErrorKind::Image), (400, "invalid_image"));
}

#[test]
fn f60_a_client_may_retry_while_secrets_are_pending() {
    let response = error_response(&ProxyError::NoAccount(Unavailable::Starting));
    assert_eq!((response.status, response.code.name(), response.no_retry), (503, "starting", false));
    assert_eq!(response.retry_after, Some(Duration::from_secs(1)));
}

#[test]
fn f59_clients_must_not_retry_upstream_errors() {
    let wait = Duration::from_secs(7);
    let response =
        error_response(&ProxyError::NoAccount(Unavailable::Limited { wait, reason: LimitReason::Throttled }));
    assert_eq!(
        (response.status, response.code.name(), response.no_retry, response.retry_after),
        (429, "rate_limit_exceeded", true, Some(wait))
    );
}
