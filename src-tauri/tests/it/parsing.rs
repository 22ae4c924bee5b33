//! Tests of bodies, heads and sizes that no regular client sends.
//!
//! Tests of the time limits with a test clock are in the gateway: P09 in `server/tests/limits.rs`, P10 in
//! `proxy/body.rs`. P06 and P16 have no test: there is no published schema and no search over HTTP.

use serde_json::{Value, json};

use crate::support::{
    KEY, Options, Program, Wire, check_headers, head, post, question, raw, simulator, streamed, with_key,
};

const CHAT: &str = "/v1/chat/completions";

/// A program with a limit of 64 KiB for bodies.
async fn small(simulator: &mock_upstream::MockUpstream) -> Program {
    Program::start_with(simulator, Options::default().settings("[limits]\nbody_bytes = 65536")).await
}

/// Status and code of the response to this body.
async fn asked(program: &Program, body: &[u8]) -> (u16, String) {
    let length = format!("Content-Length: {}", body.len());
    let answer = raw(program.port, &post(CHAT, &["Connection: close", &length], body)).await;
    (answer.status(), answer.code())
}

fn chunked(body: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n0\r\n\r\n"].concat()
}

fn bad(code: &str) -> (u16, String) {
    (400, code.to_owned())
}

#[tokio::test]
async fn p01_an_announced_giant_is_refused_before_it_is_read() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    // Only the head is sent: a response shows that the program does not wait for the body.
    let answer = raw(program.port, &post(CHAT, &["Content-Length: 314572800"], b"")).await;
    assert_eq!((answer.status(), answer.code().as_str()), (413, "request_too_large"));
    assert_eq!(answer.headers("connection"), ["close"]);
    assert_eq!(program.chat(&question("hi")).await.status, 200);
    assert_eq!(simulator.calls().len(), 1);
}

#[tokio::test]
async fn p02_an_endless_chunked_body_ends_at_the_cap_and_a_small_one_is_served() {
    let simulator = simulator(&["alice"]).await;
    let program = small(&simulator).await;
    let piece = chunked(&vec![b' '; 16 * 1024]);
    let piece = &piece[..piece.len() - b"0\r\n\r\n".len()];
    let endless = [&post(CHAT, &["Transfer-Encoding: chunked"], b"")[..], &piece.repeat(64)].concat();
    let answer = raw(program.port, &endless).await;
    assert_eq!((answer.status(), answer.code().as_str()), (413, "request_too_large"));
    let body = question("echo: chunked").to_string();
    let served = post(CHAT, &["Connection: close", "Transfer-Encoding: chunked"], &chunked(body.as_bytes()));
    let answer = raw(program.port, &served).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().contains("chunked"));
}

#[tokio::test]
async fn p03_a_packed_body_is_refused_unread() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    for encoding in ["gzip", "zstd", "br", "deflate", "gzip, gzip", "x-gzip", "identity, gzip"] {
        let line = format!("Content-Encoding: {encoding}");
        // The body never comes.
        let answer =
            raw(program.port, &post(CHAT, &["Connection: close", &line, "Content-Length: 1000000"], b""))
                .await;
        assert_eq!((answer.status(), answer.code().as_str()), (415, "unsupported_media_type"), "{encoding}");
    }
    assert!(simulator.calls().is_empty());
}

#[tokio::test]
async fn p04_deep_wide_and_long_bodies_are_refused() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let keys: Vec<String> = (0..1_000_000).map(|n| format!("\"k{n}\":1")).collect();
    let message = r#"{"role":"user","content":"x"},"#;
    let part = r#"{"type":"text","text":"x"},"#;
    let list = |item: &str, count: usize| item.repeat(count).trim_end_matches(',').to_owned();
    for (name, body) in [
        ("a deep body", deep.clone()),
        ("deep content", format!(r#"{{"model":"m","messages":[{{"role":"user","content":{deep}}}]}}"#)),
        ("a deep ignored field", format!(r#"{{"model":"m","messages":[{message}],"x":{deep}}}"#)),
        ("a million keys", format!("{{{}}}", keys.join(","))),
        ("a million messages", format!(r#"{{"model":"m","messages":[{}]}}"#, list(message, 1_000_000))),
        (
            "a million parts",
            format!(
                r#"{{"model":"m","messages":[{{"role":"user","content":[{}]}}]}}"#,
                list(part, 1_000_000)
            ),
        ),
        ("50 MB of NUL", format!(r#"{{"model":"m","messages":"{}"}}"#, "\\u0000".repeat(50_000_000 / 6))),
    ] {
        let (status, code) = asked(&program, body.as_bytes()).await;
        assert!(matches!(status, 400 | 413), "{name}: {status} {code}");
        assert!(matches!(&*code, "invalid_request" | "request_too_large"), "{name}: {status} {code}");
    }
    assert!(simulator.calls().is_empty());
    assert_eq!(program.chat(&question("hi")).await.status, 200);
}

#[tokio::test]
async fn p05_wrong_values_are_named_by_their_field() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let messages = r#""messages":[{"role":"user","content":"hi"}]"#;
    for (body, param) in [
        (format!(r#"{{"model":"a","model":"b",{messages}}}"#), "model"),
        (format!(r#"{{"model":"a","stream":true,"stream":false,{messages}}}"#), "stream"),
        (format!(r#"{{"model":1,{messages}}}"#), "model"),
        (format!(r#"{{{messages}}}"#), "model"),
        (r#"{"model":"a"}"#.to_owned(), "messages"),
        (r#"{"model":"a","messages":[]}"#.to_owned(), "messages"),
        (r#"{"model":"a","messages":{}}"#.to_owned(), "messages"),
        (r#"{"model":"a","messages":[{"content":"x"}]}"#.to_owned(), "messages"),
        (r#"{"model":"a","messages":[{"role":"king","content":"x"}]}"#.to_owned(), "messages"),
        (format!(r#"{{"model":"a","stream":"yes",{messages}}}"#), "stream"),
        (format!(r#"{{"model":"a","temperature":1e999,{messages}}}"#), "temperature"),
        (format!(r#"{{"model":"a","max_tokens":18446744073709551616,{messages}}}"#), "max_tokens"),
        (format!(r#"{{"model":"a","max_tokens":-1,{messages}}}"#), "max_tokens"),
        (format!(r#"{{"model":"a","stop":[1],{messages}}}"#), "stop"),
    ] {
        let length = format!("Content-Length: {}", body.len());
        let answer = raw(program.port, &post(CHAT, &["Connection: close", &length], body.as_bytes())).await;
        assert_eq!((answer.status(), answer.code().as_str()), (400, "invalid_request"), "{body}");
        let text = answer.text();
        let error: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
        let named = error["error"]["param"].as_str().unwrap_or_default();
        assert!(named.starts_with(param), "{body}: {named:?}");
    }
    for body in ["", "null", "[]", "\"x\"", "{", "{}x", r#"{"model":NaN}"#, "{'model':'a'}"] {
        assert_eq!(asked(&program, body.as_bytes()).await, bad("invalid_request"), "{body}");
    }
    assert!(simulator.calls().is_empty());
}

#[tokio::test]
async fn p07_bad_text_is_refused_and_good_text_arrives_byte_for_byte() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let with = |content: &[u8]| {
        [br#"{"model":"gpt-4.1","messages":[{"role":"user","content":""#, content, br#""}]}"#].concat()
    };
    for content in [
        &b"\xff\xfe"[..],
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"cut \xe2\x82",
        br"\ud800",
        br"\ud83d x",
        br"\udc00\ud800",
        br"\x41",
        b"raw \n newline",
    ] {
        assert_eq!(asked(&program, &with(content)).await, bad("invalid_request"), "{content:?}");
    }
    let bom = [b"\xef\xbb\xbf", &with(b"hi")[..]].concat();
    assert_eq!(asked(&program, &bom).await, bad("invalid_request"));
    assert!(simulator.calls().is_empty());

    let good = "\u{1F469}\u{200D}\u{1F469}\u{200D}\u{1F467} \u{202E}RTL\u{202C} \u{2028}\u{2029} \u{10FFFF} \
                e\u{301} \u{e9} \u{fb01} \u{0} \t \u{feff}end";
    assert_eq!(program.chat(&question(good)).await.status, 200);
    assert_eq!(simulator.calls()[0].texts(), [good]);
    // A Cyrillic letter makes a different name, which is passed on unchanged.
    let mut request = question("hi");
    for name in ["gpt-4.\u{661}", "\u{455}onnet", "GPT-4.1"] {
        request["model"] = json!(name);
        simulator.clear_calls();
        program.chat(&request).await;
        assert_eq!(simulator.calls()[0].model.as_deref(), Some(name));
    }
}

#[tokio::test]
async fn p08_heads_over_their_size_are_refused_and_the_connection_closed() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let many: Vec<String> = (0..101).map(|n| format!("x-{n}: 1")).collect();
    let lines: Vec<&str> = many.iter().map(String::as_str).collect();
    // Without `Connection: close`, so that the server decides to close.
    let open =
        |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace("Connection: close\r\n", "").into_bytes();
    let of = |path: &str, lines: &[&str]| open(head("GET", path, lines));
    let long_header = format!("x-long: {}", "a".repeat(500 << 10));
    let cookie = format!("Cookie: {}", "c=1; ".repeat(200 << 10));
    let long_path = format!("/{}", "p".repeat(70 << 10));
    let query = format!("/healthz?{}", "q".repeat(9 << 10));
    for (name, bytes, status) in [
        ("101 headers", of("/healthz", &lines), 431),
        ("a 500 KB header", of("/healthz", &[&long_header]), 431),
        ("a 1 MB cookie", of("/healthz", &[&cookie]), 431),
        ("a 70 KB path", of(&long_path, &[]), 414),
        ("a 9 KB query", of(&query, &[]), 414),
    ] {
        assert_eq!(raw(program.port, &bytes).await.status(), status, "{name}");
    }
    assert_eq!(raw(program.port, &head("GET", "/healthz", &lines[..90])).await.status(), 200);
}

#[tokio::test]
async fn p11_over_the_connection_limit_answers_503_and_running_streams_go_on() {
    const CAP: usize = 16;
    let simulator = simulator(&["alice"]).await;
    let options = Options::default().settings(&format!("[limits]\nmax_connections = {CAP}"));
    let program = Program::start_with(&simulator, options).await;
    simulator.set_faults(vec![gate()]);
    let body = streamed(r#"echo-chunks: ["a","b"]"#).to_string();
    let length = format!("Content-Length: {}", body.len());
    let mut streams = Vec::new();
    for _ in 0..CAP {
        let mut wire = Wire::open(program.port).await;
        wire.send(&post(CHAT, &["Connection: close", &length], body.as_bytes())).await;
        streams.push(wire);
    }
    simulator.wait_for(|state| state.held_chunks == CAP).await;
    for _ in 0..40 {
        let answer = raw(program.port, &head("GET", "/healthz", &[])).await;
        assert_eq!((answer.status(), answer.code().as_str()), (503, "overloaded"));
        assert_eq!(answer.headers("retry-after"), ["1"]);
        assert_eq!(answer.headers("x-content-type-options"), ["nosniff"]);
    }
    simulator.release(1_000);
    for stream in streams {
        let answer = stream.read_to_end().await;
        assert!(answer.status() == 200 && answer.text().contains("[DONE]"), "{}", answer.text());
    }
    assert!(wait_for_free_connection(&program).await.contains("\"connections\":"));
}

/// Waits for a free connection and returns the program's status. A peer may see the end of its response
/// before its connection slot is free; until then, a connection is rejected or closed.
async fn wait_for_free_connection(program: &Program) -> String {
    let token = format!("x-api-key: {}", program.control_token());
    loop {
        let answer = raw(program.port, &head("POST", "/control/status", &[&token])).await;
        match answer.status() {
            200 => return answer.text(),
            0 | 503 => {}
            other => panic!("{other}: {}", answer.text()),
        }
    }
}

#[tokio::test]
async fn p11_silent_connections_are_evicted_for_new_ones() {
    let simulator = simulator(&["alice"]).await;
    let options = Options::default().settings("[limits]\nmax_connections = 16");
    let program = Program::start_with(&simulator, options).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(Wire::open(program.port).await);
    }
    drop(silent);
    let status = wait_for_free_connection(&program).await;
    let status: Value = serde_json::from_str(status.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert!(status["connections"].as_u64().unwrap() <= 16, "{status}");
}

fn gate() -> mock_upstream::FaultRule {
    mock_upstream::FaultRule::on_web_chat("gate".parse().unwrap())
}

#[tokio::test]
async fn p12_two_parsers_cannot_be_made_to_disagree() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let hidden_body = question("hidden").to_string();
    let length = format!("Content-Length: {}", hidden_body.len());
    let hidden = post(CHAT, &["Connection: close", &length], hidden_body.as_bytes());
    let empty_chunks = b"0\r\n\r\n";
    for (name, lines, body) in [
        ("length, then chunked", "Content-Length: 5\r\nTransfer-Encoding: chunked", &empty_chunks[..]),
        ("chunked, then length", "Transfer-Encoding: chunked\r\nContent-Length: 5", empty_chunks),
        ("two lengths", "Content-Length: 0\r\nContent-Length: 5", b""),
        ("two lengths in one", "Content-Length: 0, 5", b""),
        ("a signed length", "Content-Length: +0", b""),
        ("space before the colon", "Transfer-Encoding : chunked", empty_chunks),
        ("chunked, identity", "Transfer-Encoding: chunked, identity", empty_chunks),
        ("an unknown coding", "Transfer-Encoding: xchunked", empty_chunks),
        ("a folded line", "X: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 0", b""),
        ("NUL", "X: a\0b\r\nContent-Length: 0", b""),
        ("a bare CR", "X: a\rTransfer-Encoding: chunked\r\nContent-Length: 0", b""),
        ("a bare CR as a line end", "Content-Length: 0\rX: y", b""),
        ("LF in a chunk extension", "Transfer-Encoding: chunked", b"0;a\nb\r\n\r\n"),
        ("a chunk size that is none", "Transfer-Encoding: chunked", b"0x0\r\n\r\n"),
        ("a giant chunk size", "Transfer-Encoding: chunked", b"ffffffffffffffffff\r\n"),
        ("no chunk size", "Transfer-Encoding: chunked", b"\r\n\r\n"),
    ] {
        let first = post(CHAT, &[lines], body);
        let answer = raw(program.port, &[&first[..], &hidden].concat()).await;
        assert_eq!(answer.text().matches("HTTP/1.1 ").count(), 1, "{name}: {}", answer.text());
        assert_eq!(answer.status(), 400, "{name}: {}", answer.text());
    }
    let extension = format!("0;{}\r\n\r\n", "e".repeat(1 << 20));
    let first = post(CHAT, &["Transfer-Encoding: chunked"], extension.as_bytes());
    assert_eq!(raw(program.port, &[&first[..], &hidden].concat()).await.status(), 400);
    // LF alone is accepted as a line end, because it is unambiguous.
    let lf = b"GET /healthz HTTP/1.1\nHost: localhost\nConnection: close\n\n";
    assert_eq!(raw(program.port, lf).await.status(), 200);
    assert!(simulator.calls().is_empty(), "no hidden request ran");
}

#[tokio::test]
async fn p13_pipelined_requests_are_answered_in_order() {
    const COUNT: usize = 1_000;
    let simulator = simulator(&[]).await;
    let program = Program::start(&simulator).await;
    let mut requests = Vec::new();
    for _ in 1..COUNT {
        requests.extend_from_slice(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    requests.extend(head("GET", "/v1/models", &[&with_key()]));
    let answers = raw(program.port, &requests).await;
    let ids = answers.headers("x-request-id");
    assert_eq!(ids.len(), COUNT);
    assert!(ids.is_sorted(), "in the order of the requests");
    assert!(answers.text().ends_with('}') && answers.text().contains("\"object\":\"list\""));
}

#[tokio::test]
async fn p14_no_field_can_write_a_header_or_a_part() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    program.chat(&question("hi")).await;
    let usual: Vec<String> = simulator.calls()[0].headers.iter().map(|(name, _)| name.clone()).collect();
    let hostile = "a\r\nX-Injected: 1\r\n\r\n\"; name=\"evil\"; filename=\"x\0y\"";
    let mut request = question(hostile);
    request["user"] = json!(hostile);
    request["metadata"] = json!({ hostile: hostile });
    request[hostile] = json!(hostile);
    simulator.clear_calls();
    let answer = program.chat(&request).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-injected"), None);
    check_headers(&answer.headers, "a hostile request");
    let calls = simulator.calls();
    assert_eq!((calls.len(), calls[0].problem.as_deref()), (1, None));
    assert_eq!(calls[0].texts(), [hostile]);
    let names: Vec<String> = calls[0].headers.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, usual, "one block of headers, and the usual one");
    for model in [hostile, "a\r\nb", "a\0", "\u{1b}[2J"] {
        request["model"] = json!(model);
        assert_eq!(program.chat(&request).await.error(), bad("invalid_request"));
    }
    for model in ["a\"b", "a;b", "\u{4f60}"] {
        request["model"] = json!(model);
        let answer = program.chat(&request).await;
        assert_eq!(answer.status, 200, "{model}");
        check_headers(&answer.headers, model);
    }
    assert!(simulator.calls().iter().all(|call| call.problem.is_none()));
}

#[tokio::test]
async fn p15_text_cannot_close_its_own_part() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    program.chat(&question("first")).await;
    let kind = simulator.calls()[0].header("content-type").unwrap_or_default().to_owned();
    let boundary = kind.split_once("boundary=").map(|(_, boundary)| boundary.to_owned());
    let boundary = boundary.unwrap_or_else(|| "x".repeat(32));
    assert!(boundary.len() >= 32, "at least 128 bits: {boundary}");
    let forged = format!(
        "--\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nevil\r\n--{boundary}--\r\n"
    );
    simulator.clear_calls();
    assert_eq!(program.chat(&question(&forged)).await.status, 200);
    let call = &simulator.calls()[0];
    assert_eq!((call.texts(), call.problem.as_deref()), (vec![&*forged], None));
    assert_eq!(call.model.as_deref(), Some("openai-gpt-4.1"));
    if kind.contains("boundary=") {
        assert!(!call.header("content-type").unwrap().contains(&boundary), "a new one for each request");
    }
}

#[tokio::test]
async fn p17_numbers_beyond_sense_are_refused_or_bounded() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let with = |name: &str, value: Value| {
        let mut request = question("echo: one two three");
        request[name] = value;
        request
    };
    assert_eq!(program.chat(&with("n", json!(1_000_000))).await.error(), bad("invalid_request"));
    assert!(simulator.calls().is_empty());
    let answer = program.chat(&with("max_tokens", json!(1_000_000_000_000_000_000_u64))).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "one two three"));
    let answer = program.chat(&with("timeout", json!(1_000_000_000))).await;
    assert_eq!((answer.status, answer.header("x-mammouth-ignored")), (200, Some("timeout")));
    let biases: serde_json::Map<String, Value> = (0..100_000).map(|n| (n.to_string(), json!(-100))).collect();
    let answer = program.chat(&with("logit_bias", Value::Object(biases))).await;
    assert_eq!(
        (answer.error(), answer.json()["error"]["param"].clone()),
        (bad("unsupported_parameter"), json!("logit_bias"))
    );
    assert_eq!(program.chat(&with("stop", json!("x".repeat(1 << 20)))).await.error(), bad("invalid_request"));
}

#[tokio::test]
async fn p18_nothing_in_a_request_moves_the_upstream() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let canary = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let elsewhere = format!("http://{}", canary.local_addr().unwrap());
    let mut request = question("hi");
    let fields =
        ["api_base", "base_url", "api_key", "proxy", "extra_headers", "organization", "mammouth_web_url"];
    for field in fields {
        request[field] = json!(elsewhere);
    }
    let mut asked =
        program.http.post(format!("{}{CHAT}?api_base={elsewhere}", program.base)).bearer_auth(KEY);
    for header in
        ["api-base", "x-base-url", "base_url", "openai-organization", "x-upstream", "proxy", "http_proxy"]
    {
        asked = asked.header(header, &elsewhere);
    }
    let asked = asked.header("content-type", "application/json").body(request.to_string());
    let answer = crate::support::Answer::of(asked.send().await).await;
    assert_eq!(answer.status, 200);
    let ignored = answer.header("x-mammouth-ignored").unwrap();
    assert!(fields.iter().all(|field| ignored.contains(field)), "{ignored}");
    let calls = simulator.calls();
    assert_eq!((calls.len(), calls[0].problem.as_deref()), (1, None));
    assert!(!format!("{:?}", calls[0]).contains(&elsewhere));
    assert_eq!(canary.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody connected");
}
