//! Tests of passthrough to the official API: the bytes of the client's request and of the API's response are
//! unchanged.

use serde_json::{Value, json};

use crate::support::{Options, TestEnv, question, streamed};

fn weather() -> Value {
    let parameters =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    json!([{"type": "function", "function": {"name": "weather", "description": "d", "parameters": parameters}}])
}

#[tokio::test]
async fn a_whole_answer_is_passed_on_as_it_is() {
    let env = TestEnv::with_api_account().await;
    let mut request = question("echo: hello  world");
    request["logit_bias"] = json!({"50256": -100});
    request["new_field"] = json!({"a": [1, null]});
    let answer = env.program.chat(&request).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello  world"));
    let body = answer.json();
    assert!(body["id"].as_str().unwrap().starts_with("chatcmpl-sim"), "the upstream's own: {body}");
    assert_eq!(answer.header("x-mammouth-account"), Some("api-1"));
    assert_eq!(answer.header("x-mammouth-model"), Some("gpt-4.1"));
    assert_eq!(answer.header("x-mammouth-ignored"), None, "nothing was");
    let call = &env.model_calls()[0];
    assert_eq!(
        (&call.fields["logit_bias"], &call.fields["new_field"]),
        (&request["logit_bias"], &request["new_field"])
    );
    assert_eq!(call.messages, request["messages"].as_array().unwrap().clone());
    env.still_serves().await;
}

#[tokio::test]
async fn the_log_has_the_hosts_own_numbers_and_the_cost() {
    let env = TestEnv::with_api_account().await;
    for request in [question("echo: one two"), streamed("echo: one two")] {
        let answer = env.program.chat(&request).await;
        let record = env.record_of(&answer.headers).await;
        assert_eq!(
            (&record["completion_tokens"], &record["tokens_estimated"]),
            (&json!(2), &json!(false)),
            "{record}"
        );
        let prompt = record["prompt_tokens"].as_f64().unwrap();
        let cost = record["cost_usd"].as_f64().unwrap();
        assert!((cost - (prompt * 2e-6 + 2.0 * 8e-6)).abs() < 1e-9, "{record}");
        assert_eq!((&record["account"], &record["interrupted"]), (&json!("api-1"), &json!(false)));
    }
    env.still_serves().await;
}

#[tokio::test]
async fn a_maximum_is_filled_in_from_the_catalogue_unless_it_is_named_or_switched_off() {
    let env = TestEnv::with_api_account().await;
    env.program.chat(&question("hi")).await;
    let mut named = question("hi");
    named["max_completion_tokens"] = json!(77);
    env.program.chat(&named).await;
    let mut unknown = question("hi");
    unknown["model"] = json!("mistral-medium-3.1");
    env.program.chat(&unknown).await;
    let asked = env.model_calls();
    assert_eq!(asked[0].fields["max_tokens"], 32_768);
    assert_eq!(
        (asked[1].fields.get("max_tokens"), &asked[1].fields["max_completion_tokens"]),
        (None, &json!(77))
    );
    assert_eq!(asked[2].fields.get("max_tokens"), None, "nobody knows it");
    let off = TestEnv::mixed(&[], &["dora"], Options::default().settings("fill_max_tokens = false")).await;
    off.program.chat(&question("hi")).await;
    assert_eq!(off.model_calls()[0].fields.get("max_tokens"), None);
    off.still_serves().await;
}

#[tokio::test]
async fn p18_a_client_cannot_steer_where_its_request_goes() {
    let env = TestEnv::with_api_account().await;
    let mut request = question("echo: hi");
    for field in [
        "api_base",
        "base_url",
        "api_key",
        "proxy",
        "extra_headers",
        "organization",
        "user_config",
        "fallbacks",
    ] {
        request[field] = json!("https://evil.example");
    }
    request["litellm_metadata"] = json!({"x": 1});
    assert_eq!(env.program.chat(&request).await.status, 200);
    let call = &env.model_calls()[0];
    assert_eq!(call.problem, None);
    assert!(!call.fields.contains_key("litellm_metadata"));
    assert_eq!(call.header("authorization"), Some("Bearer sk-dora-key-0123456789"));
    assert_eq!(call.header("openai-organization"), None);
    env.still_serves().await;
}

#[tokio::test]
async fn a_stream_comes_with_a_usage_chunk_only_if_the_client_asked_for_one() {
    let env = TestEnv::with_api_account().await;
    let mut request = streamed("echo: one two");
    let events = env.program.stream(&request).await.all().await;
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
    assert!(events.iter().all(|event| !event.contains("prompt_tokens")), "{events:?}");
    assert_eq!(env.model_calls()[0].fields["stream_options"], json!({"include_usage": true}));
    request["stream_options"] = json!({"include_usage": true});
    let events = env.program.stream(&request).await.all().await;
    let usage: Value = serde_json::from_str(&events[events.len() - 2]).unwrap();
    assert_eq!((&usage["choices"], &usage["usage"]["completion_tokens"]), (&json!([]), &json!(2)));
    env.still_serves().await;
}

#[tokio::test]
async fn tools_thoughts_and_pictures_pass_both_ways() {
    let env = TestEnv::with_api_account().await;
    let mut request =
        question("think: hm\ncall: weather {\"city\": \"Paris\"}\ncall: weather {\"city\": \"Rome\"}");
    request["tools"] = weather();
    let first = env.program.chat(&request).await.json();
    let message = &first["choices"][0]["message"];
    assert_eq!(first["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(message["tool_calls"][1]["function"]["arguments"], "{\"city\":\"Rome\"}");
    let messages = request["messages"].as_array_mut().unwrap();
    messages.push(message.clone());
    for (at, text) in ["sunny", "rainy"].iter().enumerate() {
        messages
            .push(json!({"role": "tool", "tool_call_id": message["tool_calls"][at]["id"], "content": text}));
    }
    let second = env.program.chat(&request).await;
    assert_eq!(second.text(), "The tools said: sunny | rainy");
    let picture = env.program.chat(&question("image:")).await.json();
    let url = picture["choices"][0]["message"]["images"][0]["image_url"]["url"].as_str().unwrap();
    assert!(url.starts_with("data:image/png;base64,"));
    let mut stream = streamed("think: a b\ncall: weather {\"city\": \"Oslo\"}");
    stream["tools"] = weather();
    let events = env.program.stream(&stream).await.all().await.concat();
    assert!(events.contains("reasoning_content") && events.contains("\"finish_reason\":\"tool_calls\""));
    env.still_serves().await;
}

#[tokio::test]
async fn another_dialect_is_translated_and_counted() {
    let env = TestEnv::with_api_account().await;
    let request =
        json!({"model": "gpt-4.1", "prompt": "echo: one two", "temperature": 0.5, "logprobs_mode": 1});
    let answer = env.program.post("/v1/completions", &request).await;
    assert_eq!((answer.status, &answer.json()["choices"][0]["text"]), (200, &json!("one two")));
    assert_eq!(answer.json()["usage"]["completion_tokens"], 2);
    assert_eq!(answer.header("x-mammouth-ignored"), Some("logprobs_mode"), "the rest has its effect");
    let call = &env.model_calls()[0];
    assert_eq!((&call.fields["temperature"], &call.fields["max_tokens"]), (&json!(0.5), &json!(32_768)));
    let mut stream = request.clone();
    stream["stream"] = json!(true);
    let answer = env.program.post("/v1/completions", &stream).await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text.contains("\"text\":\"one \"") && text.ends_with("data: [DONE]\n\n"), "{text}");
    env.still_serves().await;
}

#[tokio::test]
async fn embeddings_pass_as_numbers_and_as_base64() {
    let env = TestEnv::with_api_account().await;
    let mut request = json!({"model": "text-embedding-3-small", "input": ["a", "b"], "dimensions": 4});
    let answer = env.program.post("/v1/embeddings", &request).await;
    assert_eq!((answer.status, answer.header("x-mammouth-account")), (200, Some("api-1")));
    let body = answer.json();
    assert_eq!(body["data"][1]["embedding"].as_array().unwrap().len(), 4);
    request["encoding_format"] = json!("base64");
    let body = env.program.post("/embeddings", &request).await.json();
    assert_eq!(body["data"][0]["embedding"].as_str().unwrap().len(), 24, "16 bytes");
    let record = env.record_of(&answer.headers).await;
    assert_eq!((&record["dialect"], &record["prompt_tokens"]), (&json!("openai-embeddings"), &json!(2)));
    let web = TestEnv::new(&["alice"]).await;
    let answer = web.program.post("/v1/embeddings", &request).await;
    assert_eq!(answer.error(), (400, "unsupported_parameter".into()), "503 would be tried again for minutes");
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("API key"));
    assert_eq!(env.program.post("/v1/embeddings", &json!({"model": "m"})).await.error().0, 400);
    env.still_serves().await;
}
