//! What the API answers, and what a fault makes of it.

use http::StatusCode;
use serde_json::json;

use super::super::answer::Answer;
use super::super::fault::{Fault, FaultBody};
use super::super::play::Stage;
use super::{Input, filler, models, reply};

/// LiteLLM's form of an error.
pub(super) fn error(status: StatusCode, message: &str, kind: &str) -> Answer {
    let code = status.as_u16().to_string();
    Answer::json(status, &json!({"error": {"message": message, "type": kind, "param": null, "code": code}}))
}

pub(super) fn unauthorized(key: &str) -> Answer {
    let shown: String = key.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
    let message =
        format!("Authentication Error, Invalid proxy server token passed. Received API Key = sk-...{shown}");
    error(StatusCode::UNAUTHORIZED, &message, "token_not_found_in_db")
}

fn budget() -> Answer {
    let message = "Budget has been exceeded! Current cost: 5.01, Max budget: 5.0";
    error(StatusCode::TOO_MANY_REQUESTS, message, "budget_exceeded")
}

/// The answer to a request without faults. It counts a model call against the key's budget.
pub(super) fn normal(stage: &Stage, account: Option<usize>, input: &Input) -> Answer {
    match (account, input) {
        (_, Input::PublicModels) => Answer::json(StatusCode::OK, &models::public()),
        (_, Input::PublicInfo) => Answer::json(StatusCode::OK, &models::info()),
        (None, Input::Chat(_) | Input::Embed(_) | Input::Models | Input::KeyInfo) => unauthorized(""),
        (Some(_), Input::Models) => Answer::json(StatusCode::OK, &models::listed()),
        (Some(account), Input::KeyInfo) => key_info(stage, account),
        (Some(_), Input::Chat(chat)) if !models::has(&chat.model) => unknown(&chat.model),
        (Some(_), Input::Embed(embed)) if !models::has(&embed.model) => unknown(&embed.model),
        (Some(account), _) if !stage.shared.charge(account, "openai-by-key") => budget(),
        (Some(_), Input::Chat(chat)) => reply::answer(chat, stage.ticket.id()),
        (Some(_), Input::Embed(embed)) => reply::embeddings(embed),
    }
}

fn unknown(model: &str) -> Answer {
    let message = format!(
        "{{'error': '/chat/completions: Invalid model name passed in model={model}. Call `/v1/models` to view available models for your key.'}}"
    );
    error(StatusCode::BAD_REQUEST, &message, "invalid_request_error")
}

fn key_info(stage: &Stage, account: usize) -> Answer {
    let usage = stage.shared.usage(account);
    let calls: u32 = usage.calls_by_family.values().sum();
    let known = &stage.shared.accounts[account];
    let most = known.limit.map_or(5.0, |limit| f64::from(limit) / 100.0);
    let info = json!({
        "token": known.key, "key_name": "sk-...demo", "spend": f64::from(calls) / 100.0, "max_budget": most,
        "budget_reset_at": "2099-01-01T00:00:00Z", "models": [],
    });
    Answer::json(StatusCode::OK, &json!({"key": known.key, "info": info}))
}

/// The answer under a fault. `normal` is called only if it is needed, because making it may count against a budget.
pub(super) fn under(fault: &Fault, key: &str, normal: impl FnOnce() -> Answer) -> Answer {
    let status = fault.status.and_then(|code| StatusCode::from_u16(code).ok());
    let mut answer = match (&fault.body, status) {
        (Some(body), _) => in_place(body, key, normal),
        (None, Some(status)) if !status.is_success() => {
            error(status, status.canonical_reason().unwrap_or("Unknown"), "None")
        }
        (None, _) => normal(),
    };
    answer.status = status.unwrap_or(answer.status);
    answer.shape(fault, filler::filled);
    answer
}

fn in_place(body: &FaultBody, key: &str, normal: impl FnOnce() -> Answer) -> Answer {
    const FAILED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
    match body {
        FaultBody::Quota => budget(),
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
        | FaultBody::Empty => Answer::in_place(body, "", normal),
        FaultBody::Text(text) => reply::raw(text),
        FaultBody::JsonError => {
            let value = json!({"error": {"message": "Something went wrong", "type": "None", "code": "500"}});
            Answer::json(StatusCode::OK, &value)
        }
        FaultBody::CutJson => normal().cut(),
        FaultBody::Json | FaultBody::JsonString => normal(),
        FaultBody::Downgrade(model) => normal().renamed(model),
    }
}
