//! Control endpoints of the mock (`/__sim/…`), for tests in other processes.

use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::json;

use super::fault_rules::FaultRule;
use super::response::MockResponse;
use super::routes::RequestProblem;
use super::shared::SharedState;

pub(super) const PATH_PREFIX: &str = "/__sim/";

/// Answers a control call. The listener is on loopback only; requests with an `Origin`, from web pages, are rejected.
pub(super) fn answer(
    shared: &SharedState,
    head: &Parts,
    body: Result<Bytes, RequestProblem>,
) -> MockResponse {
    if head.headers.contains_key(http::header::ORIGIN) {
        return MockResponse::error(StatusCode::FORBIDDEN, "not for web pages");
    }
    match body.and_then(|body| perform(shared, head, &body)) {
        Ok(answer) => answer,
        Err((status, problem)) => MockResponse::error(status, &problem),
    }
}

fn perform(shared: &SharedState, head: &Parts, body: &Bytes) -> Result<MockResponse, RequestProblem> {
    let wrong = |error: serde_json::Error| (StatusCode::BAD_REQUEST, error.to_string());
    match (&head.method, head.uri.path()) {
        (&Method::POST, "/__sim/faults") => {
            shared.set_rules(serde_json::from_slice::<Vec<FaultRule>>(body).map_err(wrong)?);
        }
        (&Method::DELETE, "/__sim/faults") => shared.set_rules(Vec::new()),
        (&Method::GET, "/__sim/calls") => {
            return Ok(MockResponse::json(StatusCode::OK, &json!(shared.call_log.calls())));
        }
        (&Method::DELETE, "/__sim/calls") => shared.call_log.clear(),
        (&Method::POST, "/__sim/release") => {
            shared.release(serde_json::from_slice(body).map_err(wrong)?);
        }
        _ => return Err((StatusCode::NOT_FOUND, "there is no such control call".to_owned())),
    }
    Ok(MockResponse::empty(StatusCode::NO_CONTENT))
}
