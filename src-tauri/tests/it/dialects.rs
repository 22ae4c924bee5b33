//! What holds on every dialect: the same question gets the same reply, the same fault the same code, each in the
//! dialect's own form. One table of dialects, and every case over all of them.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Answer, KEY, Scene, code_of, post, raw};

mod anthropic;
mod ollama;
mod responses;
mod tools;

/// How a client of a dialect asks, and where it looks.
#[derive(Clone, Copy)]
struct Spoken {
    path: &'static str,
    /// A question with one text of the user's.
    ask: fn(&str) -> Value,
    /// The text of a whole reply.
    text: fn(&Value) -> &Value,
    /// A piece of text in an event of a stream.
    piece: fn(&Value) -> &Value,
    /// What stands in the last event of a stream that is complete.
    end: &'static str,
    /// Where an error's message is.
    message: fn(&Value) -> &Value,
}

const SPOKEN: [Spoken; 5] = [
    Spoken {
        path: "/v1/chat/completions",
        ask: |text| json!({ "model": "gpt-4.1", "messages": [{ "role": "user", "content": text }], "stream": false }),
        text: |body| &body["choices"][0]["message"]["content"],
        piece: |event| &event["choices"][0]["delta"]["content"],
        end: "[DONE]",
        message: |body| &body["error"]["message"],
    },
    Spoken {
        path: "/v1/messages",
        ask: |text| json!({ "model": "gpt-4.1", "max_tokens": 900, "messages": [{ "role": "user", "content": text }], "stream": false }),
        text: |body| &body["content"][0]["text"],
        piece: |event| &event["delta"]["text"],
        end: "message_stop",
        message: |body| &body["error"]["message"],
    },
    Spoken {
        path: "/v1/responses",
        ask: |text| json!({ "model": "gpt-4.1", "input": text, "stream": false }),
        text: |body| &body["output"][0]["content"][0]["text"],
        piece: |event| {
            if event["type"] == "response.output_text.delta" { &event["delta"] } else { &Value::Null }
        },
        end: "response.completed",
        message: |body| &body["error"]["message"],
    },
    Spoken {
        path: "/api/chat",
        ask: |text| json!({ "model": "gpt-4.1", "messages": [{ "role": "user", "content": text }], "stream": false }),
        text: |body| &body["message"]["content"],
        piece: |event| &event["message"]["content"],
        end: "\"done\":true",
        message: |body| &body["error"],
    },
    Spoken {
        path: "/api/generate",
        ask: |text| json!({ "model": "gpt-4.1", "prompt": text, "stream": false }),
        text: |body| &body["response"],
        piece: |event| &event["response"],
        end: "\"done\":true",
        message: |body| &body["error"],
    },
];

impl Spoken {
    async fn whole(&self, scene: &Scene, text: &str) -> Answer {
        scene.program.post(self.path, &(self.ask)(text)).await
    }

    async fn streamed(&self, scene: &Scene, text: &str) -> Answer {
        let mut body = (self.ask)(text);
        body["stream"] = json!(true);
        scene.program.post(self.path, &body).await
    }

    /// The text of a stream and its last event.
    fn read(&self, answer: &Answer) -> (String, String) {
        assert_eq!(answer.status, 200, "{}: {:?}", self.path, answer.body);
        let body = String::from_utf8(answer.body.to_vec()).expect("UTF-8");
        let data = |line: &str| line.strip_prefix("data: ").map(str::to_owned);
        let events: Vec<String> = match answer.header("content-type") {
            Some("application/x-ndjson") => body.lines().map(str::to_owned).collect(),
            Some(sse) if sse.starts_with("text/event-stream") => body.lines().filter_map(data).collect(),
            other => panic!("{}: {other:?}", self.path),
        };
        let pieces = events.iter().filter_map(|event| {
            let event: Value = serde_json::from_str(event).ok()?;
            (self.piece)(&event).as_str().map(str::to_owned)
        });
        (pieces.collect(), events.last().cloned().unwrap_or_default())
    }

    /// Status and code of a refusal, once its body has the dialect's form.
    fn refusal(&self, answer: &Answer) -> (u16, String) {
        assert_eq!(answer.header("content-type"), Some("application/json"), "{}", self.path);
        let body = answer.json();
        assert!((self.message)(&body).as_str().is_some_and(|text| !text.is_empty()), "{}: {body}", self.path);
        answer.error()
    }
}

#[tokio::test]
async fn u03_every_way_to_join_a_base_url_reaches_every_dialect() {
    let scene = Scene::of(&["alice"]).await;
    for spoken in SPOKEN {
        let own = spoken.path.strip_prefix("/v1").unwrap_or(spoken.path);
        for prefix in ["", "/v1", "/v1/v1", "/v1/", "/"] {
            let answer = scene.program.post(&format!("{prefix}{own}"), &(spoken.ask)("echo: hi")).await;
            let expected = if prefix == "/" { 404 } else { 200 };
            assert_eq!(answer.status, expected, "{prefix}{own}");
        }
        let with_query = format!("{}?beta=true", spoken.path);
        assert_eq!(scene.program.post(&with_query, &(spoken.ask)("echo: hi")).await.status, 200);
    }
    scene.still_serves().await;
}

#[tokio::test]
async fn r01_p07_the_same_text_arrives_whole_and_streamed() {
    let scene = Scene::of(&["alice"]).await;
    let text = "é 👩‍👩‍👧‍👦 \u{202e}x e\u{301}\u{2028}\r\n\n\ndata: [DONE]\n\nevent: message_stop\n\n{\"done\":true}\n{\"error\":1}";
    for spoken in SPOKEN {
        for fault in ["slice=1", "slice=100"] {
            scene.fault(fault);
            let whole = spoken.whole(&scene, &format!("echo: {text}")).await;
            assert_eq!((spoken.text)(&whole.json()), text, "{}", spoken.path);
            let (streamed, last) = spoken.read(&spoken.streamed(&scene, &format!("echo: {text}")).await);
            assert_eq!(streamed, text, "{}", spoken.path);
            assert!(last.contains(spoken.end), "{}: {last}", spoken.path);
        }
        let asked = scene.asked().pop().expect("a call");
        assert_eq!(asked.texts(), [format!("echo: {text}")], "{}", spoken.path);
    }
    scene.still_serves().await;
}

#[tokio::test]
async fn u01_the_key_and_its_lack_have_every_dialects_form() {
    let scene = Scene::of(&["alice"]).await;
    for spoken in SPOKEN {
        let request = || scene.program.http.post(format!("{}{}", scene.program.base, spoken.path));
        let request = || {
            request().header("content-type", "application/json").body((spoken.ask)("echo: hi").to_string())
        };
        let keyed = request().header("x-api-key", KEY).header("anthropic-version", "2026-10-21");
        assert_eq!(Answer::of(keyed.send().await).await.status, 200, "{}", spoken.path);
        let refused = Answer::of(request().header("x-api-key", "wrong").send().await).await;
        assert_eq!(spoken.refusal(&refused), (401, "invalid_api_key".into()), "{}", spoken.path);
        let foreign = request().bearer_auth(KEY).header("host", "evil.example");
        let refused = Answer::of(foreign.send().await).await;
        assert_eq!(spoken.refusal(&refused), (403, "host_not_allowed".into()), "{}", spoken.path);
        let form = request().bearer_auth(KEY).header("content-encoding", "gzip");
        let refused = Answer::of(form.send().await).await;
        assert_eq!(spoken.refusal(&refused), (415, "unsupported_media_type".into()), "{}", spoken.path);
        let get = scene.program.get(spoken.path).await;
        assert_eq!(spoken.refusal(&get), (405, "method_not_allowed".into()), "{}", spoken.path);
    }
    scene.still_serves().await;
}

#[tokio::test]
async fn p05_p07_a_bad_body_is_named_in_every_dialects_form() {
    let scene = Scene::of(&["alice"]).await;
    for spoken in SPOKEN {
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
                raw(scene.program.port, &post(spoken.path, &["Connection: close", &length], &body)).await;
            let what = format!("{}: {}", spoken.path, String::from_utf8_lossy(&body));
            assert_eq!((answer.status(), answer.code().as_str()), (400, "invalid_request"), "{what}");
        }
    }
    assert!(scene.simulator.calls().is_empty());
    scene.still_serves().await;
}

#[tokio::test]
async fn p18_fields_that_would_lead_elsewhere_have_no_effect() {
    let scene = Scene::of(&["alice"]).await;
    for spoken in SPOKEN {
        let mut body = (spoken.ask)("echo: hi");
        for field in ["api_base", "base_url", "api_key", "proxy", "organization", "extra_headers"] {
            body[field] = json!("http://127.0.0.1:1/");
        }
        let answer = scene.program.post(spoken.path, &body).await;
        assert_eq!((answer.status, (spoken.text)(&answer.json())), (200, &json!("hi")), "{}", spoken.path);
        assert!(answer.header("x-mammouth-ignored").is_some_and(|names| names.contains("api_base")));
    }
    scene.still_serves().await;
}

#[tokio::test]
async fn f01_to_f16_every_fault_has_its_code_in_every_dialects_form() {
    for (fault, status, code) in [
        ("quota", 429, "insufficient_quota"),
        ("status=429 header=Retry-After:7", 429, "rate_limit_exceeded"),
        ("bad-cookie", 503, "account_login_required"),
        ("body=login", 503, "account_login_required"),
        ("body=challenge", 503, "upstream_challenge"),
        ("status=500", 502, "upstream_bad_response"),
        ("body=html", 502, "upstream_bad_response"),
        ("body=portal", 502, "upstream_bad_response"),
        ("body=empty", 502, "upstream_bad_response"),
        ("body=json-error", 502, "upstream_bad_response"),
        ("body=cut-json", 502, "upstream_bad_response"),
        ("status=400 message=\"prompt is too long\"", 400, "context_length_exceeded"),
        ("status=422", 400, "invalid_request"),
        ("reset=0", 503, "upstream_unreachable"),
        ("redirect=https://evil.example/", 502, "upstream_bad_response"),
        ("gzip", 502, "upstream_bad_response"),
    ] {
        for (at, spoken) in SPOKEN.into_iter().enumerate() {
            let scene = Scene::of(&["alice"]).await;
            scene.fault(fault);
            let answer = if at % 2 == 0 {
                spoken.streamed(&scene, "echo: hi").await
            } else {
                spoken.whole(&scene, "echo: hi").await
            };
            let what = format!("{fault} on {}", spoken.path);
            assert_eq!(spoken.refusal(&answer), (status, code.to_owned()), "{what}");
            assert_eq!(answer.header("x-should-retry"), Some("false"), "{what}");
            assert_eq!(answer.header("retry-after").is_some(), status == 429, "{what}");
            assert!(scene.asked().len() <= 3, "{what}");
            let record = scene.record_of(&answer.headers).await;
            assert_eq!((&record["status"], &record["code"]), (&json!(status), &json!(code)), "{what}");
        }
    }
}

#[tokio::test]
async fn f17_to_f20_a_stream_that_breaks_off_says_so_in_every_dialect() {
    for fault in ["reset=5", "cut=5", "length=3", "utf8=invalid", "utf8=cut"] {
        for spoken in SPOKEN {
            let scene = Scene::of(&["alice"]).await;
            scene.fault(fault);
            let answer = spoken.streamed(&scene, "echo: 1 2 3 4 5 6 7").await;
            let (text, last) = spoken.read(&answer);
            let what = format!("{fault} on {}: {last}", spoken.path);
            assert!(text.starts_with('1'), "{what}");
            let error: Value = serde_json::from_str(&last).expect("an error");
            assert_eq!(code_of(&error), "stream_interrupted", "{what}");
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(!body.contains(spoken.end), "{what}");
            assert_eq!(scene.asked().len(), 1, "{what}: nothing is replayed");
            let whole = spoken.whole(&scene, "echo: 1 2 3 4 5 6 7").await;
            assert_eq!(spoken.refusal(&whole), (502, "upstream_bad_response".into()), "{what}");
        }
    }
}

#[tokio::test]
async fn r02_nothing_of_the_sites_headers_reaches_a_client() {
    let scene = Scene::of(&["alice"]).await;
    scene.fault("header=Set-Cookie:a=b header=cf-ray:x header=Server:x header=Access-Control-Allow-Origin:*");
    for spoken in SPOKEN {
        for answer in [spoken.whole(&scene, "echo: hi").await, spoken.streamed(&scene, "echo: hi").await] {
            for name in ["set-cookie", "cf-ray", "server", "access-control-allow-origin"] {
                assert_eq!(answer.header(name), None, "{name} on {}", spoken.path);
            }
        }
    }
    scene.still_serves().await;
}

#[tokio::test]
async fn f56_a_client_that_leaves_ends_the_call_on_every_dialect() {
    let scene = Scene::of(&["alice"]).await;
    for spoken in SPOKEN {
        scene.fault("endless");
        let mut body = (spoken.ask)("hello");
        body["stream"] = json!(true);
        let body = body.to_string();
        let length = format!("Content-Length: {}", body.len());
        let mut socket = TcpStream::connect(("127.0.0.1", scene.program.port)).await.unwrap();
        socket.write_all(&post(spoken.path, &[&length], body.as_bytes())).await.unwrap();
        scene.until(|state| state.active == 1).await;
        drop(socket);
        scene.until(|state| state.active == 0).await;
    }
    scene.still_serves().await;
}

#[tokio::test]
async fn limits_and_stop_sequences_hold_on_every_dialect() {
    let scene = Scene::of(&["alice"]).await;
    for (spoken, limit, length) in [
        (SPOKEN[0], json!({ "max_tokens": 3 }), "length"),
        (SPOKEN[1], json!({ "max_tokens": 3 }), "max_tokens"),
        (SPOKEN[2], json!({ "max_output_tokens": 3 }), "max_output_tokens"),
        (SPOKEN[3], json!({ "options": { "num_predict": 3 } }), "length"),
        (SPOKEN[4], json!({ "options": { "num_predict": 3 } }), "length"),
    ] {
        let mut body = (spoken.ask)("echo: one two three four five");
        body.as_object_mut().unwrap().extend(limit.as_object().unwrap().clone());
        let answer = scene.program.post(spoken.path, &body).await;
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
        (SPOKEN[1], json!({ "stop_sequences": ["three"] })),
        (SPOKEN[3], json!({ "options": { "stop": ["three"] } })),
        (SPOKEN[4], json!({ "options": { "stop": "three" } })),
    ] {
        let mut body = (spoken.ask)("echo: one two three four");
        body.as_object_mut().unwrap().extend(stop.as_object().unwrap().clone());
        let answer = scene.program.post(spoken.path, &body).await;
        assert_eq!((spoken.text)(&answer.json()), "one two ", "{}", spoken.path);
    }
    scene.still_serves().await;
}

#[tokio::test]
async fn over_an_api_key_every_dialect_gets_the_same_reply() {
    let scene = Scene::keyed().await;
    for spoken in SPOKEN {
        let whole = spoken.whole(&scene, "echo: é 🦣\n\n猛犸").await;
        assert_eq!(
            (whole.status, (spoken.text)(&whole.json())),
            (200, &json!("é 🦣\n\n猛犸")),
            "{}",
            spoken.path
        );
        assert_eq!(whole.header("x-mammouth-ignored"), None, "{}", spoken.path);
        let (streamed, last) = spoken.read(&spoken.streamed(&scene, "echo: é 🦣\n\n猛犸").await);
        assert_eq!(streamed, "é 🦣\n\n猛犸", "{}", spoken.path);
        assert!(last.contains(spoken.end), "{}: {last}", spoken.path);
        let mut steered = (spoken.ask)("echo: hi");
        steered["temperature"] = json!(0.3);
        assert_eq!(scene.program.post(spoken.path, &steered).await.status, 200, "{}", spoken.path);
    }
}
