//! Comparison of the mock with docs/upstream-protocol.md: one row for each call, form, code and rejection in
//! the text.
//!
//! A `sim:` line in a row's message requests a fault that the real hosts show by themselves.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

mod api;
mod web;

const KEY: &str = "Authorization: Bearer sk-dora-key-0123456789\r\n";

/// Expected body of a response.
enum Body {
    /// JSON with these fields, by pointer.
    Json(&'static [(&'static str, Is)]),
    /// Exactly this text.
    Text(&'static str),
    /// A text that contains all of these.
    Contains(&'static [&'static str]),
}

/// Expected value of a field.
enum Is {
    Text,
    Number,
    List,
    Null,
    Missing,
    Exactly(&'static str),
    Begins(&'static str),
}

struct Row {
    /// Statement of the protocol that the row checks.
    says: &'static str,
    call: &'static str,
    credential: &'static str,
    kind: &'static str,
    sent: String,
    status: u16,
    body: Body,
}

fn row(
    says: &'static str,
    call: &'static str,
    credential: &'static str,
    (kind, sent): (&'static str, String),
    status: u16,
    body: Body,
) -> Row {
    Row { says, call, credential, kind, sent, status, body }
}

fn no_body() -> (&'static str, String) {
    ("application/json", String::new())
}

const ANY: Body = Body::Contains(&[]);

/// Calls that the protocol names and the program never makes: not proven, or translated to chat completions.
fn unused() -> Vec<Row> {
    let calls = [
        "POST /v1/images/generations",
        "POST /v1/audio/transcriptions",
        "POST /v1/messages",
        "POST /v1/responses",
        "POST /api/message/send",
        "POST /api/chat/send",
        "POST /api/chat/create",
        "POST /api/chat/delete",
    ];
    let credential = |call: &str| if call.contains("/v1/") { KEY } else { COOKIE };
    calls
        .into_iter()
        .map(|call| row("not proven, not used", call, credential(call), no_body(), 404, ANY))
        .collect()
}

/// Calls that only the mock has: a login page without a password, and its control endpoints.
const ITS_OWN: [&str; 7] = [
    "GET /app/login",
    "POST /app/login",
    "POST /__sim/faults",
    "DELETE /__sim/faults",
    "GET /__sim/calls",
    "DELETE /__sim/calls",
    "POST /__sim/release",
];

async fn by_protocol() -> MockUpstream {
    let accounts = vec![
        MockAccount::web("alice"),
        MockAccount::web("bob").with_limit(0),
        MockAccount::api("dora"),
        MockAccount::api("emil").with_limit(0),
    ];
    MockUpstream::start(MockUpstreamOptions::instant(accounts)).await.unwrap()
}

#[tokio::test]
async fn every_row_of_the_protocol_holds() {
    let simulator = by_protocol().await;
    for row in web::rows().into_iter().chain(api::rows()).chain(unused()) {
        let headers = format!("{}Content-Type: {}\r\n", row.credential, row.kind);
        let answer = request(&simulator, row.call, &headers, row.sent.as_bytes()).await;
        let text = text(&answer);
        assert_eq!(answer.status(), row.status, "{}: {} {text}", row.says, row.call);
        check(&row, &text);
    }
}

#[tokio::test]
async fn every_web_model_id_that_is_known_is_taken() {
    let simulator = by_protocol().await;
    for model in [
        "anthropic-claude-3-7-sonnet-latest",
        "anthropic-claude-4-2025-05-14",
        "openai-gpt-4o-mini",
        "openai-o4-mini",
        "openai-gpt-4.1",
        "openai-gpt-4.1-search-preview",
        "openai-gpt-5",
        "openai-gpt-5-mini",
        "openai-gpt-5-thinking",
        "google-gemini-2.5-pro",
        "xai-grok-3-beta",
        "xai-grok-4-0709",
        "fireworks-llama-4.0-maverick",
    ] {
        assert_eq!(ask_as(&simulator, COOKIE, model, &[turn("echo: x", &[])]).await.text(), "x", "{model}");
    }
}

#[test]
fn the_simulator_serves_nothing_that_is_not_accounted_for() {
    let rows = web::rows()
        .into_iter()
        .chain(api::rows())
        .map(|row| row.call)
        .chain(ITS_OWN)
        .collect::<BTreeSet<_>>();
    let listed = endpoints(include_str!("../lib.rs"));
    let rows: BTreeSet<String> = rows.into_iter().map(str::to_owned).collect();
    assert_eq!(listed, rows);
}

/// The requests in the endpoint table of the crate's documentation.
fn endpoints(documentation: &str) -> BTreeSet<String> {
    let rows = documentation.lines().skip_while(|line| !line.contains("# Endpoints"));
    let rows = rows.take_while(|line| !line.contains("# What the last user message"));
    let firsts = rows.filter_map(|line| line.strip_prefix("//! | `")?.split_once(" | "));
    let mut found = BTreeSet::new();
    for (first, _) in firsts {
        let words: Vec<&str> = first.split(['`', ' ', ',']).filter(|word| !word.is_empty()).collect();
        let (methods, paths): (Vec<&str>, Vec<&str>) =
            words.into_iter().partition(|word| !word.starts_with('/'));
        for method in methods {
            found.extend(paths.iter().map(|path| format!("{method} {path}")));
        }
    }
    found
}

fn text(answer: &RawResponse) -> String {
    if answer.header("transfer-encoding").is_some() {
        return answer.text();
    }
    String::from_utf8(answer.body().to_vec()).unwrap()
}

fn check(row: &Row, text: &str) {
    let about = format!("{}: {} {text}", row.says, row.call);
    match &row.body {
        Body::Text(expected) => assert_eq!(text, *expected, "{about}"),
        Body::Contains(pieces) => assert!(pieces.iter().all(|piece| text.contains(piece)), "{about}"),
        Body::Json(fields) => {
            let json: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {about}"));
            for (pointer, is) in *fields {
                assert!(fits(json.pointer(pointer), is), "{pointer}: {about}");
            }
        }
    }
}

fn fits(value: Option<&Value>, is: &Is) -> bool {
    match is {
        Is::Missing => value.is_none(),
        Is::Null => value == Some(&Value::Null),
        Is::Text => value.is_some_and(Value::is_string),
        Is::Number => value.is_some_and(Value::is_number),
        Is::List => value.is_some_and(Value::is_array),
        Is::Exactly(text) => value.and_then(Value::as_str) == Some(text),
        Is::Begins(text) => value.and_then(Value::as_str).is_some_and(|value| value.starts_with(text)),
    }
}
