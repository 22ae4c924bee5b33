use serde_json::json;

use super::*;
use crate::InvalidCode;
use protocol::{ReasoningEffort, ResponseFormat, ToolChoice};

fn decoded(body: &Value) -> Result<DecodedRequest, InvalidRequest> {
    decode(&Bytes::from(body.to_string()))
}

fn state(decoded: &DecodedRequest) -> &ResponsesState {
    decoded.options.responses.as_deref().unwrap()
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
    assert_eq!((request.single_tool_call, request.effort), (true, Some(ReasoningEffort::Medium)));
    assert!(matches!(request.format, ResponseFormat::JsonSchema { .. }));
    assert_eq!(decoded.ignored, ["tools.web_search", "input"]);
    assert!(!state(&decoded).store && state(&decoded).has_instructions);
    assert!(!state(&decoded).echoed_fields.contains('\n'), "{}", state(&decoded).echoed_fields);
}

#[test]
fn what_only_openais_servers_hold_is_refused() {
    for (field, value) in [
        ("background", json!(true)),
        ("conversation", json!("c")),
        ("prompt", json!({ "id": "p" })),
        ("top_logprobs", json!(2)),
        ("include", json!(["message.output_text.logprobs"])),
    ] {
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
fn custom_and_namespaced_calls_come_back_under_the_clients_names() {
    use crate::{Encode, ReplyContext};
    use protocol::{Event, FinishReason, Usage};
    let tools = json!([{ "type": "custom", "name": "patch" }, { "type": "namespace", "name": "f", "tools": [{ "type": "function", "name": "read" }] }]);
    let decoded = decoded(&json!({ "model": "m", "input": "hi", "tools": tools })).unwrap();
    let about = ReplyContext { id: "1".into(), created: 7, model: "m".into(), options: decoded.options };
    let mut encoder = Encoder::new(about);
    let mut out = String::new();
    for event in [
        Event::Call { id: "c1".into(), name: "patch".into() },
        Event::CallArguments(r#"{"input":"a\n"#.into()),
        Event::CallArguments(r#"b"}"#.into()),
        Event::Call { id: "c2".into(), name: "f__read".into() },
        Event::CallArguments("{}".into()),
        Event::Done { finish: FinishReason::ToolCalls, usage: Usage::default() },
    ] {
        out += &encoder.encode_event(&event);
    }
    assert!(out.contains(r#""delta":"a\nb""#), "{out}");
    let kept = encoder.stored_response().unwrap();
    let body: Value = serde_json::from_str(&kept.body).unwrap();
    assert_eq!(body["output"][0]["type"], "custom_tool_call");
    assert_eq!((&body["output"][0]["input"], &body["output"][0]["call_id"]), (&json!("a\nb"), &json!("c1")));
    assert_eq!((&body["output"][1]["name"], &body["output"][1]["namespace"]), (&json!("read"), &json!("f")));
    assert_eq!((&body["status"], kept.parts.len()), (&json!("completed"), 2));
}

fn names(request: &Request) -> Vec<&str> {
    request.tools.iter().map(|tool| tool.name.as_str()).collect()
}

#[test]
fn tools_in_input_items_are_offered_wherever_they_stand() {
    let grammar = json!({ "type": "grammar", "syntax": "lark", "definition": "start: /.+/" });
    let first = json!([
        { "type": "namespace", "name": "functions", "description": "", "tools": [
            { "type": "custom", "name": "exec", "description": "Runs code", "format": grammar },
            { "type": "function", "name": "wait", "parameters": { "type": "object" } }] },
        { "type": "namespace", "name": "clock", "description": "Time.", "tools": [
            { "type": "function", "name": "sleep", "description": "old" }, { "type": "function", "name": "now" }] },
        { "type": "image_generation" },
    ]);
    let later = json!([{ "type": "namespace", "name": "clock", "tools": [
        { "type": "function", "name": "sleep", "description": "new" }] }]);
    let body = json!({ "model": "m", "tool_choice": "required", "input": [
        { "type": "additional_tools", "role": "developer", "tools": first },
        { "role": "user", "content": "hi" },
        { "type": "additional_tools", "role": "developer", "tools": later },
        { "type": "custom_tool_call", "call_id": "c", "name": "exec", "namespace": "functions", "input": "1" },
        { "type": "custom_tool_call_output", "call_id": "c", "output": "2" },
    ] });
    let decoded = decoded(&body).unwrap();
    let request = &decoded.request;
    assert_eq!(names(request), ["exec", "wait", "clock__sleep", "clock__now"]);
    let described = |at: usize| request.tools[at].description.as_deref().unwrap_or_default();
    assert_eq!(described(0), "Runs code\n\nThe input must follow this grammar (lark):\nstart: /.+/");
    assert_eq!((described(2), described(3)), ("new", ""));
    assert_eq!((request.messages.len(), &request.tool_choice), (3, &ToolChoice::Required));
    let Part::Call(call) = &request.messages[1].parts[0] else { panic!("a call") };
    assert_eq!((call.name.as_str(), call.arguments.as_str()), ("exec", r#"{"input":"1"}"#));
    assert_eq!(decoded.ignored, ["tools.image_generation"]);
    assert_eq!(state(&decoded).tool_origins.namespace_and_name("exec"), (Some("functions"), "exec"));
}

#[test]
fn tools_that_came_by_items_belong_to_the_conversation() {
    let item = |tools: Value| json!({ "type": "additional_tools", "tools": tools });
    let space = |tools: Value| json!([{ "type": "namespace", "name": "clock", "tools": tools }]);
    let sleep = |text: &str| json!({ "type": "function", "name": "sleep", "description": text });
    let ask = |tools: Value, choice: Value, items: Value| {
        let body = json!({ "model": "m", "previous_response_id": "resp_1", "tools": tools, "tool_choice": choice, "input": items });
        decoded(&body).unwrap()
    };
    let hi = json!({ "role": "user", "content": "hi" });
    let first = ask(
        json!([{ "type": "custom", "name": "own" }]),
        Value::Null,
        json!([item(space(json!([sleep("old"), { "type": "custom", "name": "exec" }]))), hi]),
    );
    let earlier = &state(&first).item_tools;
    assert!(earlier.bytes() > 0);

    let mut next = ask(
        json!([{ "type": "function", "name": "other" }]),
        Value::Null,
        json!([item(space(json!([sleep("new")]))), hi]),
    );
    let mut next_state = next.options.responses.take().unwrap();
    next_state.restore_item_tools(earlier, &mut next.request).unwrap();
    assert_eq!(
        names(&next.request),
        ["other", "clock__sleep", "clock__exec"],
        "those of a request are its own"
    );
    assert_eq!(next.request.tools[1].description.as_deref(), Some("new"));
    assert_eq!(next_state.tool_origins.namespace_and_name("clock__exec"), (Some("clock"), "exec"));
    assert_eq!(next_state.tool_origins.call_form("clock__exec"), super::tools::CallForm::Custom);

    let mut third = ask(json!([]), Value::Null, json!([hi]));
    third
        .options
        .responses
        .take()
        .unwrap()
        .restore_item_tools(&next_state.item_tools, &mut third.request)
        .unwrap();
    assert_eq!(names(&third.request), ["clock__exec", "clock__sleep"]);
    assert_eq!(third.request.tools[1].description.as_deref(), Some("new"));

    let only = json!({ "type": "allowed_tools", "mode": "auto", "tools": [{ "type": "function", "name": "other" }] });
    let mut chosen = ask(json!([{ "type": "function", "name": "other" }]), only, json!([hi]));
    chosen.options.responses.take().unwrap().restore_item_tools(earlier, &mut chosen.request).unwrap();
    assert_eq!(names(&chosen.request), ["other"]);

    let many: Vec<Value> =
        (0..2_000).map(|n| json!({ "type": "function", "name": format!("f{n}") })).collect();
    let mut full = ask(json!(many), Value::Null, json!([hi]));
    let refused =
        full.options.responses.take().unwrap().restore_item_tools(earlier, &mut full.request).unwrap_err();
    assert_eq!(refused.param.as_deref(), Some("previous_response_id"));
}

#[test]
fn a_namespace_description_reaches_the_model() {
    let inner = json!([{ "type": "function", "name": "read", "description": "Reads." }, { "type": "function", "name": "list" }]);
    let tools = json!([{ "type": "namespace", "name": "docs", "description": "Paths are relative.", "tools": inner }]);
    let request = decoded(&json!({ "model": "m", "input": "hi", "tools": tools })).unwrap().request;
    let first = request.tools[0].description.as_deref();
    assert_eq!(first, Some("[About all tools of 'docs': Paths are relative.]\n\nReads."));
    assert_eq!(request.tools[1].description, None);
}

#[test]
fn more_tools_than_fit_are_refused_wherever_they_come_from() {
    let tools: Vec<Value> =
        (0..1_500).map(|n| json!({ "type": "function", "name": format!("f{n}") })).collect();
    let item = |tools: &[Value]| json!({ "type": "additional_tools", "tools": tools });
    let ask = |items: Vec<Value>| decoded(&json!({ "model": "m", "tools": tools, "input": items }));
    let hi = json!({ "role": "user", "content": "hi" });
    assert_eq!(ask(vec![hi.clone(), item(&tools)]).unwrap().request.tools.len(), 1_500);
    let others: Vec<Value> =
        (0..501).map(|n| json!({ "type": "function", "name": format!("g{n}") })).collect();
    let refused = ask(vec![hi, item(&others)]).unwrap_err();
    assert_eq!(refused.param.as_deref(), Some("input[1].tools[500]"));
}

#[test]
fn a_search_among_the_clients_tools_is_called_and_answered() {
    use crate::{Encode, ReplyContext};
    use protocol::{Event, FinishReason, Usage};
    let search = json!({ "type": "tool_search", "execution": "client", "description": "Finds tools",
        "parameters": { "type": "object", "properties": { "query": { "type": "string" } } } });
    let found = json!([{ "type": "namespace", "name": "mcp__a", "tools": [{ "type": "function", "name": "b", "defer_loading": true }] }]);
    let body = json!({ "model": "m", "tools": [search, { "type": "tool_search" }], "input": [
        { "role": "user", "content": "hi" },
        { "type": "tool_search_call", "call_id": "s", "execution": "client", "arguments": { "query": "b" } },
        { "type": "tool_search_output", "call_id": "s", "status": "completed", "execution": "client", "tools": found },
        { "type": "tool_search_call", "call_id": "t", "execution": "client", "arguments": { "query": "c" } },
        { "type": "tool_search_output", "call_id": "t", "execution": "client", "tools": [] },
        { "type": "tool_search_output", "call_id": null, "execution": "server", "tools": [{ "type": "function", "name": "d" }] },
    ] });
    let decoded = decoded(&body).unwrap();
    assert_eq!(names(&decoded.request), ["tool_search", "mcp__a__b", "d"]);
    assert_eq!(decoded.ignored, ["tools.tool_search"], "only the one that OpenAI would carry out");
    let messages = &decoded.request.messages;
    assert_eq!(messages.len(), 5);
    let Part::Call(call) = &messages[1].parts[0] else { panic!("a call") };
    assert_eq!((call.name.as_str(), call.arguments.as_str()), ("tool_search", r#"{"query":"b"}"#));
    let told = |at: usize| match &messages[at].parts[0] {
        Part::Result(result) => result.parts[0].text().unwrap_or_default().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(told(2), "These tools can be called now: mcp__a__b");
    assert_eq!(told(4), "No tool was found.");

    let about = ReplyContext { id: "1".into(), created: 7, model: "m".into(), options: decoded.options };
    let mut encoder = Encoder::new(about);
    let mut out = String::new();
    for event in [
        Event::Call { id: "c1".into(), name: "tool_search".into() },
        Event::CallArguments(r#"{"query":"#.into()),
        Event::CallArguments(r#""x"}"#.into()),
        Event::Done { finish: FinishReason::ToolCalls, usage: Usage::default() },
    ] {
        out += &encoder.encode_event(&event);
    }
    assert!(!out.contains("arguments.delta") && !out.contains("arguments.done"), "{out}");
    let body: Value = serde_json::from_str(&encoder.stored_response().unwrap().body).unwrap();
    let expected = json!({ "id": "tsc_1_0", "type": "tool_search_call", "call_id": "c1", "status": "completed",
        "execution": "client", "arguments": { "query": "x" } });
    assert_eq!(body["output"][0], expected);
}

#[test]
fn unsupported_items_are_refused_by_name() {
    for kind in [
        "compaction_trigger",
        "compaction",
        "compaction_summary",
        "context_compaction",
        "mcp_approval_response",
    ] {
        let items = json!([{ "role": "user", "content": "hi" }, { "type": kind, "encrypted_content": "x" }]);
        let refused = decoded(&json!({ "model": "m", "input": items })).unwrap_err();
        assert_eq!(
            (refused.code, refused.param.as_deref()),
            (InvalidCode::UnsupportedParameter, Some("input[1]"))
        );
        assert!(refused.message.contains(&format!("'{kind}'")), "{}", refused.message);
    }
}

#[test]
fn agent_messages_and_effort_updates_are_read() {
    let content = json!([{ "type": "input_text", "text": "Payload:" }, { "type": "encrypted_content", "encrypted_content": "do it" }]);
    let items = json!([
        { "type": "agent_message", "author": "/root", "recipient": "/root/helper", "content": content },
        { "type": "configuration_update", "reasoning": { "effort": "high" } },
    ]);
    let decoded = decoded(&json!({ "model": "m", "input": items })).unwrap();
    let texts: Vec<&str> = decoded.request.messages[0].parts.iter().filter_map(Part::text).collect();
    assert_eq!(texts, ["Message from agent /root to /root/helper:", "Payload:", "do it"]);
    assert_eq!(
        (decoded.request.messages[0].role, decoded.request.effort),
        (Role::User, Some(ReasoningEffort::High))
    );
    assert!(decoded.ignored.is_empty() && decoded.api_only_params == ["reasoning"]);
}

#[test]
fn hosted_tools_alone_are_refused_and_beside_others_ignored_by_name() {
    let ask = |tools: Value, choice: Value| {
        decoded(&json!({ "model": "m", "input": "hi", "tools": tools, "tool_choice": choice }))
    };
    let search = json!({ "type": "web_search", "external_web_access": true });
    let refused = ask(json!([search]), json!("auto")).unwrap_err();
    assert_eq!((refused.code, refused.param.as_deref()), (InvalidCode::UnsupportedParameter, Some("tools")));
    assert!(ask(json!([search]), json!("none")).is_ok());
    let both = json!([search, { "type": "function", "name": "f" }]);
    assert_eq!(ask(both.clone(), json!("auto")).unwrap().ignored, ["tools.web_search"]);
    let refused = ask(both, json!({ "type": "web_search" })).unwrap_err();
    assert_eq!(
        (refused.code, refused.param.as_deref()),
        (InvalidCode::UnsupportedParameter, Some("tool_choice"))
    );
}

#[test]
fn a_choice_may_name_a_tool_within_a_namespace() {
    let inner = json!([{ "type": "function", "name": "read" }, { "type": "function", "name": "list" }]);
    let tools = json!([{ "type": "namespace", "name": "docs", "tools": inner }]);
    let ask = |choice: Value| {
        decoded(&json!({ "model": "m", "input": "hi", "tools": tools, "tool_choice": choice }))
            .unwrap()
            .request
    };
    let read = json!({ "type": "function", "namespace": "docs", "name": "read" });
    assert_eq!(ask(read.clone()).tool_choice, ToolChoice::Named("docs__read".into()));
    let few = ask(json!({ "type": "allowed_tools", "mode": "required", "tools": [read] }));
    assert_eq!((names(&few), &few.tool_choice), (vec!["docs__read"], &ToolChoice::Required));
}

#[test]
fn generated_images_and_command_outputs_are_shown() {
    let shell = json!([{ "stdout": "a", "stderr": "", "outcome": { "type": "exit", "exit_code": 0 } }]);
    let items = json!([
        { "role": "user", "content": "draw" },
        { "type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBORw0KGgo=" },
        { "type": "shell_call", "call_id": "c", "action": { "commands": ["ls"] } },
        { "type": "shell_call_output", "call_id": "c", "output": shell },
    ]);
    let decoded = decoded(&json!({ "model": "m", "input": items })).unwrap();
    let messages = &decoded.request.messages;
    assert!(
        matches!(messages[1].parts[..], [Part::Text(_), Part::Image(_)]) && messages[1].role == Role::User
    );
    let Part::Result(result) = &messages[3].parts[0] else { panic!("a result") };
    assert_eq!(result.parts, [Part::Text(shell.to_string())]);
    assert!(decoded.ignored.is_empty());
}
