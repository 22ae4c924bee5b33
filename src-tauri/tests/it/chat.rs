//! Tests of chat completions over the web upstream: the upstream request, and the reply.

use mock_upstream::RecordedCall;
use serde_json::{Value, json};

use crate::support::{Options, Program, TestEnv, question, simulator, streamed};

#[tokio::test]
async fn a_reply_comes_whole() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let answer = program.chat(&question("echo: Bonjour \u{1F9A3}")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text(), "Bonjour \u{1F9A3}");
    assert_eq!(answer.json()["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer.header("x-mammouth-account"), Some("web-1"));
    assert_eq!(answer.header("x-mammouth-attempts"), Some("1"));
    let calls = simulator.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].model.as_deref(), Some("openai-gpt-4.1"));
    assert_eq!(calls[0].problem, None);
}

#[tokio::test]
async fn a_stream_has_role_text_finish_and_end_mark() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let mut request = streamed(r#"echo-chunks: ["One ","two ","three"]"#);
    request["stream_options"] = json!({ "include_usage": true });
    let mut stream = program.stream(&request).await;
    assert_eq!(stream.status, 200);
    assert_eq!(stream.next_json().await["choices"][0]["delta"]["role"], "assistant");
    for text in ["One ", "two ", "three"] {
        assert_eq!(stream.next_json().await["choices"][0]["delta"]["content"], text);
    }
    assert_eq!(stream.next_json().await["choices"][0]["finish_reason"], "stop");
    assert!(stream.next_json().await["usage"]["total_tokens"].as_u64().unwrap() > 0);
    assert_eq!(stream.next().await.as_deref(), Some("[DONE]"));
    assert_eq!(stream.next().await, None);
}

/// The upstream call for a list of messages.
async fn asked(env: &TestEnv, messages: Value) -> RecordedCall {
    env.simulator.clear_calls();
    let answer = env.program.chat(&json!({ "model": "gpt-4.1", "messages": messages })).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    env.assert_no_protocol_error();
    env.model_calls().remove(0)
}

fn says(role: &str, text: &str) -> Value {
    json!({ "role": role, "content": text })
}

#[tokio::test]
async fn system_and_developer_messages_become_the_preprompt() {
    let env = TestEnv::new(&["alice"]).await;
    let messages = json!([
        says("system", "Be short."),
        says("user", "Hello"),
        says("developer", "Be kind."),
        { "role": "system", "content": [{ "type": "text", "text": "Be true." }] },
    ]);
    let call = asked(&env, messages).await;
    assert_eq!(call.preprompt.as_deref(), Some("Be short.\n\nBe kind.\n\nBe true."));
    assert_eq!(call.texts(), ["Hello"]);
    env.still_serves().await;
}

#[tokio::test]
async fn turns_alternate_and_begin_and_end_with_the_user() {
    let env = TestEnv::new(&["alice"]).await;
    let (user, assistant) = (|text| says("user", text), |text| says("assistant", text));
    for (messages, turns) in [
        (json!([user("a")]), vec!["a"]),
        (json!([user("a"), assistant("b"), user("c")]), vec!["a", "b", "c"]),
        (
            json!([user("a"), user("b"), assistant("c"), assistant("d"), user("e")]),
            vec!["a\n\nb", "c\n\nd", "e"],
        ),
        (json!([assistant("Hi, I am here."), user("a")]), vec![".", "Hi, I am here.", "a"]),
        (json!([user("a"), assistant("b")]), vec!["a", "b", "Continue."]),
        (json!([user("")]), vec!["."]),
        (json!([says("system", "s")]), vec!["."]),
        (json!([user("a"), { "role": "assistant", "content": null }, user("b")]), vec!["a", ".", "b"]),
    ] {
        assert_eq!(asked(&env, messages.clone()).await.texts(), turns, "{messages}");
    }
    env.still_serves().await;
}

#[tokio::test]
async fn content_may_come_in_parts() {
    let env = TestEnv::new(&["alice"]).await;
    let parts = json!([{ "type": "text", "text": "one" }, { "type": "text", "text": "two" }]);
    let call = asked(&env, json!([{ "role": "user", "content": parts }])).await;
    assert_eq!(call.texts(), ["one\n\ntwo"]);
    env.still_serves().await;
}

#[tokio::test]
async fn the_name_of_a_user_stands_before_what_they_say() {
    let env = TestEnv::new(&["alice"]).await;
    let call = asked(&env, json!([{ "role": "user", "content": "one", "name": "me" }])).await;
    assert_eq!(call.texts(), ["me:\n\none"]);
    env.still_serves().await;
}

#[tokio::test]
async fn the_transcript_layout_comes_from_the_settings() {
    let env =
        TestEnv::with_options(&["alice"], Options::default().settings("layout = \"transcript\"\n")).await;
    let messages = json!([
        says("system", "Be short."),
        says("user", "a"),
        says("assistant", "b"),
        says("user", "c"),
        says("user", "d"),
    ]);
    let call = asked(&env, messages).await;
    assert_eq!(call.preprompt.as_deref(), Some("Be short."));
    assert_eq!(call.texts(), ["User: a\n\nAssistant: b\n\nUser: c\n\nd"]);
    assert_eq!(env.program.chat(&question("hello")).await.status, 200);
    env.assert_no_protocol_error();
}

#[tokio::test]
async fn a_stop_sequence_cuts_the_reply_wherever_the_chunks_end() {
    let env = TestEnv::new(&["alice"]).await;
    for (stop, text) in
        [(json!("END"), "all good "), (json!(["nothing", "good E"]), "all "), (json!(["x", "all"]), "")]
    {
        for slice in ["slice=1", "slice=3", "slice=100"] {
            env.set_web_fault(slice);
            let mut request = question("echo: all good END and more");
            request["stop"] = stop.clone();
            let answer = env.program.chat(&request).await;
            assert_eq!(answer.text(), text, "{stop} {slice}");
            assert_eq!(answer.json()["choices"][0]["finish_reason"], "stop");
            request["stream"] = json!(true);
            assert_eq!(env.program.stream(&request).await.text().await, (text.to_owned(), true));
        }
    }
    env.still_serves().await;
}

#[tokio::test]
async fn a_reply_that_met_its_end_ends_the_call() {
    let env = TestEnv::new(&["alice"]).await;
    for (field, value) in [("stop", json!("Jack")), ("max_tokens", json!(20))] {
        env.set_web_fault("endless");
        let mut request = question("hello");
        request[field] = value;
        assert_eq!(env.program.chat(&request).await.status, 200, "{field}");
        env.wait_for(|state| state.active_calls == 0).await;
        assert!(env.model_calls().last().unwrap().peer_closed_early, "{field}");
    }
    env.still_serves().await;
}

#[tokio::test]
async fn a_reply_is_cut_at_the_wanted_number_of_tokens() {
    let env = TestEnv::new(&["alice"]).await;
    for field in ["max_tokens", "max_completion_tokens"] {
        let mut request = question("echo: one two three four five");
        request[field] = json!(3);
        let body = env.program.chat(&request).await.json();
        assert_eq!(body["choices"][0]["message"]["content"], "one two three", "{field}");
        assert_eq!(body["choices"][0]["finish_reason"], "length");
        assert_eq!(body["usage"]["completion_tokens"], 3);
        request[field] = json!(100);
        let body = env.program.chat(&request).await.json();
        assert_eq!(body["choices"][0]["finish_reason"], "stop");
        request[field] = json!(0);
        assert_eq!(env.program.chat(&request).await.error(), (400, "invalid_request".into()));
    }
    env.still_serves().await;
}

#[tokio::test]
async fn what_has_no_effect_is_accepted_and_named() {
    let env = TestEnv::new(&["alice"]).await;
    let mut request = question("echo: hi");
    for (field, value) in [
        ("temperature", json!(0.2)),
        ("top_p", json!(1)),
        ("seed", json!(7)),
        ("user", json!("somebody")),
        ("n", json!(1)),
        ("tools", json!([])),
        ("logprobs", json!(false)),
        ("response_format", json!({ "type": "text" })),
    ] {
        request[field] = value;
    }
    let answer = env.program.chat(&request).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let mut ignored: Vec<&str> = answer.header("x-mammouth-ignored").unwrap().split(", ").collect();
    ignored.sort_unstable();
    assert_eq!(ignored, ["seed", "temperature", "top_p", "user"]);
    assert_eq!(env.program.chat(&question("echo: hi")).await.header("x-mammouth-ignored"), None);
    env.still_serves().await;
}

#[tokio::test]
async fn what_would_change_the_meaning_is_refused() {
    let env = TestEnv::new(&["alice"]).await;
    for (field, value) in [
        ("n", json!(2)),
        ("logprobs", json!(true)),
        ("top_logprobs", json!(2)),
        ("modalities", json!(["text", "audio"])),
        ("audio", json!({ "voice": "x" })),
    ] {
        let mut request = question("hello");
        request[field] = value;
        let answer = env.program.chat(&request).await;
        assert_eq!(answer.error(), (400, "unsupported_parameter".into()), "{field}");
        assert_eq!(answer.json()["error"]["param"], field);
        assert_eq!(answer.header("x-should-retry"), None, "nothing was tried");
    }
    assert!(env.simulator.calls().is_empty());
    env.still_serves().await;
}

#[tokio::test]
async fn usage_is_counted_and_sent_where_it_is_wanted() {
    let env = TestEnv::new(&["alice"]).await;
    let text = "echo: one two three";
    let whole = env.program.chat(&question(text)).await;
    let usage = whole.json()["usage"].clone();
    assert_eq!(usage["completion_tokens"], 3);
    let sum = usage["prompt_tokens"].as_u64().unwrap() + 3;
    assert_eq!(usage["total_tokens"], sum);
    let record = env.record_of(&whole.headers).await;
    assert_eq!((&record["completion_tokens"], &record["tokens_estimated"]), (&json!(3), &json!(true)));

    let without = env.program.stream(&streamed(text)).await.all().await;
    assert!(without.iter().all(|event| !event.contains("usage")), "{without:?}");
    let mut request = streamed(text);
    request["stream_options"] = json!({ "include_usage": true });
    let events = env.program.stream(&request).await.all().await;
    let last: Value = serde_json::from_str(&events[events.len() - 2]).unwrap();
    assert_eq!((&last["choices"], &last["usage"]), (&json!([]), &usage));
    let before: Value = serde_json::from_str(&events[0]).unwrap();
    assert!(before["usage"].is_null() && before.as_object().unwrap().contains_key("usage"));
    env.still_serves().await;
}

#[tokio::test]
async fn every_chunk_of_a_stream_has_the_same_id_and_model() {
    let env = TestEnv::new(&["alice"]).await;
    let mut events = env.program.stream(&streamed("echo: one two three")).await.all().await;
    assert_eq!(events.pop().as_deref(), Some("[DONE]"));
    let events: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    for event in &events {
        assert_eq!((&event["id"], &event["created"]), (&events[0]["id"], &events[0]["created"]));
        assert_eq!((&event["object"], &event["model"]), (&json!("chat.completion.chunk"), &json!("gpt-4.1")));
    }
    let reasons: Vec<&Value> = events.iter().map(|event| &event["choices"][0]["finish_reason"]).collect();
    assert!(reasons[..reasons.len() - 1].iter().all(|reason| reason.is_null()));
    assert_eq!(reasons[reasons.len() - 1], "stop");
    env.still_serves().await;
}

#[tokio::test]
async fn text_reaches_the_site_as_it_was_sent() {
    let env = TestEnv::new(&["alice"]).await;
    let odd = "a\r\nb\t\u{0}\u{2028} 👩‍👩‍👧‍👦 e\u{301} é \u{202e}x --boundary\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nevil";
    let call = asked(&env, json!([says("system", odd), says("user", odd)])).await;
    assert_eq!((call.texts(), call.preprompt.as_deref()), (vec![odd], Some(odd)));
    assert_eq!(call.model.as_deref(), Some("openai-gpt-4.1"));
    env.still_serves().await;
}
