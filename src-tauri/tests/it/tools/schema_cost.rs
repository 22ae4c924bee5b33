//! Tests of schemas and arguments whose check would never end without a bound on the work.

use serde_json::{Value, json};

use super::{calls, model_output};
use crate::support::{Answer, Program, TestEnv, question, simulator};

/// A tree of blocks, of 20 kinds that differ in a constant.
fn blocks() -> Value {
    let block = |n: usize| {
        let properties = json!({ "kind": { "const": format!("kind{n}") },
            "blocks": { "type": "array", "items": { "$ref": "#/$defs/block" } } });
        json!({ "type": "object", "required": ["kind", "blocks"], "properties": properties })
    };
    let mut defs: serde_json::Map<String, Value> = (0..20).map(|n| (format!("kind{n}"), block(n))).collect();
    let any: Vec<Value> = defs.keys().map(|name| json!({ "$ref": format!("#/$defs/{name}") })).collect();
    defs.insert("block".to_owned(), json!({ "anyOf": any }));
    json!({ "type": "object", "properties": { "root": { "$ref": "#/$defs/block" } }, "$defs": defs })
}

/// Nested blocks, two in each.
fn tree(kind: &str, depth: usize) -> Value {
    let blocks: Vec<Value> = (0..2).filter(|_| depth > 0).map(|_| tree(kind, depth - 1)).collect();
    json!({ "kind": kind, "blocks": blocks })
}

/// A request whose reply calls a tool of this schema with these arguments.
fn calling(schema: &Value, arguments: &Value) -> Value {
    let call = json!({ "name": "build", "arguments": arguments });
    let mut request = question(&model_output(&format!("<tool_call>\n{call}\n</tool_call>")));
    let function = json!({ "name": "build", "description": "Builds.", "parameters": schema });
    request["tools"] = json!([{ "type": "function", "function": function }]);
    request
}

fn named(arguments: Value) -> Vec<(String, Value)> {
    vec![("build".to_owned(), arguments)]
}

#[tokio::test]
async fn calls_with_schemas_full_of_choices_and_references_are_checked_and_pass() {
    let env = TestEnv::new(&["alice"]).await;
    for depth in [5, 9] {
        let arguments = json!({ "root": tree("kind19", depth) });
        let answer = env.program.chat(&calling(&blocks(), &arguments)).await;
        assert_eq!(calls(&answer), named(arguments));
        assert_eq!(env.record_of(&answer.headers).await["note"], Value::Null);
    }
    let itself = json!({ "allOf": [{ "$ref": "#" }, { "$ref": "#" }] });
    let arguments = json!({ "a": { "b": [1] } });
    assert_eq!(calls(&env.program.chat(&calling(&itself, &arguments)).await), named(arguments));
    let wrong = json!({ "root": tree("unknown", 9) });
    env.simulator.clear_calls();
    env.program.chat(&calling(&blocks(), &wrong)).await;
    assert_eq!(env.model_calls().len(), 2, "a call that fits no choice is asked for once more");
    env.still_serves().await;
}

#[tokio::test]
async fn what_is_too_complex_to_be_checked_passes_with_a_note_in_the_log() {
    let env = TestEnv::new(&["alice"]).await;
    let too_much = json!({ "root": tree("kind19", 13) });
    let answer = env.program.chat(&calling(&blocks(), &too_much)).await;
    assert_eq!(calls(&answer), named(too_much.clone()));
    assert_eq!(env.record_of(&answer.headers).await["note"], "unchecked");
    let mut request = question(&model_output(&too_much.to_string()));
    let schema = json!({ "name": "page", "schema": blocks() });
    request["response_format"] = json!({ "type": "json_schema", "json_schema": schema });
    let answer = env.program.chat(&request).await;
    assert_eq!(serde_json::from_str::<Value>(&answer.text()).unwrap(), too_much);
    assert_eq!(env.record_of(&answer.headers).await["note"], "unchecked");
    env.still_serves().await;
}

#[tokio::test]
async fn sigterm_ends_the_program_while_it_checks_arguments() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let request = calling(&blocks(), &json!({ "root": tree("kind19", 13) })).to_string();
    let asked = program.http.post(format!("{}/v1/chat/completions", program.base));
    let asked = asked.bearer_auth(crate::support::KEY).header("content-type", "application/json");
    let asking = tokio::spawn(async { Answer::of(asked.body(request).send().await).await });
    crate::support::wait_until("the model is asked", async || !simulator.calls().is_empty()).await;
    program.stop().await;
    let status = asking.await.unwrap().status;
    assert!([200, 503].contains(&status), "{status}");
}
