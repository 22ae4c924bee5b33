use serde_json::json;

use super::UpstreamErrorKind::*;
use super::*;

const JSON: (&str, &str) = ("content-type", "application/json");
const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");

fn failure(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> UpstreamError {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    let url = Url::parse("https://api.mammouth.ai/v1/chat/completions").unwrap();
    let status = StatusCode::from_u16(status).unwrap();
    let refusal = ApiErrorResponse { status, headers: &map, body: body.as_bytes(), url: &url };
    refusal.to_error(Some(&Secret::from("sk-CANARY_KEY1234")), SystemTime::UNIX_EPOCH)
}

fn error(status: u16, message: &str, kind: &str, code: impl Into<Value>) -> UpstreamErrorKind {
    let body = json!({"error": {"message": message, "type": kind, "param": null, "code": code.into()}});
    failure(status, &[JSON], &body.to_string()).kind
}

#[test]
fn f01_a_spent_budget_is_recognized_in_every_form() {
    let message = "Budget has been exceeded! Current cost: 5.01, Max budget: 5.0";
    assert_eq!(error(400, message, "budget_exceeded", "400"), Limited);
    assert_eq!(error(429, message, "budget_exceeded", "429"), Limited);
    assert_eq!(error(401, "ExceededBudget: User x has exceeded their budget", "auth_error", 401), Limited);
    assert_eq!(error(402, "pay", "x", Value::Null), Limited);
    assert_eq!(failure(400, &[JSON], r#"{"error":"Authentication Error, ExceededTokenBudget: Current spend for token: 2; Max Budget for Token: 1. Budget has been exceeded"}"#).kind, Limited);
}

#[test]
fn f03_a_rejected_key_differs_from_a_providers_rejected_key() {
    let invalid = "Authentication Error, Invalid proxy server token passed. Received API Key = sk-...1234";
    assert_eq!(error(401, invalid, "auth_error", "401"), LoginRequired);
    assert_eq!(error(400, "Authentication Error - Expired Key.", "expired_key", "400"), LoginRequired);
    assert_eq!(error(403, "Key is blocked. Update via `/key/unblock`", "auth_error", 403), LoginRequired);
    assert_eq!(failure(401, &[JSON], "{}").kind, LoginRequired);
    assert_eq!(failure(401, &[], "Unauthorized").kind, LoginRequired);
    let theirs =
        "litellm.AuthenticationError: AuthenticationError: OpenAIException - Incorrect API key provided";
    assert_eq!(error(401, theirs, "None", "401"), Server);
}

#[test]
fn a_model_the_key_lacks_is_no_invalid_key() {
    let denied = "key not allowed to access model. This key can only access models=['a']. Tried to access b";
    assert_eq!(error(401, denied, "key_model_access_denied", "401"), NoSuchModel);
    assert_eq!(error(403, denied, "team_model_access_denied", "403"), NoSuchModel);
    let unknown = "{'error': '/chat/completions: Invalid model name passed in model=x. Call `/v1/models`'}";
    assert_eq!(error(400, unknown, "invalid_request_error", "400"), NoSuchModel);
    assert_eq!(
        error(404, "The model `x` does not exist or you do not have access to it.", "x", "model_not_found"),
        NoSuchModel
    );
    assert_eq!(failure(404, &[JSON], r#"{"detail":"Not Found"}"#).kind, BadResponse);
}

#[test]
fn f15_context_length_errors_of_every_provider_are_recognized() {
    for message in [
        "litellm.ContextWindowExceededError: litellm.BadRequestError: AnthropicException - {\"type\":\"error\"}",
        "litellm.BadRequestError: OpenAIException - Error code: 400 - {'error': {'message': \"This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.\", 'code': 'context_length_exceeded'}}",
        "AnthropicException - prompt is too long: 210000 tokens > 200000 maximum",
        "VertexAIException - The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "Input is too long for requested model.",
        "Please reduce the length of the messages or completion.",
    ] {
        for status in [400, 413, 422] {
            assert_eq!(error(status, message, "None", status.to_string()), ContextLength, "{message}");
        }
    }
}

#[test]
fn f15_other_rejected_requests_are_the_clients_errors() {
    assert_eq!(
        error(400, "litellm.BadRequestError: Unsupported parameter: 'x'", "invalid_request_error", "400"),
        Rejected
    );
    assert_eq!(
        error(
            400,
            "The response was filtered due to the prompt triggering Azure's content management policy",
            "None",
            "400"
        ),
        Rejected
    );
    assert_eq!(error(403, "litellm.ContentPolicyViolationError: flagged", "None", "403"), Rejected);
    assert_eq!(
        failure(422, &[JSON], r#"{"detail":[{"loc":["body","n"],"msg":"value is not an integer"}]}"#).kind,
        Rejected
    );
    assert_eq!(failure(413, &[], "").kind, Rejected);
}

#[test]
fn f04_a_429_carries_its_retry_after() {
    let body = r#"{"error":{"message":"Rate limit reached","type":"throttling_error","code":"429"}}"#;
    let told = failure(429, &[JSON, ("retry-after", "7")], body);
    assert_eq!((told.kind, told.retry_after.map(|wait| wait.as_secs())), (Throttled, Some(7)));
    assert_eq!(
        error(429, "No deployments available for selected model, Try again in 60 seconds.", "None", "429"),
        Throttled
    );
}

#[test]
fn f07_server_errors_of_any_shape_are_server_errors() {
    assert_eq!(
        error(500, "litellm.InternalServerError: AnthropicException - Overloaded", "None", "500"),
        Server
    );
    assert_eq!(failure(503, &[HTML], "<h1>Service Unavailable</h1>").kind, Server);
    assert_eq!(failure(502, &[], "bad gateway").kind, Server);
    assert_eq!(failure(524, &[HTML], "<html>").kind, Server);
}

#[test]
fn f02_challenges_and_other_pages_are_distinguished() {
    assert_eq!(failure(403, &[HTML, ("cf-mitigated", "challenge")], "<html>").kind, Challenge);
    assert_eq!(failure(503, &[HTML], "<title>Just a moment...</title>").kind, Challenge);
    assert_eq!(failure(403, &[HTML], "<h1>Forbidden</h1>").kind, Challenge);
    for (status, location) in [(301, "https://evil.example/"), (302, "/login"), (307, "http://127.0.0.1:1/")]
    {
        let told = failure(status, &[("location", location)], "");
        assert_eq!(told.kind, BadResponse);
        assert!(!told.detail.contains("evil"));
    }
    assert_eq!(failure(200, &[HTML], "<html>Welcome to our Wi-Fi</html>").kind, BadResponse);
}

#[test]
fn f11_an_error_in_a_200_is_read_by_its_own_code() {
    assert_eq!(error(200, "boom", "x", Value::Null), Server);
    assert_eq!(error(200, "slow down", "x", "429"), Throttled);
    assert_eq!(failure(200, &[JSON], r#"{"error":"boom"}"#).kind, Server);
    let secret = Secret::from("sk-CANARY_KEY1234");
    let overloaded = json!({"message": "Overloaded sk-CANARY_KEY1234", "code": "529"});
    assert_eq!(stream_error(&overloaded, &secret, false).kind, Server);
    let late = stream_error(&overloaded, &secret, true);
    assert_eq!((late.kind, late.detail.as_str()), (Interrupted, "Overloaded [redacted]"));
}

#[test]
fn r07_the_details_are_short_plain_and_hold_no_secret() {
    let echo =
        json!({"error": {"message": format!("bad key sk-CANARY_KEY1234 \u{1b}[2J {}", "x".repeat(9_000))}});
    let told = failure(400, &[JSON], &echo.to_string());
    assert!(
        told.detail.starts_with("bad key [redacted] \\u{1b}[2J") && told.detail.len() <= 2048,
        "{}",
        told.detail
    );
    for status in [200, 400, 403, 500] {
        assert!(!failure(status, &[HTML], "<img src=x onerror=alert(1)>").detail.contains("img"));
    }
}

#[test]
fn r08_odd_json_does_not_panic() {
    for body in
        ["null", "[]", "3", r#"{"error":[[[[[[1]]]]]]}"#, r#"{"error":{"code":-1,"message":[1]}}"#, "\u{0}"]
    {
        assert_eq!(failure(400, &[JSON], body).kind, Rejected, "{body}");
    }
}
