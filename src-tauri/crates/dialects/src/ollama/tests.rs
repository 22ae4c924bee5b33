use serde_json::json;

use super::*;
use crate::{Encode, ReplyContext, ReplyOptions};
use protocol::{CompleteReply, Event};

fn chat(body: &Value) -> Result<DecodedRequest, InvalidRequest> {
    decode_chat(&Bytes::from(body.to_string()))
}

#[test]
fn a_conversation_with_tools_and_images() {
    let body = json!({
        "model": "gpt-4.1:latest",
        "messages": [
            { "role": "system", "content": "be" },
            { "role": "user", "content": "see", "images": ["iVBORw0KGgo="] },
            { "role": "assistant", "content": "", "thinking": "hm", "tool_calls": [{ "function": { "name": "f", "arguments": { "a": 1 } } }] },
            { "role": "tool", "tool_name": "f", "content": "r", "images": ["iVBORw0KGgo="] },
        ],
        "tools": [{ "type": "function", "function": { "name": "f", "description": "d", "parameters": { "type": "object" } } }],
        "format": { "type": "object" }, "think": "high", "keep_alive": "5m",
        "options": { "num_predict": 9, "temperature": 0.1, "stop": ["x"], "num_ctx": 4096, "seed": 3, "top_k": 40 },
    });
    let DecodedRequest { request, ignored, api_only_params: mut steering, options: remember } =
        chat(&body).unwrap();
    assert_eq!((request.model.as_str(), request.stream, request.messages.len()), ("gpt-4.1", true, 4));
    assert_eq!(request.messages[1].parts.len(), 2);
    let Part::Call(call) = &request.messages[2].parts[1] else { panic!("a call") };
    let Part::Result(result) = &request.messages[3].parts[0] else { panic!("a result") };
    assert_eq!((call.arguments.as_str(), &call.id), ("{\"a\":1}", &result.call_id));
    assert!(matches!(result.parts.as_slice(), [Part::Text(_), Part::Image(_)]), "{result:?}");
    assert_eq!(
        (request.max_tokens, request.stop, request.effort),
        (Some(9), vec!["x".to_owned()], Some(ReasoningEffort::High))
    );
    assert!(
        matches!(request.format, ResponseFormat::JsonSchema { .. })
            && remember.include_reasoning
            && !remember.load_only
    );
    assert_eq!(ignored, ["options.num_ctx"]);
    steering.sort_unstable();
    assert_eq!(steering, ["options.seed", "options.temperature", "options.top_k", "think"]);
}

#[test]
fn an_empty_request_only_loads() {
    for loaded in [
        chat(&json!({ "model": "m" })),
        chat(&json!({ "model": "m", "messages": [] })),
        decode_generate(&Bytes::from_static(br#"{"model":"m","prompt":""}"#)),
    ] {
        let loaded = loaded.unwrap();
        assert!(loaded.options.load_only && !loaded.request.stream);
    }
}

#[test]
fn images_of_a_reply_stand_where_each_request_has_them() {
    let mut answer = CompleteReply::default();
    for data in ["AA", "BB"] {
        answer.push(Event::Image(format!("data:image/png;base64,{data}")));
    }
    let about =
        || ReplyContext { id: "1".into(), created: 7, model: "m".into(), options: ReplyOptions::default() };
    let whole = |shape| -> Value {
        serde_json::from_str(&Encoder::new(about(), shape).encode_complete(&answer)).unwrap()
    };
    let said = whole(OllamaEndpoint::Chat)["message"].clone();
    assert_eq!(said["content"], "![image](data:image/png;base64,AA)![image](data:image/png;base64,BB)");
    assert_eq!(said.get("images"), None, "Ollama's own client would not read it");
    let generated = whole(OllamaEndpoint::Generate);
    assert_eq!((&generated["image"], generated.get("images")), (&json!("AA"), None));
    assert_eq!(generated["response"], "![image](data:image/png;base64,BB)", "none is lost");
}

#[test]
fn a_prompt_has_its_system_and_images() {
    let body = br#"{"model":"m","prompt":"p","system":"s","images":["iVBORw0KGgo="],"stream":false,"format":"json","think":false}"#;
    let decoded = decode_generate(&Bytes::from_static(body)).unwrap();
    assert_eq!((decoded.request.messages.len(), decoded.request.messages[1].parts.len()), (2, 2));
    assert_eq!((decoded.request.stream, decoded.request.format), (false, ResponseFormat::JsonObject));
    assert_eq!(
        (decoded.request.effort, decoded.options.include_reasoning),
        (Some(ReasoningEffort::Off), false)
    );
}

#[test]
fn p05_wrong_values_are_named() {
    for (field, value, param) in [
        ("options", json!({ "temperature": "hot" }), "options.temperature"),
        ("options", json!({ "stop": 7 }), "options.stop"),
        ("format", json!(7), "format"),
        ("messages", json!([{ "role": "user", "images": ["!"] }]), "messages[0].images[0]"),
        ("stream", json!("no"), "stream"),
    ] {
        let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "x" }] });
        body[field] = value;
        assert_eq!(chat(&body).unwrap_err().param.as_deref(), Some(param), "{body}");
    }
}

#[test]
fn show_reads_either_field_name() {
    for body in [r#"{"model":"a:latest"}"#, r#"{"name":"a"}"#] {
        assert_eq!(requested_model(&Bytes::from(body)).unwrap(), "a");
    }
    assert_eq!(requested_model(&Bytes::from("{}")).unwrap_err().param.as_deref(), Some("model"));
}

#[test]
fn params_that_change_the_meaning_are_refused_by_name() {
    for (field, value) in [
        ("context", json!([1, 2])),
        ("suffix", json!("}")),
        ("logprobs", json!(true)),
        ("top_logprobs", json!(3)),
    ] {
        let mut body = json!({ "model": "m", "prompt": "x", "context": [], "suffix": "", "logprobs": false });
        assert!(decode_generate(&Bytes::from(body.to_string())).is_ok());
        body[field] = value;
        let refused = decode_generate(&Bytes::from(body.to_string())).unwrap_err();
        assert_eq!(
            (refused.code, refused.param.as_deref()),
            (crate::InvalidCode::UnsupportedParameter, Some(field))
        );
    }
}
