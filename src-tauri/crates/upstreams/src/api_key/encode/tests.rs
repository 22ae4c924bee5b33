use base64::Engine;

use super::*;
use protocol::{Image, ImageLink, Sampling, ToolCall};

const ASK: ModelParams<'_> = ModelParams { model: "m", max_tokens: Some(9), supports_reasoning: None };

fn json_of(request: &Request, ask: ModelParams<'_>) -> Value {
    serde_json::from_slice(&encode(request, ask)).unwrap()
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

#[test]
fn a_plain_request_is_plain() {
    let messages = vec![Message { role: Role::User, parts: vec![text("hi")] }];
    let request = Request { model: "alias".into(), messages, ..Request::default() };
    let expected = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9});
    assert_eq!(json_of(&request, ASK), expected);
}

#[test]
fn calls_results_and_their_images_are_placed_as_the_api_requires() {
    let call = |id: &str| ToolCall { id: id.into(), name: "f".into(), arguments: "{}".into() };
    let link: Part =
        Part::ImageLink(ImageLink { url: "https://example.com/a.png".parse().unwrap(), detail: None });
    let result =
        |id: &str, parts, failed| Part::Result(ToolResult { call_id: id.into(), name: None, parts, failed });
    let request = Request {
        messages: vec![
            Message {
                role: Role::Assistant,
                parts: vec![Part::Reasoning("hm".into()), Part::Call(call("a")), Part::Call(call("b"))],
            },
            Message {
                role: Role::User,
                parts: vec![
                    result("a", vec![text("x"), link], false),
                    result("b", vec![text("no")], true),
                    text("and?"),
                ],
            },
        ],
        ..Request::default()
    };
    let messages = json_of(&request, ASK)["messages"].clone();
    assert_eq!(messages[0]["content"], Value::Null);
    assert_eq!(messages[0]["tool_calls"][1]["id"], "b");
    assert_eq!(messages[1], json!({"role": "tool", "tool_call_id": "a", "content": "x"}));
    assert_eq!(messages[2], json!({"role": "tool", "tool_call_id": "b", "content": "Error: no"}));
    let content = &messages[3]["content"];
    assert_eq!(content[0]["text"], "The image of the tool result a:");
    assert_eq!(
        (&content[1]["image_url"]["url"], &content[2]["text"]),
        (&json!("https://example.com/a.png"), &json!("and?"))
    );
    assert_eq!(attachment_heading(2, "file", "b"), "The 2 files of the tool result b:");
    assert_eq!(messages.as_array().unwrap().len(), 4);
}

#[test]
fn results_of_one_turn_stay_together_even_as_separate_messages() {
    let link = Part::ImageLink(ImageLink { url: "https://example.com/a.png".parse().unwrap(), detail: None });
    let result = |id: &str, parts| Message {
        role: Role::User,
        parts: vec![Part::Result(ToolResult { call_id: id.into(), name: None, parts, failed: false })],
    };
    let asks = Message { role: Role::User, parts: vec![text("and?")] };
    let messages = vec![result("a", vec![link]), result("b", vec![text("x")]), asks];
    let body = json_of(&Request { messages, ..Request::default() }, ASK);
    let roles: Vec<&Value> =
        body["messages"].as_array().unwrap().iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["tool", "tool", "user", "user"]);
}

#[test]
fn an_empty_text_is_left_out() {
    let link = Part::ImageLink(ImageLink { url: "https://example.com/a.png".parse().unwrap(), detail: None });
    let content = |parts| {
        let messages = vec![Message { role: Role::User, parts }];
        json_of(&Request { messages, ..Request::default() }, ASK)["messages"][0]["content"].clone()
    };
    assert_eq!(content(vec![text(""), link]).as_array().map(Vec::len), Some(1));
    assert_eq!(content(vec![text("")]), "");
}

#[test]
fn an_image_becomes_a_data_url_within_the_reserved_capacity() {
    let bytes = [b"\x89PNG\r\n\x1a\n".as_slice(), &[7; 100_000]].concat();
    let image = Image::from_bytes(bytes.clone().into()).unwrap();
    let messages = vec![Message { role: Role::User, parts: vec![text("what?"), Part::Image(image)] }];
    let request = Request { messages, ..Request::default() };
    let url = format!("data:image/png;base64,{}", STANDARD.encode(bytes));
    let expected = json!([
        {"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": url}}
    ]);
    assert_eq!(json_of(&request, ASK)["messages"][0]["content"], expected);
    let body = encode(&request, ASK);
    assert!(body.capacity() < body.len() + 2 * ENVELOPE_BYTES, "{} for {}", body.capacity(), body.len());
}

#[test]
fn every_parameter_has_its_field() {
    let tool = Tool {
        name: "f".into(),
        description: Some("d".into()),
        parameters: json!({"type": "object"}),
        strict: true,
    };
    let request = Request {
        stream: true,
        max_tokens: Some(5),
        stop: vec!["END".into()],
        tools: vec![tool],
        tool_choice: ToolChoice::Named("f".into()),
        single_tool_call: true,
        format: ResponseFormat::JsonSchema { name: "n".into(), schema: json!({}), strict: true },
        effort: Some(ReasoningEffort::Max),
        sampling: Sampling { temperature: Some(0.5), seed: Some(1), ..Sampling::default() },
        ..Request::default()
    };
    let body = json_of(&request, ASK);
    assert_eq!((&body["max_tokens"], &body["stream_options"]["include_usage"]), (&json!(5), &json!(true)));
    assert_eq!(body["tools"][0]["function"]["strict"], true);
    assert_eq!(body["tool_choice"]["function"]["name"], "f");
    assert_eq!((&body["parallel_tool_calls"], &body["reasoning_effort"]), (&json!(false), &json!("high")));
    assert_eq!(body["response_format"]["json_schema"]["name"], "n");
    assert_eq!((&body["temperature"], &body["seed"], body.get("top_p")), (&json!(0.5), &json!(1), None));
    assert_eq!(
        json_of(&request, ModelParams { supports_reasoning: Some(false), ..ASK }).get("reasoning_effort"),
        None
    );
}
