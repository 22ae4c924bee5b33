//! Credentials: client keys, control token and sessions.

use http::HeaderValue;
use http::request::Builder;

use super::*;

/// The result of a request with these credentials.
fn admit_with_headers(headers: &[(&'static str, &[u8])]) -> Result<Authorized, Rejection> {
    let add = |builder: Builder, (name, value): &(&'static str, &[u8])| {
        builder.header(*name, HeaderValue::from_bytes(value).expect("a value that hyper lets through"))
    };
    guard().admit(&head(headers.iter().fold(unauthenticated_request("GET", "/v1/models"), add)))
}

#[test]
fn u01_every_wrong_credential_gets_the_same_rejection() {
    let plain = admit_with_headers(&[]).expect_err("no key");
    assert_eq!(plain.reason, RejectReason::InvalidApiKey);
    assert_eq!(plain.headers()["www-authenticate"], "Bearer");
    let good = format!("Bearer {KEY}");
    let good = good.as_bytes();
    let cases: [&[(&'static str, &[u8])]; 21] = [
        &[("authorization", b"")],
        &[("authorization", b"Bearer")],
        &[("authorization", b"Bearer ")],
        &[("authorization", b"bearer  mp-a-client-key-0123456789")],
        &[("authorization", b"Bearer\tmp-a-client-key-0123456789")],
        &[("authorization", b" Bearer mp-a-client-key-0123456789")],
        &[("authorization", b"Bearer mp-a-client-key-0123456789 ")],
        &[("authorization", b"Bearer mp-a-client-key-0123456789,")],
        &[("authorization", b"Bearer MP-A-CLIENT-KEY-0123456789")],
        &[("authorization", b"Bearer mp-a-client-k")],
        &[("authorization", b"Bearer mp-a-client-key-01234567890")],
        &[("authorization", b"mp-a-client-key-0123456789")],
        &[("authorization", b"Basic bXAtYS1jbGllbnQta2V5LTAxMjM0NTY3ODk6")],
        &[("authorization", good), ("authorization", good)],
        &[("authorization", good), ("authorization", b"Bearer x")],
        &[("authorization", good), ("x-api-key", b"other")],
        &[("authorization", b"Basic x"), ("x-api-key", KEY.as_bytes())],
        &[("x-api-key", b"")],
        &[("x-api-key", good)],
        &[("x-api-key", KEY.as_bytes()), ("x-api-key", KEY.as_bytes())],
        &[("x-api-key", CONTROL.as_bytes())],
    ];
    for headers in cases {
        assert_eq!(admit_with_headers(headers), Err(plain.clone()), "{:?}", headers);
    }
}

#[test]
fn u02_the_key_comes_by_two_headers_and_never_by_the_url() {
    let bearer = |scheme: &str| format!("{scheme} {KEY}").into_bytes();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        assert_eq!(
            admit_with_headers(&[("authorization", &bearer(scheme))]).map(|it| it.caller),
            Ok(client())
        );
    }
    let key = KEY.as_bytes();
    assert_eq!(admit_with_headers(&[("x-api-key", key)]).map(|it| it.caller), Ok(client()));
    assert_eq!(
        admit_with_headers(&[("authorization", &bearer("Bearer")), ("x-api-key", key)]).map(|it| it.caller),
        Ok(client())
    );
    for name in ["api-key", "cookie", "x-goog-api-key", "proxy-authorization"] {
        assert_eq!(
            admit_with_headers(&[(name, key)]).map_err(|it| it.reason),
            Err(RejectReason::InvalidApiKey),
            "{name}"
        );
    }
    for query in ["key", "token", "api_key", "access_token", "apikey"] {
        let builder = unauthenticated_request("GET", &format!("/v1/models?{query}={KEY}"));
        assert_eq!(reject_reason(&guard(), builder), RejectReason::InvalidApiKey, "{query}");
    }
}

#[test]
fn u03_each_scope_accepts_its_own_credential_only() {
    for (index, (method, path)) in all_routes().into_iter().enumerate() {
        let call = |key: Option<&str>| {
            let builder =
                unauthenticated_request(method.as_str(), &path).header("content-type", "application/json");
            let builder = key.into_iter().fold(builder, |builder, key| builder.header("x-api-key", key));
            guard().admit(&head(builder)).map(|admitted| admitted.caller).map_err(|refused| refused.reason)
        };
        let answers = [call(None), call(Some("wrong")), call(Some(KEY)), call(Some(CONTROL))];
        let no = || Err(RejectReason::InvalidApiKey);
        let expected = match routes()[index].scope {
            Scope::Public | Scope::SignIn => {
                [Ok(Caller::Public), Ok(Caller::Public), Ok(Caller::Public), Ok(Caller::Public)]
            }
            Scope::Client => [no(), no(), Ok(client()), no()],
            Scope::Control => [no(), no(), Err(RejectReason::Forbidden), Ok(Caller::Control)],
        };
        assert_eq!(answers, expected, "{method} {path}");
    }
}

#[test]
fn u04_other_spellings_are_not_found_even_with_a_key() {
    for path in [
        "//v1/models",
        "/v1/./models",
        "/v1/models/",
        "/V1/models",
        "/v1%2fmodels",
        "/v1/models%00",
        "/ui/../admin",
        "/v1/models;x",
    ] {
        assert_eq!(reject_reason(&guard(), valid_request("GET", path)), RejectReason::NotFound, "{path}");
    }
}

#[test]
fn u05_malformed_keys_are_invalid_keys() {
    let long = [b"Bearer ".as_slice(), &[b'a'; 60_000]].concat();
    let emoji = "Bearer 🦣".as_bytes();
    for value in
        [b"Bearer ' OR '1'='1".as_slice(), b"Bearer '--", b"Bearer %s%n", b"Bearer \xe9\xff", emoji, &long]
    {
        assert_eq!(
            admit_with_headers(&[("authorization", value)]).map_err(|it| it.reason),
            Err(RejectReason::InvalidApiKey)
        );
    }
}

#[test]
fn u08_a_client_key_is_forbidden_on_control_routes() {
    for (method, path) in
        [("POST", "/control/accounts.list"), ("POST", "/control/export"), ("GET", "/control/events")]
    {
        assert_eq!(reject_reason(&guard(), valid_request(method, path)), RejectReason::Forbidden, "{path}");
    }
}
