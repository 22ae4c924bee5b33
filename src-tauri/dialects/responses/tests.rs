use serde_json::json;

use super::*;
use crate::chat::{Effort, Format, ToolChoice};
use crate::dialects::InvalidCode;

fn decoded(body: &Value) -> Result<Decoded, Invalid> {
    decode(&Bytes::from(body.to_string()))
}

fn memory(decoded: &Decoded) -> &Memory {
    decoded.remember.responses.as_deref().unwrap()
}

#[test]
fn a_request_as_codex_sends_it() {
    let body = json!({
        "model": "gpt-5", "stream": true, "store": false, "parallel_tool_calls": false,
        "instructions": "be brief\n",
        "input": [
            { "type": "message", "role": "developer", "content": [{ "type": "input_text", "text": "rules" }] },
            { "role": "user", "content": "go" },
            { "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "hm" }], "encrypted_content": "x" },
            { "type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
              "content": [{ "type": "output_text", "text": "yes", "annotations": [], "logprobs": [] }] },
            { "type": "function_call", "id": "fc_1", "call_id": "c1", "name": "read", "namespace": "files", "arguments": "{\"a\":1}" },
            { "type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "*** Begin" },
            { "type": "function_call_output", "call_id": "c1", "output": [{ "type": "input_text", "text": "t" }] },
            { "type": "custom_tool_call_output", "call_id": "c2", "output": "done" },
            { "type": "web_search_call", "id": "ws_1", "status": "completed" },
        ],
        "tools": [
            { "type": "function", "name": "shell", "parameters": { "type": "object" }, "strict": false },
            { "type": "namespace", "name": "files", "description": "d", "tools": [{ "type": "function", "name": "read" }] },
            { "type": "custom", "name": "patch", "description": "d", "format": { "type": "grammar" } },
            { "type": "web_search" },
        ],
        "tool_choice": "auto", "reasoning": { "effort": "medium", "summary": "auto" },
        "include": ["reasoning.encrypted_content"], "prompt_cache_key": "k", "client_metadata": { "a": "b" },
        "text": { "verbosity": "low", "format": { "type": "json_schema", "name": "n", "schema": { "type": "object" } } },
    });
    let decoded = decoded(&body).unwrap();
    let request = &decoded.request;
    let roles: Vec<Role> = request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::System, Role::System, Role::User, Role::Assistant, Role::User]);
    assert_eq!((request.messages[3].parts.len(), request.messages[4].parts.len()), (4, 2));
    let Part::Call(call) = &request.messages[3].parts[2] else { panic!("a call") };
    assert_eq!((call.name.as_str(), call.arguments.as_str()), ("files__read", "{\"a\":1}"));
    let Part::Call(call) = &request.messages[3].parts[3] else { panic!("a call") };
    assert_eq!(call.arguments, "{\"input\":\"*** Begin\"}");
    let names: Vec<&str> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["shell", "files__read", "patch"]);
    assert_eq!((request.one_call, request.effort), (true, Some(Effort::Medium)));
    assert!(matches!(request.format, Format::JsonSchema { .. }));
    assert_eq!(decoded.ignored, ["tools.web_search", "input"]);
    assert!(!memory(&decoded).keep && memory(&decoded).instructed);
    assert!(!memory(&decoded).echo.contains('\n'), "{}", memory(&decoded).echo);
}

#[test]
fn what_is_kept_elsewhere_is_refused() {
    for (field, value) in
        [("background", json!(true)), ("conversation", json!("c")), ("prompt", json!({ "id": "p" }))]
    {
        let mut body = json!({ "model": "m", "input": "hi" });
        body[field] = value;
        let invalid = decoded(&body).unwrap_err();
        assert_eq!(
            (invalid.code, invalid.param.as_deref()),
            (InvalidCode::UnsupportedParameter, Some(field))
        );
    }
    let reference = json!({ "model": "m", "input": [{ "type": "item_reference", "id": "x" }] });
    assert_eq!(decoded(&reference).unwrap_err().param.as_deref(), Some("input[0]"));
}

#[test]
fn tool_choice_names_a_custom_tool_too() {
    let tools = json!([{ "type": "custom", "name": "patch" }]);
    let body = json!({ "model": "m", "input": "hi", "tools": tools, "tool_choice": { "type": "custom", "name": "patch" } });
    assert_eq!(decoded(&body).unwrap().request.tool_choice, ToolChoice::Named("patch".into()));
}

#[test]
fn results_of_older_tools_keep_their_json() {
    let items = json!([
        { "type": "local_shell_call", "call_id": "c", "action": { "type": "exec", "command": ["ls"] } },
        { "type": "local_shell_call_output", "call_id": "c", "output": { "stdout": "a" } },
        { "type": "computer_call_output", "call_id": "d", "output": { "type": "computer_screenshot", "image_url": "https://e.com/x" } },
    ]);
    let decoded = decoded(&json!({ "model": "m", "input": items })).unwrap();
    let Part::Call(call) = &decoded.request.messages[0].parts[0] else { panic!("a call") };
    assert_eq!(call.name, "local_shell");
    let Part::Result(result) = &decoded.request.messages[1].parts[0] else { panic!("a result") };
    assert_eq!(result.parts, [Part::Text("{\"stdout\":\"a\"}".into())]);
    let Part::Result(result) = &decoded.request.messages[1].parts[1] else { panic!("a result") };
    assert!(matches!(result.parts[0], Part::ImageLink(_)));
}

#[test]
fn custom_and_namespaced_calls_come_back_as_the_client_knows_them() {
    use crate::chat::{Event, Finish, Usage};
    use crate::dialects::{About, Encode};
    let tools = json!([{ "type": "custom", "name": "patch" }, { "type": "namespace", "name": "f", "tools": [{ "type": "function", "name": "read" }] }]);
    let decoded = decoded(&json!({ "model": "m", "input": "hi", "tools": tools })).unwrap();
    let about = About { id: "1".into(), created: 7, model: "m".into(), remember: decoded.remember };
    let mut encoder = Encoder::new(about);
    let mut out = String::new();
    for event in [
        Event::Call { id: "c1".into(), name: "patch".into() },
        Event::CallArguments(r#"{"input":"a\n"#.into()),
        Event::CallArguments(r#"b"}"#.into()),
        Event::Call { id: "c2".into(), name: "f__read".into() },
        Event::CallArguments("{}".into()),
        Event::Done { finish: Finish::Calls, usage: Usage::default() },
    ] {
        out += &encoder.frames(&event);
    }
    assert!(out.contains(r#""delta":"a\nb""#), "{out}");
    let kept = encoder.kept().unwrap();
    let body: Value = serde_json::from_str(&kept.body).unwrap();
    assert_eq!(body["output"][0]["type"], "custom_tool_call");
    assert_eq!((&body["output"][0]["input"], &body["output"][0]["call_id"]), (&json!("a\nb"), &json!("c1")));
    assert_eq!((&body["output"][1]["name"], &body["output"][1]["namespace"]), (&json!("read"), &json!("f")));
    assert_eq!((&body["status"], kept.said.len()), (&json!("completed"), 2));
}
