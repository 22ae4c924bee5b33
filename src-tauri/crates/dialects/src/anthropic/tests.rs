use serde_json::json;

use super::*;
use protocol::{Part, Role};

fn decoded(body: &Value) -> Result<DecodedRequest, InvalidRequest> {
    decode(&Bytes::from(body.to_string()))
}

fn ask(messages: Value) -> Value {
    json!({ "model": "claude-sonnet-4", "max_tokens": 100, "messages": messages })
}

fn hi() -> Value {
    ask(json!([{ "role": "user", "content": "hi" }]))
}

#[test]
fn a_request_as_claude_code_sends_it() {
    let mut body = ask(json!([
        { "role": "user", "content": [{ "type": "text", "text": "go", "cache_control": { "type": "ephemeral" } }] },
        { "role": "assistant", "content": [
            { "type": "thinking", "thinking": "hm", "signature": "x" },
            { "type": "redacted_thinking", "data": "y" },
            { "type": "tool_use", "id": "t1", "name": "Read", "input": { "path": "a" } },
            { "type": "tool_use", "id": "t2", "name": "List", "input": {} }] },
        { "role": "user", "content": [
            { "type": "tool_result", "tool_use_id": "t1", "content": [{ "type": "text", "text": "1\tx" },
                { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo=" } }] },
            { "type": "tool_result", "tool_use_id": "t2", "content": "no", "is_error": true }] },
        { "role": "system", "content": "a reminder" },
    ]));
    body["system"] = json!([{ "type": "text", "text": "be", "cache_control": { "type": "ephemeral" } }, { "type": "text", "text": "brief" }]);
    body["thinking"] = json!({ "type": "adaptive" });
    body["output_config"] = json!({ "effort": "xhigh" });
    body["context_management"] = json!({ "edits": [1] });
    body["tools"] = json!([
        { "name": "Read", "description": "d", "input_schema": { "type": "object" }, "defer_loading": true },
        { "type": "custom", "name": "List", "input_schema": { "type": "object" } },
        { "type": "web_search_20250305", "name": "web_search", "max_uses": 8 },
    ]);
    body["tool_choice"] = json!({ "type": "any", "disable_parallel_tool_use": true });
    let DecodedRequest { request, ignored, api_only_params: steering, options: remember } =
        decoded(&body).unwrap();
    let roles: Vec<Role> = request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::User, Role::System]);
    assert_eq!((request.messages[0].parts.len(), request.messages[2].parts.len()), (2, 3));
    let Part::Result(first) = &request.messages[3].parts[0] else { panic!("a result") };
    let Part::Result(second) = &request.messages[3].parts[1] else { panic!("a result") };
    assert_eq!((first.parts.len(), first.failed, second.failed), (2, false, true));
    let names: Vec<&str> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(
        (names, request.tool_choice, request.single_tool_call),
        (vec!["Read", "List"], ToolChoice::Required, true)
    );
    assert_eq!((request.effort, remember.include_reasoning), (Some(ReasoningEffort::Max), true));
    assert_eq!(
        (ignored, steering),
        (vec!["context_management".into(), "tools.web_search".into()], vec!["output_config"])
    );
}

#[test]
fn reasoning_is_switched_on_and_off() {
    for (thinking, effort, thoughts) in [
        (json!({ "type": "enabled", "budget_tokens": 2_000 }), Some(ReasoningEffort::Low), true),
        (json!({ "type": "disabled" }), Some(ReasoningEffort::Off), false),
        (json!({ "type": "adaptive" }), None, true),
        (Value::Null, None, false),
    ] {
        let mut body = hi();
        body["thinking"] = thinking;
        let decoded = decoded(&body).unwrap();
        assert_eq!((decoded.request.effort, decoded.options.include_reasoning), (effort, thoughts), "{body}");
    }
}

#[test]
fn a_tool_reference_becomes_text() {
    let result = json!([{ "type": "tool_result", "tool_use_id": "t1", "content": [{ "type": "tool_reference", "tool_name": "Later" }] }]);
    let read = decoded(&ask(json!([{ "role": "user", "content": result }]))).unwrap();
    let Part::Result(found) = &read.request.messages[0].parts[0] else { panic!("a result") };
    assert!(matches!(&found.parts[..], [Part::Text(text)] if text.contains("Later")), "{found:?}");
    assert!(read.ignored.is_empty());
}

#[test]
fn text_documents_are_read_and_others_named() {
    let document = |source: Value| {
        ask(json!([{ "role": "user", "content": [{ "type": "document", "title": "T", "source": source }] }]))
    };
    let read =
        decoded(&document(json!({ "type": "text", "media_type": "text/plain", "data": "D" }))).unwrap();
    assert_eq!(read.request.messages[0].parts, [Part::Text("T".into()), Part::Text("D".into())]);
    let refused =
        decoded(&document(json!({ "type": "url", "url": "https://example.com/a.pdf" }))).unwrap_err();
    assert_eq!(
        (refused.code, refused.param.as_deref()),
        (InvalidCode::UnsupportedParameter, Some("messages[0].content[0]"))
    );
}

#[test]
fn structured_output_by_both_names() {
    let format = json!({ "type": "json_schema", "schema": { "type": "object" } });
    let (mut new, mut old) = (hi(), hi());
    new["output_config"] = json!({ "format": format });
    old["output_format"] = format;
    let new = decoded(&new).unwrap().request.format;
    assert!(matches!(&new, ResponseFormat::JsonSchema { schema, .. } if schema["type"] == "object"));
    assert_eq!(new, decoded(&old).unwrap().request.format);
}

#[test]
fn a_thread_is_refused_with_the_code_the_sdk_falls_back_on() {
    let mut body = hi();
    body["thread"] = json!({ "type": "create" });
    assert_eq!(decoded(&body).unwrap_err().code, InvalidCode::ThreadUnsupported);
    let error: Value =
        serde_json::from_str(&error_body(400, "thread_unsupported_request", "m", None)).unwrap();
    assert_eq!(
        error["error"]["details"],
        json!({ "error_code": "thread_unsupported_request", "unsupported": [] })
    );
}

#[test]
fn p05_wrong_values_are_named() {
    for (messages, param) in [
        (json!([]), "messages"),
        (json!([{ "role": "robot", "content": "x" }]), "messages[0].role"),
        (json!([{ "role": "user", "content": [{ "type": "text" }] }]), "messages[0].content[0].text"),
        (
            json!([{ "role": "user", "content": [{ "type": "tool_result" }] }]),
            "messages[0].content[0].tool_use_id",
        ),
        (json!([{ "role": "user", "content": [{ "type": "image" }] }]), "messages[0].content[0].source"),
        (json!([{ "role": "user", "content": 7 }]), "messages[0].content"),
    ] {
        assert_eq!(decoded(&ask(messages.clone())).unwrap_err().param.as_deref(), Some(param), "{messages}");
    }
}

#[test]
fn every_status_has_its_type() {
    let kind = |status, code| {
        let body: Value = serde_json::from_str(&error_body(status, code, "m", None)).unwrap();
        body["error"]["type"].as_str().unwrap().to_owned()
    };
    assert_eq!(kind(401, "invalid_api_key"), "authentication_error");
    assert_eq!(kind(429, "insufficient_quota"), "rate_limit_error");
    assert_eq!(kind(503, "starting"), "overloaded_error");
    assert_eq!(kind(503, "no_account"), "api_error");
    assert_eq!(kind(415, "unsupported_media_type"), "invalid_request_error");
}

#[test]
fn hosted_tools_alone_are_refused_and_beside_others_ignored_by_name() {
    let mut body = hi();
    let search = json!({ "type": "web_search_20250305", "name": "web_search", "max_uses": 8 });
    body["tools"] = json!([search]);
    for choice in [Value::Null, json!({ "type": "tool", "name": "web_search" })] {
        body["tool_choice"] = choice;
        let refused = decoded(&body).unwrap_err();
        assert_eq!(
            (refused.code, refused.param.as_deref()),
            (InvalidCode::UnsupportedParameter, Some("tools"))
        );
        assert!(refused.message.contains("web_search is not available"), "{}", refused.message);
    }
    body["tool_choice"] = json!({ "type": "none" });
    assert_eq!(decoded(&body).unwrap().ignored, ["tools.web_search"]);
    body["mcp_servers"] = json!([{ "type": "url", "url": "https://example.com", "name": "a" }]);
    body["tools"] = json!([{ "type": "mcp_toolset", "mcp_server_name": "a" }]);
    body["tool_choice"] = Value::Null;
    assert_eq!(decoded(&body).unwrap_err().param.as_deref(), Some("tools"));
    body["tools"] = json!([{ "name": "f", "input_schema": { "type": "object" } }]);
    assert_eq!(decoded(&body).unwrap().ignored, ["tools.mcp"]);
}

#[test]
fn fields_that_change_the_reply_are_read_named_or_refused() {
    let mut body = ask(json!([
        { "role": "assistant", "content": [{ "type": "compaction", "content": "We spoke of mammoths." }] },
        { "role": "user", "content": [{ "type": "document", "citations": { "enabled": true },
            "source": { "type": "text", "media_type": "text/plain", "data": "D" } }] },
    ]));
    body["tools"] = json!([
        { "type": "bash_20250124", "name": "bash" },
        { "name": "f", "description": "d", "input_schema": { "type": "object" }, "input_examples": [{ "a": 1 }, {}] },
    ]);
    let read = decoded(&body).unwrap();
    assert_eq!(read.request.messages[0].parts, [Part::Text("We spoke of mammoths.".into())]);
    assert_eq!(read.ignored, ["messages.content.citations"]);
    let names: Vec<&str> = read.request.tools.iter().map(|tool| tool.name.as_str()).collect();
    let described = read.request.tools[1].description.as_deref();
    assert_eq!((names, described), (vec!["bash", "f"], Some("d\n\nExamples of its input:\n{\"a\":1}\n{}")));
    body["container"] = json!({ "skills": [{ "type": "anthropic", "skill_id": "pptx" }] });
    let refused = decoded(&body).unwrap_err();
    assert_eq!(
        (refused.code, refused.param.as_deref()),
        (InvalidCode::UnsupportedParameter, Some("container"))
    );
}

#[test]
fn the_attribution_block_is_no_part_of_the_prompt() {
    let text = |text: &str| json!({ "type": "text", "text": text });
    let system = |blocks: Value| {
        let mut body = hi();
        body["system"] = blocks;
        decoded(&body).unwrap().request.messages[0].parts.clone()
    };
    let attribution = "x-anthropic-billing-header: cc_version=2.1; cch=1;";
    let prompt = Part::Text("You are Claude Code.".into());
    assert_eq!(
        system(json!([text(attribution), text("You are Claude Code.")])),
        std::slice::from_ref(&prompt)
    );
    // A prompt that only begins so is no attribution.
    let whole = format!("{attribution}\nYou are Claude Code.");
    assert_eq!(system(json!(whole)), [Part::Text(whole.clone())]);
}

#[test]
fn a_conversation_that_is_too_long_is_refused_in_words_that_make_clients_compact() {
    let message = |text: &str| {
        let body: Value =
            serde_json::from_str(&error_body(400, "context_length_exceeded", text, None)).unwrap();
        body["error"]["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(message("300000 tokens"), "prompt is too long: 300000 tokens");
    assert_eq!(message("Prompt is too long"), "Prompt is too long");
}
