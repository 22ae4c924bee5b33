//! Responses of the mock API, with and without faults.

use http::StatusCode;
use serde_json::json;

use super::super::body_stream::ResponseContext;
use super::super::fault::{Fault, FaultBody};
use super::super::response::MockResponse;
use super::{ApiRequest, models, padding, reply};

/// An error in LiteLLM's form.
pub(super) fn error(status: StatusCode, message: &str, kind: &str) -> MockResponse {
    let code = status.as_u16().to_string();
    MockResponse::json(
        status,
        &json!({"error": {"message": message, "type": kind, "param": null, "code": code}}),
    )
}

pub(super) fn unauthorized(key: &str) -> MockResponse {
    let shown: String = key.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
    let message =
        format!("Authentication Error, Invalid proxy server token passed. Received API Key = sk-...{shown}");
    error(StatusCode::UNAUTHORIZED, &message, "token_not_found_in_db")
}

fn budget_exceeded() -> MockResponse {
    let message = "Budget has been exceeded! Current cost: 5.01, Max budget: 5.0";
    error(StatusCode::TOO_MANY_REQUESTS, message, "budget_exceeded")
}

/// The response without a fault. A model call counts against the key's budget.
pub(super) fn without_fault(
    stage: &ResponseContext,
    account: Option<usize>,
    input: &ApiRequest,
) -> MockResponse {
    match (account, input) {
        (_, ApiRequest::PublicModels) => MockResponse::json(StatusCode::OK, &models::public_models()),
        (_, ApiRequest::PublicInfo) => MockResponse::json(StatusCode::OK, &models::model_info()),
        (None, ApiRequest::Chat(_) | ApiRequest::Embed(_) | ApiRequest::Models | ApiRequest::KeyInfo) => {
            unauthorized("")
        }
        (Some(_), ApiRequest::Models) => MockResponse::json(StatusCode::OK, &models::model_list()),
        (Some(account), ApiRequest::KeyInfo) => key_info(stage, account),
        (Some(_), ApiRequest::Chat(chat)) if !models::is_known(&chat.model) => unknown_model(&chat.model),
        (Some(_), ApiRequest::Embed(embed)) if !models::is_known(&embed.model) => unknown_model(&embed.model),
        (Some(account), _) if !stage.shared.charge(account, "openai-by-key") => budget_exceeded(),
        (Some(_), ApiRequest::Chat(chat)) => reply::answer(chat, stage.call_guard.id()),
        (Some(_), ApiRequest::Embed(embed)) => reply::embeddings(embed),
    }
}

fn unknown_model(model: &str) -> MockResponse {
    let message = format!(
        "{{'error': '/chat/completions: Invalid model name passed in model={model}. Call `/v1/models` to view available models for your key.'}}"
    );
    error(StatusCode::BAD_REQUEST, &message, "invalid_request_error")
}

fn key_info(stage: &ResponseContext, account: usize) -> MockResponse {
    let usage = stage.shared.usage(account);
    let calls: u32 = usage.calls_by_family.values().sum();
    let mock_account = &stage.shared.accounts[account];
    let max_budget = mock_account.limit.map_or(5.0, |limit| f64::from(limit) / 100.0);
    let info = json!({
        "token": mock_account.key, "key_name": "sk-...demo", "spend": f64::from(calls) / 100.0, "max_budget": max_budget,
        "budget_reset_at": "2099-01-01T00:00:00Z", "models": [],
    });
    MockResponse::json(StatusCode::OK, &json!({"key": mock_account.key, "info": info}))
}

/// The response with a fault. `normal` is called only if it is needed, because it may count against a budget.
pub(super) fn with_fault(
    fault: &Fault,
    key: &str,
    make_response: impl FnOnce() -> MockResponse,
) -> MockResponse {
    let status = fault.status.and_then(|code| StatusCode::from_u16(code).ok());
    let mut answer = match (&fault.body, status) {
        (Some(body), _) => from_fault_body(body, key, make_response),
        (None, Some(status)) if !status.is_success() => {
            error(status, status.canonical_reason().unwrap_or("Unknown"), "None")
        }
        (None, _) => make_response(),
    };
    answer.status = status.unwrap_or(answer.status);
    answer.apply_body_faults(fault, padding::padded);
    answer
}

fn from_fault_body(
    body: &FaultBody,
    key: &str,
    make_response: impl FnOnce() -> MockResponse,
) -> MockResponse {
    const FAILED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
    match body {
        FaultBody::Quota => budget_exceeded(),
        FaultBody::BadCookie => unauthorized(key),
        FaultBody::Message(text) => error(FAILED, text, "None"),
        FaultBody::Leak => {
            error(FAILED, &format!("cannot serve a request with Authorization: Bearer {key}"), "None")
        }
        FaultBody::Html
        | FaultBody::Challenge
        | FaultBody::Portal
        | FaultBody::Login
        | FaultBody::Redirect(_)
        | FaultBody::Empty => MockResponse::from_fault_body(body, "", make_response),
        FaultBody::Text(text) => reply::raw_stream(text),
        FaultBody::JsonError => {
            let value = json!({"error": {"message": "Something went wrong", "type": "None", "code": "500"}});
            MockResponse::json(StatusCode::OK, &value)
        }
        FaultBody::CutJson => make_response().truncated(),
        FaultBody::Json | FaultBody::JsonString => make_response(),
        FaultBody::Downgrade(model) => make_response().with_model(model),
    }
}
