//! Tests of tools over the web upstream: described in the prompt, parsed from the text, requested again if a
//! call is invalid.

use mock_upstream::RecordedCall;
use serde_json::{Value, json};

use crate::support::{Answer, TestEnv, question};

mod schema_cost;
mod second_call;

fn tools() -> Value {
    let tool = |name: &str, required: Value, properties: Value| {
        let parameters = json!({ "type": "object", "required": required, "properties": properties });
        json!({ "type": "function", "function": { "name": name, "description": "Does it.", "parameters": parameters } })
    };
    json!([
        tool(
            "read_file",
            json!(["path"]),
            json!({ "path": { "type": "string" }, "limit": { "type": "integer" } })
        ),
        tool("tool_call", json!(["input"]), json!({ "input": { "type": "object" } })),
        tool("now", json!([]), json!({})),
    ])
}

fn asking(text: &str) -> Value {
    let mut request = question(text);
    request["tools"] = tools();
    request
}

/// Names and arguments of the calls in a response. Checks that its finish reason matches.
fn calls(answer: &Answer) -> Vec<(String, Value)> {
    let body = answer.json();
    let choice = &body["choices"][0];
    let made = choice["message"]["tool_calls"].as_array().cloned().unwrap_or_default();
    assert_eq!(choice["finish_reason"] == "tool_calls", !made.is_empty(), "{body}");
    made.iter()
        .map(|call| {
            assert_eq!(call["type"], "function");
            assert!(call["id"].as_str().unwrap().starts_with("call_"));
            let arguments = call["function"]["arguments"].as_str().unwrap();
            let name = call["function"]["name"].as_str().unwrap().to_owned();
            (name, serde_json::from_str(arguments).unwrap())
        })
        .collect()
}

fn read_file_call(path: &str) -> (String, Value) {
    ("read_file".to_owned(), json!({ "path": path }))
}

/// A directive for this output of the model.
fn model_output(text: &str) -> String {
    format!("echo: {text}")
}

const BROKEN_CALL: &str =
    "<tool_call>\n{\"name\": \"read_file\", \"arguments\": {\"file\": \"a\"}}\n</tool_call>";
const GOOD_CALL: &str =
    "<tool_call>\n{\"name\": \"read_file\", \"arguments\": {\"path\": \"a\"}}\n</tool_call>";

#[tokio::test]
async fn a_tool_is_called_and_its_result_told() {
    let env = TestEnv::new(&["alice"]).await;
    let mut request = asking("call: read_file {\"path\": \"a.txt\"}");
    let answer = env.program.chat(&request).await;
    assert_eq!(calls(&answer), [read_file_call("a.txt")]);
    assert_eq!(answer.text(), "I use a tool.\n\n");
    let message = answer.json()["choices"][0]["message"].clone();
    let id = message["tool_calls"][0]["id"].clone();
    let messages = request["messages"].as_array_mut().unwrap();
    messages.push(message);
    messages.push(json!({ "role": "tool", "tool_call_id": id, "content": "1\tfn main() {}" }));
    let answer = env.program.chat(&request).await;
    assert_eq!(answer.text(), "The tools said: 1\tfn main() {}");
    let texts = env.model_calls()[1].texts().join("\n---\n");
    assert!(texts.ends_with("<tool_result name=\"read_file\">\n1\tfn main() {}\n</tool_result>"), "{texts}");
    assert!(texts.contains(
        "<tool_call>\n{\"name\": \"read_file\", \"arguments\": {\"path\":\"a.txt\"}}\n</tool_call>"
    ));
    env.still_serves().await;
}

#[tokio::test]
async fn several_calls_come_with_an_id_each() {
    let env = TestEnv::new(&["alice"]).await;
    let mut request =
        asking("call: read_file {\"path\": \"a\"}\ncall: tool_call {\"input\": {\"名\": [1]}}\ncall: now {}");
    let answer = env.program.chat(&request).await;
    let tool_call = ("tool_call".to_owned(), json!({ "input": { "名": [1] } }));
    assert_eq!(calls(&answer), [read_file_call("a"), tool_call, ("now".to_owned(), json!({}))]);
    let body = answer.json();
    let made = body["choices"][0]["message"]["tool_calls"].as_array().unwrap();
    assert!(made[0]["id"] != made[1]["id"] && made[1]["id"] != made[2]["id"]);
    request["parallel_tool_calls"] = json!(false);
    assert_eq!(calls(&env.program.chat(&request).await), [read_file_call("a")]);
    let message = body["choices"][0]["message"].clone();
    let result =
        |call: &Value, text: &str| json!({ "role": "tool", "tool_call_id": call["id"], "content": text });
    let results = [result(&made[1], "two"), result(&made[0], "one"), result(&made[2], "three")];
    let messages = request["messages"].as_array_mut().unwrap();
    messages.push(message);
    messages.extend(results);
    assert_eq!(env.program.chat(&request).await.text(), "The tools said: one | two | three");
    env.still_serves().await;
}

#[tokio::test]
async fn the_choice_of_tools_is_kept() {
    let env = TestEnv::new(&["alice"]).await;
    let mut request = asking(&model_output(GOOD_CALL));
    request["tool_choice"] = json!("none");
    let answer = env.program.chat(&request).await;
    assert_eq!((calls(&answer).len(), answer.text().as_str()), (0, GOOD_CALL));
    assert_eq!(env.model_calls()[0].preprompt.as_deref(), Some(""));
    let mut named = asking("call: now {}\ncall: read_file {\"path\": \"a\"}");
    named["tool_choice"] = json!({ "type": "function", "function": { "name": "now" } });
    env.simulator.clear_calls();
    let answer = env.program.chat(&named).await;
    let preprompt = env.model_calls()[0].preprompt.clone().unwrap();
    assert!(preprompt.contains("must call the tool now") && !preprompt.contains("\"name\":\"read_file\""));
    let now = ("now".to_owned(), json!({}));
    assert_eq!(calls(&answer), [now], "the other tool was not offered");
    named["messages"][0]["content"] = json!("call: now {}");
    assert_eq!(calls(&env.program.chat(&named).await).len(), 1);
    env.still_serves().await;
}

#[tokio::test]
async fn certain_repairs_need_no_second_call() {
    let env = TestEnv::new(&["alice"]).await;
    for text in [
        "<tool_call>\n{'name': 'read_file', 'arguments': {'path': 'a',},}\n</tool_call>",
        "<tool_call>\n{\"name\": \"read_file\", \"arguments\": {\"path\": \"a\"}\n</tool_call>",
        "```json\n{\"name\": \"read_file\", \"arguments\": {\"path\": \"a\"}}\n```",
        "<function=read_file><parameter=path>a</parameter></function>",
    ] {
        env.simulator.clear_calls();
        assert_eq!(
            calls(&env.program.chat(&asking(&model_output(text))).await),
            [read_file_call("a")],
            "{text}"
        );
        assert_eq!(env.model_calls().len(), 1, "{text}");
    }
    let fenced = asking("sim: tool=fenced\ncall: read_file {\"path\": \"a\"}");
    assert_eq!(calls(&env.program.chat(&fenced).await), [read_file_call("a")]);
    env.still_serves().await;
}

/// The deltas of a stream as short strings: text, names, arguments, the end.
async fn deltas(env: &TestEnv, mut request: Value) -> Vec<String> {
    request["stream"] = json!(true);
    let events = env.program.stream(&request).await.all().await;
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
    let chunks = events.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok());
    let mut words = Vec::new();
    for chunk in chunks {
        let choice = &chunk["choices"][0];
        if let Some(text) = choice["delta"]["content"].as_str().filter(|text| !text.is_empty()) {
            words.push(format!("text {text}"));
        }
        if let Some(text) = choice["delta"]["reasoning_content"].as_str() {
            words.push(format!("thought {text}"));
        }
        for call in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
            if let Some(name) = call["function"]["name"].as_str() {
                words.push(format!("call {} {name}", call["index"]));
            }
            if let Some(arguments) = call["function"]["arguments"].as_str().filter(|text| !text.is_empty()) {
                words.push(format!("arguments {} {arguments}", call["index"]));
            }
        }
        if let Some(finish) = choice["finish_reason"].as_str() {
            words.push(format!("end {finish}"));
        }
    }
    words
}

#[tokio::test]
async fn a_stream_has_text_and_calls_in_their_order() {
    let env = TestEnv::new(&["alice"]).await;
    let words = deltas(&env, asking("call: read_file {\"path\": \"a\"}\ncall: now {}")).await;
    let expected = [
        "text I ",
        "text use ",
        "text a ",
        "text tool.\n",
        "text \n",
        "call 0 read_file",
        "arguments 0 {\"path\":\"a\"}",
        "call 1 now",
        "arguments 1 {}",
        "end tool_calls",
    ];
    assert_eq!(words.concat(), expected.concat());
    env.still_serves().await;
}

#[tokio::test]
async fn a_repaired_call_streams_like_any_other() {
    let env = TestEnv::new(&["alice"]).await;
    let words = deltas(&env, asking("sim: tool=broken-json\ncall: read_file {\"path\": \"a\"}")).await;
    assert_eq!(
        words[words.len() - 3..],
        ["call 0 read_file", "arguments 0 {\"path\":\"a\"}", "end tool_calls"]
    );
    env.still_serves().await;
}

#[tokio::test]
async fn text_before_a_call_is_streamed_before_the_call() {
    let env = TestEnv::new(&["alice"]).await;
    env.set_web_fault("gate");
    let mut request = asking("call: now {}");
    request["stream"] = json!(true);
    env.simulator.release(2);
    let mut stream = env.program.stream(&request).await;
    let mut text = String::new();
    while text != "I use " {
        let chunk = stream.next_json().await;
        text.push_str(chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default());
    }
    env.simulator.release(1000);
    assert!(stream.all().await.iter().any(|event| event.contains("tool_calls")));
    env.still_serves().await;
}

#[tokio::test]
async fn thoughts_are_told_apart_from_text() {
    let env = TestEnv::new(&["alice"]).await;
    let words = deltas(&env, question("echo: <think>hm, so</think>\n\nYes.")).await;
    assert_eq!(words.concat(), "thought hm, thought sotext Yes.end stop");
    env.still_serves().await;
}

#[tokio::test]
async fn output_limits_count_text_and_split_no_call() {
    let env = TestEnv::new(&["alice"]).await;
    let mut request = asking(&model_output(&format!("One two three.\n{GOOD_CALL}")));
    request["max_tokens"] = json!(8);
    let body = env.program.chat(&request).await.json();
    assert_eq!(body["choices"][0]["finish_reason"], "length");
    assert_eq!(body["choices"][0]["message"]["content"], "One two three.\n");
    request["max_tokens"] = json!(100);
    request["stop"] = json!("read_file");
    assert_eq!(
        calls(&env.program.chat(&request).await),
        [read_file_call("a")],
        "a stop sequence is about text"
    );
    request["stop"] = json!("two");
    assert_eq!(env.program.chat(&request).await.text(), "One ");
    env.still_serves().await;
}

fn schema_format() -> Value {
    let schema = json!({ "type": "object", "required": ["n"], "properties": { "n": { "type": "integer" } } });
    json!({ "type": "json_schema", "json_schema": { "name": "count", "strict": true, "schema": schema } })
}

#[tokio::test]
async fn an_answer_in_json_is_checked() {
    let env = TestEnv::new(&["alice"]).await;
    for (format, text, expected) in [
        (json!({ "type": "json_object" }), "Sure:\n```json\n{\"a\": 1}\n```\nDone.", "{\"a\": 1}"),
        (json!({ "type": "json_object" }), "{'a': 1,}", "{\"a\":1}"),
        (schema_format(), "{\"n\": 3}", "{\"n\": 3}"),
        (schema_format(), "{\"n\": \"3\"}", "{\"n\":3}"),
    ] {
        env.simulator.clear_calls();
        let mut request = question(&model_output(text));
        request["response_format"] = format;
        let answer = env.program.chat(&request).await;
        assert_eq!((answer.text().as_str(), env.model_calls().len()), (expected, 1), "{text}");
        request["stream"] = json!(true);
        assert_eq!(env.program.stream(&request).await.text().await, (expected.to_owned(), true));
    }
    env.still_serves().await;
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_asked_for_once_more() {
    let env = TestEnv::new(&["alice"]).await;
    let mut request = question(&model_output("I would rather talk."));
    request["response_format"] = schema_format();
    let answer = env.program.chat(&request).await;
    assert_eq!((answer.text().as_str(), env.model_calls().len()), ("{\"n\":1}", 2));
    env.set_web_fault("text=never");
    let answer = env.program.chat(&request).await;
    assert_eq!(answer.text(), "never");
    let record = env.record_of(&answer.headers).await;
    assert_eq!(record["note"], "not_json", "{record}");
    env.still_serves().await;
}

#[tokio::test]
async fn an_image_in_a_result_reaches_the_model() {
    let env = TestEnv::new(&["alice"]).await;
    let png = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let call =
        json!({ "id": "call_1", "type": "function", "function": { "name": "now", "arguments": "{}" } });
    let mut request = asking("look");
    let parts =
        json!([{ "type": "text", "text": "a dot" }, { "type": "image_url", "image_url": { "url": png } }]);
    request["messages"].as_array_mut().unwrap().extend([
        json!({ "role": "assistant", "content": null, "tool_calls": [call] }),
        json!({ "role": "tool", "tool_call_id": "call_1", "content": parts }),
    ]);
    assert_eq!(env.program.chat(&request).await.status, 200);
    let asked: Vec<RecordedCall> = env.model_calls();
    assert_eq!(asked[0].texts().len(), 3);
    assert!(asked[0].texts()[2].contains("a dot\n(an image, attached to this message)"));
    assert_eq!(asked[0].messages[2]["imagesData"].as_array().unwrap().len(), 1);
    env.still_serves().await;
}

#[tokio::test]
async fn a_conversation_with_calls_goes_on_without_tools() {
    let env = TestEnv::new(&["alice"]).await;
    let call =
        json!({ "id": "call_1", "type": "function", "function": { "name": "now", "arguments": "{}" } });
    let mut request = question("look");
    request["messages"].as_array_mut().unwrap().extend([
        json!({ "role": "assistant", "content": "Yes.", "tool_calls": [call] }),
        json!({ "role": "tool", "tool_call_id": "call_1", "content": "12:00" }),
        json!({ "role": "user", "content": "What was that?" }),
    ]);
    assert_eq!(env.program.chat(&request).await.status, 200);
    let asked = env.model_calls().remove(0);
    assert!(asked.preprompt.as_deref().unwrap().contains("No tool can be called now"));
    assert_eq!(asked.texts()[1], "Yes.\n\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>");
    env.still_serves().await;
}
