//! Canary test of rejected requests, with a canary in every part that a client can write.

use serde_json::{Value, json};

use super::{ACCOUNTS, API_KEY, CONTROL, COOKIE, CanaryWatch, KEY, PROMPT, SYSTEM, start, upstream};
use crate::support::{Program, raw};

#[tokio::test]
async fn l01_no_request_is_repeated_by_its_refusal_or_in_the_log() {
    let mut watch = CanaryWatch::new();
    let simulator = upstream(&ACCOUNTS).await;
    let program = start(&simulator).await;
    bodies(&mut watch, &program).await;
    control(&mut watch, &program).await;
    pages(&mut watch, &program).await;
    let dir = program.stop().await;
    watch.folder("after bad requests", dir.path());
    watch.assert_nothing_found();
}

#[tokio::test]
async fn u02_keys_in_queries_paths_and_other_places_open_nothing_and_are_not_logged() {
    let mut watch = CanaryWatch::new();
    let simulator = upstream(&ACCOUNTS).await;
    let program = start(&simulator).await;
    let encoded: String = url::form_urlencoded::byte_serialize(KEY.as_bytes()).collect();
    for path in ["?key=", "?token=", "?access_token=", "?api_key=", "/", "?"] {
        for (route, method) in
            [("/v1/models", "GET"), ("/v1/chat/completions", "POST"), ("/control/status", "POST")]
        {
            for value in [encoded.as_str(), KEY] {
                let head =
                    format!("{method} {route}{path}{value} HTTP/1.1\r\nContent-Type: application/json\r\n");
                let status = sent(&mut watch, &program, &head).await;
                assert!((400..500).contains(&status), "{status}: {head}");
            }
        }
    }
    for secret in [KEY, COOKIE, API_KEY, CONTROL] {
        for header in HEADERS {
            let head = format!("GET /v1/models HTTP/1.1\r\n{}\r\n", header.replace("{}", secret));
            let status = sent(&mut watch, &program, &head).await;
            let right = secret == KEY && ["Authorization: bearer {}", "x-api-key: {}"].contains(&header);
            assert_eq!(status == 200, right, "{status}: {head}");
        }
        for head in [
            format!("{secret} /v1/models HTTP/1.1\r\n"),
            format!("GET {secret} HTTP/1.1\r\n"),
            format!("GET http://{secret}/ HTTP/1.1\r\n"),
            format!("GET / {secret}\r\n"),
            format!("GET / HTTP/1.1\r\n{secret}\r\n"),
            format!("GET / HTTP/1.1\r\n{secret}: x\r\n"),
            format!("GET / HTTP/1.1\r\nContent-Length: {secret}\r\n"),
        ] {
            sent(&mut watch, &program, &head).await;
        }
    }
    assert_eq!(simulator.calls().iter().filter(|call| call.path.ends_with("llms")).count(), 0);
    let dir = program.stop().await;
    watch.folder("after keys in wrong places", dir.path());
    watch.assert_nothing_found();
}

const HEADERS: [&str; 14] = [
    "Authorization: bearer {}",
    "Authorization: Basic {}",
    "Authorization: {}",
    "Authorization: Bearer {}x",
    "x-api-key: {}",
    "x-api-key: {}x",
    "api-key: {}",
    "Cookie: auth_session={}",
    "Cookie: token={}",
    "User-Agent: {}",
    "Referer: http://127.0.0.1/?key={}",
    "Origin: https://{}",
    "X-Forwarded-For: {}",
    "X-Forwarded-Host: {}",
];

/// Sends a request head that closes its connection, and searches the response.
async fn sent(watch: &mut CanaryWatch, program: &Program, head: &str) -> u16 {
    let bytes = format!("{head}Host: 127.0.0.1\r\nConnection: close\r\n\r\n");
    let answer = raw(program.port, bytes.as_bytes()).await;
    let seen = watch.all.found_in(head, &answer.bytes);
    watch.seen.extend(seen);
    answer.status()
}

async fn bodies(watch: &mut CanaryWatch, program: &Program) {
    for path in ["/v1/chat/completions", "/v1/completions"] {
        for value in [PROMPT, SYSTEM, COOKIE, API_KEY, KEY, CONTROL] {
            for body in bad_bodies(value) {
                let asked = program.canary_post(path, body.clone()).send().await;
                watch.answer(&format!("{path} {}", String::from_utf8_lossy(&body)), asked).await;
            }
        }
    }
}

/// Bodies with an error in each field, which contain `value`.
fn bad_bodies(value: &str) -> Vec<Vec<u8>> {
    let fields = [
        json!({ "model": { (value): value } }),
        json!({ "model": [value] }),
        json!({ "model": format!("{value}\n") }),
        json!({ "prompt": { (value): value } }),
        json!({ "messages": value }),
        json!({ "messages": { (value): value } }),
        json!({ "messages": [value] }),
        json!({ "messages": [{ "role": value, "content": value }] }),
        json!({ "messages": [{ "role": "user", "content": { (value): value } }] }),
        json!({ "messages": [{ "role": "user", "content": [{ "type": value, (value): value }] }] }),
        json!({ "messages": [{ "role": "user", "content": [{ "type": "text", "text": { (value): 1 } }] }] }),
        json!({ "messages": [{ "role": "tool", "tool_call_id": [value], "content": { (value): value } }] }),
        image(value),
        image(&format!("http://127.0.0.1/{value}")),
        image(&format!("https://user:{value}@127.0.0.1/")),
        image(&format!("https://127.0.0.1:1/{value}")),
        image(&format!("https://{value}.invalid/")),
        image(&format!("data:image/png;base64,{value}")),
        image(&format!("data:{value};base64,AAAA")),
        json!({ "stop": { (value): value } }),
        json!({ "stop": [value, 1] }),
        json!({ "n": value }),
        json!({ "stream": value }),
        json!({ "stream_options": { (value): value } }),
        json!({ "stream_options": value }),
        json!({ "max_tokens": value }),
        json!({ "max_completion_tokens": { (value): value } }),
        json!({ "tools": [{ (value): value }] }),
        json!({ "tool_choice": value }),
        json!({ "response_format": { "type": value, (value): value } }),
        json!({ "logprobs": value }),
        json!({ "logit_bias": { (value): value } }),
        json!({ "modalities": [value] }),
        json!({ "audio": { (value): value } }),
        json!({ "best_of": value, "suffix": value, "echo": value }),
        json!({ "user": value, "metadata": { (value): value }, "n": 2 }),
        json!({ (value): value, "n": 2 }),
        json!({ "api_key": value, "api_base": format!("https://{value}"), "extra_headers": { (value): value }, "n": 2 }),
    ];
    let mut bodies: Vec<Vec<u8>> = fields.iter().map(|field| with(field).to_string().into_bytes()).collect();
    let text = Value::from(value).to_string();
    bodies.extend([
        text.clone().into_bytes(),
        value.as_bytes().to_vec(),
        format!("{{\"model\":{text}").into_bytes(),
        format!("{{{text}:1,{text}:2}}").into_bytes(),
        [b"{\"model\":\"\xff", value.as_bytes()].concat(),
        format!("{{\"model\":\"m\",\"messages\":[{{\"role\":{text}").into_bytes(),
    ]);
    bodies
}

fn image(url: &str) -> Value {
    json!({ "messages": [{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": url } }] }] })
}

/// A valid request with this field replaced.
fn with(field: &Value) -> Value {
    let mut body =
        json!({ "model": "gpt-4.1", "prompt": "hi", "messages": [{ "role": "user", "content": "hi" }] });
    let (body_fields, fields) = (body.as_object_mut().unwrap(), field.as_object().unwrap());
    body_fields.extend(fields.clone());
    body
}

/// Sends invalid commands to the management API with every credential. Only the control token is accepted,
/// and errors repeat no argument.
async fn control(watch: &mut CanaryWatch, program: &Program) {
    let arguments = |value: &str| {
        [
            json!({ "label": value, "secret": value }),
            json!({ "label": "new", "secret": value }),
            json!({ "label": "new", "secret": format!("{value}\n") }),
            json!({ "label": "new", "secret": { (value): value } }),
            json!({ "name": value }),
            json!({ "name": { (value): value } }),
            json!({ "port": value }),
            json!({ (value): value }),
            json!(value),
        ]
    };
    program.control("settings.accept_terms", &json!({})).await;
    let commands = [
        "accounts.add",
        "accounts.check",
        "accounts.enable",
        "accounts.remove",
        "accounts.replace",
        "accounts.import",
        "accounts.rename",
        "accounts.only",
        "accounts.explain",
        "keys.change",
        "models.set_alias",
        "settings.set",
        "keys.add",
        "keys.revoke",
        "port.switch",
        "log.latest",
        KEY,
        "CANARY",
    ];
    for (token, name) in
        [CONTROL, KEY, COOKIE].into_iter().flat_map(|token| commands.map(|name| (token, name)))
    {
        for value in [COOKIE, API_KEY, KEY, PROMPT] {
            for body in arguments(value) {
                let path = format!("{}/control/{name}", program.base);
                let request =
                    program.http.post(path).bearer_auth(token).header("content-type", "application/json");
                let place = format!("control {name} {body}");
                let status = watch.answer(&place, request.body(body.to_string()).send().await).await;
                assert!(status >= 400 || token == CONTROL, "{status}: {place}");
            }
        }
    }
}

/// Sends requests without a body.
async fn pages(watch: &mut CanaryWatch, program: &Program) {
    let encoded: String = url::form_urlencoded::byte_serialize(PROMPT.as_bytes()).collect();
    let unknown = format!("/v1/models/{encoded}");
    for path in [
        "/",
        "/healthz",
        "/metrics",
        "/v1/models",
        "/v1/models/gpt-4.1",
        "/control/events",
        "/nothing",
        &unknown,
    ] {
        for key in [KEY, COOKIE] {
            let asked = program.http.get(format!("{}{path}", program.base)).bearer_auth(key).send().await;
            watch.answer(path, asked).await;
        }
    }
}
