//! The simulator's own calls, for tests that run in another process.

use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::json;

use super::answer::Answer;
use super::routes::Problem;
use super::rules::FaultRule;
use super::shared::Shared;

pub(super) const PREFIX: &str = "/__sim/";

/// Answers a control call. The listener is on loopback only; a web page's request, which has an `Origin`, is refused.
pub(super) fn answer(shared: &Shared, head: &Parts, body: Result<Bytes, Problem>) -> Answer {
    if head.headers.contains_key(http::header::ORIGIN) {
        return Answer::message(StatusCode::FORBIDDEN, "not for web pages");
    }
    match body.and_then(|body| perform(shared, head, &body)) {
        Ok(answer) => answer,
        Err((status, problem)) => Answer::message(status, &problem),
    }
}

fn perform(shared: &Shared, head: &Parts, body: &Bytes) -> Result<Answer, Problem> {
    let wrong = |error: serde_json::Error| (StatusCode::BAD_REQUEST, error.to_string());
    match (&head.method, head.uri.path()) {
        (&Method::POST, "/__sim/faults") => {
            shared.set_rules(serde_json::from_slice::<Vec<FaultRule>>(body).map_err(wrong)?);
        }
        (&Method::DELETE, "/__sim/faults") => shared.set_rules(Vec::new()),
        (&Method::GET, "/__sim/calls") => {
            return Ok(Answer::json(StatusCode::OK, &json!(shared.record.calls())));
        }
        (&Method::DELETE, "/__sim/calls") => shared.record.clear(),
        (&Method::POST, "/__sim/release") => {
            shared.release(serde_json::from_slice(body).map_err(wrong)?);
        }
        _ => return Err((StatusCode::NOT_FOUND, "there is no such control call".to_owned())),
    }
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}
