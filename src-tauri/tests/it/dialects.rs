//! Tests of behaviour that is common to all dialects: the same request gets the same reply, and the same
//! fault the same code, each in the dialect's form. Every case runs over the table of dialects.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Answer, DIALECT_CLIENTS, DialectClient, KEY, Options, TestEnv, Upstream, post, raw};

mod anthropic;
mod files;
mod ollama;
mod responses;
mod tools;

#[tokio::test]
async fn u03_every_way_to_join_a_base_url_reaches_every_dialect() {
    let env = TestEnv::new(&["alice"]).await;
    for spoken in DIALECT_CLIENTS {
        let own = spoken.path.strip_prefix("/v1").unwrap_or(spoken.path);
        for prefix in ["", "/v1", "/v1/v1", "/v1/", "/"] {
            let answer = env.program.post(&format!("{prefix}{own}"), &(spoken.ask)("echo: hi")).await;
            let expected = if prefix == "/" { 404 } else { 200 };
            assert_eq!(answer.status, expected, "{prefix}{own}");
        }
        let with_query = format!("{}?beta=true", spoken.path);
        assert_eq!(env.program.post(&with_query, &(spoken.ask)("echo: hi")).await.status, 200);
    }
    env.still_serves().await;
}

#[tokio::test]
async fn r01_p07_the_same_text_arrives_whole_and_streamed() {
    for upstream in Upstream::BOTH {
        arrives(upstream).await;
    }
}

async fn arrives(upstream: Upstream) {
    let env = upstream.one_account(Options::default()).await;
    let text = "é 👩‍👩‍👧‍👦 \u{202e}x e\u{301}\u{2028}\r\n\n\ndata: [DONE]\n\nevent: message_stop\n\n{\"done\":true}\n{\"error\":1}";
    for spoken in DIALECT_CLIENTS {
        for fault in ["slice=1", "slice=100"] {
            upstream.set_fault(&env, fault);
            let whole = spoken.send_complete(&env, &format!("echo: {text}")).await;
            assert_eq!((spoken.text)(&whole.json()), text, "{}", spoken.path);
            let (streamed, last) =
                spoken.read_stream(&spoken.send_streamed(&env, &format!("echo: {text}")).await);
            assert_eq!(streamed, text, "{}", spoken.path);
            assert!(last.contains(spoken.end), "{}: {last}", spoken.path);
        }
        let asked = env.model_calls().pop().expect("a call");
        assert_eq!(asked.texts(), [format!("echo: {text}")], "{}", spoken.path);
    }
    env.still_serves().await;
}

#[tokio::test]
async fn u01_the_key_and_its_lack_have_every_dialects_form() {
    let env = TestEnv::new(&["alice"]).await;
    for spoken in DIALECT_CLIENTS {
        let request = || env.program.http.post(format!("{}{}", env.program.base, spoken.path));
        let request = || {
            request().header("content-type", "application/json").body((spoken.ask)("echo: hi").to_string())
        };
        let keyed = request().header("x-api-key", KEY).header("anthropic-version", "2026-10-21");
        assert_eq!(Answer::of(keyed.send().await).await.status, 200, "{}", spoken.path);
        let refused = Answer::of(request().header("x-api-key", "wrong").send().await).await;
        assert_eq!(spoken.read_error(&refused), (401, "invalid_api_key".into()), "{}", spoken.path);
        let foreign = request().bearer_auth(KEY).header("host", "evil.example");
        let refused = Answer::of(foreign.send().await).await;
        assert_eq!(spoken.read_error(&refused), (403, "host_not_allowed".into()), "{}", spoken.path);
        let form = request().bearer_auth(KEY).header("content-encoding", "gzip");
        let refused = Answer::of(form.send().await).await;
        assert_eq!(spoken.read_error(&refused), (415, "unsupported_media_type".into()), "{}", spoken.path);
        let get = env.program.get(spoken.path).await;
        assert_eq!(spoken.read_error(&get), (405, "method_not_allowed".into()), "{}", spoken.path);
    }
    env.still_serves().await;
}

#[tokio::test]
async fn p05_p07_a_bad_body_is_named_in_every_dialects_form() {
    let env = TestEnv::new(&["alice"]).await;
    for spoken in DIALECT_CLIENTS {
        let good = (spoken.ask)("hi").to_string();
        let bodies: [Vec<u8>; 9] = [
            b"".to_vec(),
            b"[]".to_vec(),
            b"{}".to_vec(),
            good.as_bytes()[..good.len() - 1].to_vec(),
            ["\u{feff}", &good].concat().into_bytes(),
            good.replacen('{', r#"{"model":"twice","#, 1).into_bytes(),
            good.replace("\"hi\"", "\"\\ud800\"").into_bytes(),
            good.replace("\"hi\"", "7.5").into_bytes(),
            [good.as_bytes()[..good.len() - 1].to_vec(), b",\"x\":\"\xff\"}".to_vec()].concat(),
        ];
        for body in bodies {
            let length = format!("Content-Length: {}", body.len());
            let answer =
                raw(env.program.port, &post(spoken.path, &["Connection: close", &length], &body)).await;
            let what = format!("{}: {}", spoken.path, String::from_utf8_lossy(&body));
            assert_eq!((answer.status(), answer.code().as_str()), (400, "invalid_request"), "{what}");
        }
    }
    assert!(env.simulator.calls().is_empty());
    env.still_serves().await;
}

#[tokio::test]
async fn p18_fields_that_would_lead_elsewhere_have_no_effect() {
    for upstream in Upstream::BOTH {
        let env = upstream.one_account(Options::default()).await;
        for spoken in DIALECT_CLIENTS {
            let mut body = (spoken.ask)("echo: hi");
            for field in ["api_base", "base_url", "api_key", "proxy", "organization", "extra_headers"] {
                body[field] = json!("http://127.0.0.1:1/");
            }
            let answer = env.program.post(spoken.path, &body).await;
            let what = format!("{upstream:?} {}: {:?}", spoken.path, answer.headers);
            assert_eq!((answer.status, (spoken.text)(&answer.json())), (200, &json!("hi")), "{what}");
            let named = answer.header("x-mammouth-ignored").is_some_and(|names| names.contains("api_base"));
            // The API receives unknown fields if the request is in its own dialect.
            let own = upstream == Upstream::Api && spoken.path == "/v1/chat/completions";
            assert_eq!(named, !own, "{what}");
        }
        env.still_serves().await;
    }
}

#[tokio::test]
async fn f56_a_client_that_leaves_ends_the_call_on_every_dialect() {
    for upstream in Upstream::BOTH {
        let env = upstream.one_account(Options::default()).await;
        for spoken in DIALECT_CLIENTS {
            upstream.set_fault(&env, "endless");
            leaves(&env, &spoken).await;
        }
        env.wait_until_idle().await;
        assert_eq!(env.account_state(upstream.labels()[0]).await, "ready");
        env.still_serves().await;
    }
}

async fn leaves(env: &TestEnv, spoken: &DialectClient) {
    let mut body = (spoken.ask)("hello");
    body["stream"] = json!(true);
    let body = body.to_string();
    let length = format!("Content-Length: {}", body.len());
    let mut socket = TcpStream::connect(("127.0.0.1", env.program.port)).await.unwrap();
    socket.write_all(&post(spoken.path, &[&length], body.as_bytes())).await.unwrap();
    env.wait_for(|state| state.active_calls == 1).await;
    drop(socket);
    env.wait_for(|state| state.active_calls == 0).await;
}

#[tokio::test]
async fn limits_and_stop_sequences_hold_on_every_dialect() {
    let env = TestEnv::new(&["alice"]).await;
    for (spoken, limit, length) in [
        (DIALECT_CLIENTS[0], json!({ "max_tokens": 3 }), "length"),
        (DIALECT_CLIENTS[1], json!({ "max_tokens": 3 }), "max_tokens"),
        (DIALECT_CLIENTS[2], json!({ "max_output_tokens": 3 }), "max_output_tokens"),
        (DIALECT_CLIENTS[3], json!({ "options": { "num_predict": 3 } }), "length"),
        (DIALECT_CLIENTS[4], json!({ "options": { "num_predict": 3 } }), "length"),
    ] {
        let mut body = (spoken.ask)("echo: one two three four five");
        body.as_object_mut().unwrap().extend(limit.as_object().unwrap().clone());
        let answer = env.program.post(spoken.path, &body).await;
        assert_eq!((spoken.text)(&answer.json()), "one two three", "{}", spoken.path);
        let body = answer.json();
        let reasons = [
            &body["choices"][0]["finish_reason"],
            &body["stop_reason"],
            &body["incomplete_details"]["reason"],
            &body["done_reason"],
        ];
        assert!(reasons.contains(&&json!(length)), "{}: {body}", spoken.path);
    }
    for (spoken, stop) in [
        (DIALECT_CLIENTS[1], json!({ "stop_sequences": ["three"] })),
        (DIALECT_CLIENTS[3], json!({ "options": { "stop": ["three"] } })),
        (DIALECT_CLIENTS[4], json!({ "options": { "stop": "three" } })),
    ] {
        let mut body = (spoken.ask)("echo: one two three four");
        body.as_object_mut().unwrap().extend(stop.as_object().unwrap().clone());
        let answer = env.program.post(spoken.path, &body).await;
        assert_eq!((spoken.text)(&answer.json()), "one two ", "{}", spoken.path);
        if spoken.path == "/v1/messages" {
            let told = [&answer.json()["stop_reason"], &answer.json()["stop_sequence"]].map(Value::to_string);
            assert_eq!(told, ["\"stop_sequence\"", "\"three\""]);
        }
    }
    env.still_serves().await;
}

#[tokio::test]
async fn a_stop_sequence_that_is_met_at_once_leaves_a_complete_reply_without_a_word() {
    for upstream in Upstream::BOTH {
        let env = upstream.one_account(Options::default()).await;
        for (spoken, stop) in [
            (DIALECT_CLIENTS[0], json!({ "stop": ["one"] })),
            (DIALECT_CLIENTS[1], json!({ "stop_sequences": ["one"] })),
            (DIALECT_CLIENTS[3], json!({ "options": { "stop": ["one"] } })),
            (DIALECT_CLIENTS[4], json!({ "options": { "stop": ["one"] } })),
            (DIALECT_CLIENTS[5], json!({ "stop": "one" })),
        ] {
            let what = format!("{upstream:?} {}", spoken.path);
            let mut body = (spoken.ask)("echo: one two");
            body.as_object_mut().unwrap().extend(stop.as_object().unwrap().clone());
            let answer = env.program.post(spoken.path, &body).await;
            let said = (spoken.text)(&answer.json()).as_str().unwrap_or_default().to_owned();
            assert_eq!((answer.status, said.as_str()), (200, ""), "{what}: {:?}", answer.body);
            body["stream"] = json!(true);
            let (said, last) = spoken.read_stream(&env.program.post(spoken.path, &body).await);
            assert_eq!(said, "", "{what}");
            assert!(last.contains(spoken.end), "{what}: {last}");
        }
        env.still_serves().await;
    }
}

#[tokio::test]
async fn over_an_api_key_every_dialect_gets_the_same_reply() {
    let env = TestEnv::with_api_account().await;
    for spoken in DIALECT_CLIENTS {
        let whole = spoken.send_complete(&env, "echo: é 🦣\n\n猛犸").await;
        assert_eq!(
            (whole.status, (spoken.text)(&whole.json())),
            (200, &json!("é 🦣\n\n猛犸")),
            "{}",
            spoken.path
        );
        assert_eq!(whole.header("x-mammouth-ignored"), None, "{}", spoken.path);
        let (streamed, last) = spoken.read_stream(&spoken.send_streamed(&env, "echo: é 🦣\n\n猛犸").await);
        assert_eq!(streamed, "é 🦣\n\n猛犸", "{}", spoken.path);
        assert!(last.contains(spoken.end), "{}: {last}", spoken.path);
        let mut steered = (spoken.ask)("echo: hi");
        steered["temperature"] = json!(0.3);
        assert_eq!(env.program.post(spoken.path, &steered).await.status, 200, "{}", spoken.path);
    }
}
