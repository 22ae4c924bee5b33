//! Tests of tools in every dialect and over both upstreams: two parallel calls, streamed and not streamed,
//! and their results.

use serde_json::{Value, json};

use crate::support::{Options, TestEnv};

const WEATHER_CALLS: &str = "call: get_weather {\"city\": \"Köln\"}\ncall: get_weather {\"city\": \"北京\"}";

/// A call as the client receives it: id, name, arguments.
type Call = (String, String, Value);

struct ToolDialect {
    path: &'static str,
    /// Builds a request with the tool and this conversation.
    ask: fn(Value) -> Value,
    /// Builds the beginning of the conversation.
    order: fn() -> Value,
    /// Calls of a complete reply.
    calls: fn(&Value) -> Vec<Call>,
    /// Builds the conversation with this result for every call.
    results: fn(&Value, &[Call]) -> Value,
    /// Text of a complete reply.
    text: fn(&Value) -> &Value,
}

fn schema() -> Value {
    json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] })
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}")).clone()
}

fn function() -> Value {
    json!({ "type": "function", "function": { "name": "get_weather", "description": "w", "parameters": schema() } })
}

fn parsed(arguments: &Value) -> Value {
    serde_json::from_str(&text_of(arguments)).expect("JSON")
}

fn extended(before: &Value, more: Vec<Value>) -> Value {
    list(before).into_iter().chain(more).collect()
}

const TOOL_DIALECTS: [ToolDialect; 4] = [
    ToolDialect {
        path: "/v1/chat/completions",
        ask: |messages| json!({ "model": "gpt-4.1", "messages": messages, "tools": [function()] }),
        order: || json!([{ "role": "user", "content": WEATHER_CALLS }]),
        calls: |body| {
            let calls = list(&body["choices"][0]["message"]["tool_calls"]).into_iter();
            calls
                .map(|call| {
                    let function = &call["function"];
                    (text_of(&call["id"]), text_of(&function["name"]), parsed(&function["arguments"]))
                })
                .collect()
        },
        results: |before, calls| {
            let made: Vec<Value> = calls
                .iter()
                .map(|(id, name, arguments)| {
                    json!({ "id": id, "type": "function",
                "function": { "name": name, "arguments": arguments.to_string() } })
                })
                .collect();
            let said = json!({ "role": "assistant", "content": null, "tool_calls": made });
            let results = calls
                .iter()
                .map(|(id, _, _)| json!({ "role": "tool", "tool_call_id": id, "content": "cold" }));
            extended(before, std::iter::once(said).chain(results).collect())
        },
        text: |body| &body["choices"][0]["message"]["content"],
    },
    ToolDialect {
        path: "/v1/messages",
        ask: |messages| {
            json!({ "model": "gpt-4.1", "max_tokens": 900, "messages": messages,
            "tools": [{ "name": "get_weather", "description": "w", "input_schema": schema() }] })
        },
        order: || json!([{ "role": "user", "content": WEATHER_CALLS }]),
        calls: |body| {
            let blocks = list(&body["content"]).into_iter().filter(|block| block["type"] == "tool_use");
            blocks
                .map(|block| (text_of(&block["id"]), text_of(&block["name"]), block["input"].clone()))
                .collect()
        },
        results: |before, calls| {
            let made: Vec<Value> = calls
                .iter()
                .map(
                    |(id, name, input)| json!({ "type": "tool_use", "id": id, "name": name, "input": input }),
                )
                .collect();
            let results: Vec<Value> = calls
                .iter()
                .map(|(id, _, _)| json!({ "type": "tool_result", "tool_use_id": id, "content": "cold" }))
                .collect();
            extended(
                before,
                vec![
                    json!({ "role": "assistant", "content": made }),
                    json!({ "role": "user", "content": results }),
                ],
            )
        },
        text: |body| &body["content"][0]["text"],
    },
    ToolDialect {
        path: "/v1/responses",
        ask: |input| {
            json!({ "model": "gpt-4.1", "input": input,
            "tools": [{ "type": "function", "name": "get_weather", "description": "w", "parameters": schema() }] })
        },
        order: || json!([{ "role": "user", "content": WEATHER_CALLS }]),
        calls: |body| {
            let items = list(&body["output"]).into_iter().filter(|item| item["type"] == "function_call");
            items
                .map(|item| (text_of(&item["call_id"]), text_of(&item["name"]), parsed(&item["arguments"])))
                .collect()
        },
        results: |before, calls| {
            let made = calls.iter().map(|(id, name, arguments)| {
                json!({ "type": "function_call", "call_id": id, "name": name, "arguments": arguments.to_string() })
            });
            let results = calls
                .iter()
                .map(|(id, _, _)| json!({ "type": "function_call_output", "call_id": id, "output": "cold" }));
            extended(before, made.chain(results).collect())
        },
        text: |body| &body["output"][0]["content"][0]["text"],
    },
    ToolDialect {
        path: "/api/chat",
        ask: |messages| json!({ "model": "gpt-4.1", "stream": false, "messages": messages, "tools": [function()] }),
        order: || json!([{ "role": "user", "content": WEATHER_CALLS }]),
        calls: |body| {
            let calls = list(&body["message"]["tool_calls"]).into_iter();
            calls
                .map(|call| {
                    let function = &call["function"];
                    (text_of(&call["id"]), text_of(&function["name"]), function["arguments"].clone())
                })
                .collect()
        },
        results: |before, calls| {
            let made: Vec<Value> = calls
                .iter()
                .map(|(_, name, arguments)| json!({ "function": { "name": name, "arguments": arguments } }))
                .collect();
            let said = json!({ "role": "assistant", "content": "", "tool_calls": made });
            let results = calls
                .iter()
                .map(|_| json!({ "role": "tool", "tool_name": "get_weather", "content": "cold" }));
            extended(before, std::iter::once(said).chain(results).collect())
        },
        text: |body| &body["message"]["content"],
    },
];

async fn round_trip(env: &TestEnv, upstream: &str) {
    for speaker in TOOL_DIALECTS {
        let what = format!("{} over {upstream}", speaker.path);
        let order = (speaker.order)();
        let answer = env.program.post(speaker.path, &(speaker.ask)(order.clone())).await;
        assert_eq!(answer.status, 200, "{what}: {:?}", answer.body);
        let calls = (speaker.calls)(&answer.json());
        let made: Vec<(&str, &Value)> =
            calls.iter().map(|(_, name, arguments)| (name.as_str(), arguments)).collect();
        let (first, second) = (json!({ "city": "Köln" }), json!({ "city": "北京" }));
        assert_eq!(made, [("get_weather", &first), ("get_weather", &second)], "{what}");
        assert_ne!(calls[0].0, calls[1].0, "{what}: ids are unique");
        let mut streamed = (speaker.ask)(order.clone());
        streamed["stream"] = json!(true);
        let stream =
            String::from_utf8(env.program.post(speaker.path, &streamed).await.body.to_vec()).unwrap();
        assert!(stream.contains("get_weather") && stream.contains("北京"), "{what}: {stream}");
        let after = (speaker.results)(&order, &calls);
        let answer = env.program.post(speaker.path, &(speaker.ask)(after)).await;
        let body = answer.json();
        assert_eq!((speaker.text)(&body), "The tools said: cold | cold", "{what}: {body}");
    }
}

#[tokio::test]
async fn tools_make_a_round_trip_on_every_dialect_over_a_web_session() {
    let env = TestEnv::new(&["alice"]).await;
    round_trip(&env, "a web session").await;
    env.still_serves().await;
}

#[tokio::test]
async fn tools_make_a_round_trip_on_every_dialect_over_an_api_key() {
    let env = TestEnv::mixed(&[], &["carol"], Options::default()).await;
    round_trip(&env, "an API key").await;
}
