//! Tests of the second port, which needs no key.

use serde_json::{Value, json};

use crate::support::{Answer, Options, Program, TestEnv, free_port, simulator};

async fn send(
    env: &TestEnv,
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Answer {
    let method = method.parse().expect("a method");
    let mut request = env.program.http.request(method, format!("http://127.0.0.1:{port}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request.header("content-type", "application/json").body(body.to_string()).send().await).await
}

fn hi() -> Value {
    json!({ "model": "gpt-4.1", "messages": [{ "role": "user", "content": "echo: hi" }], "stream": false })
}

#[tokio::test]
async fn the_keyless_port_serves_the_dialects_and_nothing_else() {
    let port = free_port();
    let options = Options::default().settings(&format!("keyless_port = {port}\n"));
    let env = TestEnv::with_options(&["alice"], options).await;
    for path in ["/api/chat", "/v1/chat/completions", "/v1/messages"] {
        assert_eq!(send(&env, port, "POST", path, &[], &hi()).await.status, 200, "{path}");
    }
    let any_key = [("authorization", "Bearer ollama")];
    assert_eq!(send(&env, port, "GET", "/v1/models", &any_key, &Value::Null).await.status, 200);
    assert_eq!(&*send(&env, port, "GET", "/", &[], &Value::Null).await.body, b"Ollama is running");
    for path in ["/metrics", "/healthz", "/control/events", "/control/status", "/index.html"] {
        assert_eq!(send(&env, port, "GET", path, &[], &Value::Null).await.status, 404, "{path}");
    }
    let foreign = send(&env, port, "POST", "/api/chat", &[("host", "evil.example")], &hi()).await;
    assert_eq!(foreign.error(), (403, "host_not_allowed".into()));
    for page in [("origin", "http://127.0.0.1:3000"), ("sec-fetch-site", "cross-site")] {
        let page = send(&env, port, "POST", "/api/chat", &[page], &hi()).await;
        assert_eq!(page.error(), (403, "origin_not_allowed".into()));
    }
    let without = env.program.http.post(format!("{}/api/chat", env.program.base)).body(hi().to_string());
    let without = without.header("content-type", "application/json").send().await;
    assert_eq!(Answer::of(without).await.status, 401, "the first port asks for one as ever");
    let record = env.wait_for_records(|records| records.len() == 3).await;
    assert_eq!(record[0]["client"], "(no key)");
    assert!(env.program.log().contains("no key is asked"), "the risk is told");
    env.still_serves().await;
    env.program.stop().await;
}

#[tokio::test]
async fn the_keyless_port_is_off_by_default_and_a_taken_port_is_reported() {
    let simulator = simulator(&["alice"]).await;
    let held = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let settings = format!("keyless_port = {}\n", held.local_addr().expect("an address").port());
    let program = Program::start_with(&simulator, Options::default().settings(&settings)).await;
    assert!(program.log().contains("the port without a key is not open"));
    let plain = Program::start(&simulator).await;
    assert!(!plain.log().contains("no key is asked"));
}

#[tokio::test]
async fn the_keyless_port_opens_moves_and_closes_while_running() {
    let env = TestEnv::with_options(&["alice"], Options::default()).await;
    let set = async |name: &str, value: Value| {
        env.program.control("settings.set", &json!({ "name": name, "value": value })).await
    };
    let answers = async |port: u16, headers: &[(&str, &str)]| {
        send(&env, port, "POST", "/api/chat", headers, &hi()).await.status
    };
    let is_open = |port: u16| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
    let told = async || {
        let status = env.control("status", &json!({})).await;
        let notices = status["notices"].as_array().expect("a list").clone();
        notices.iter().find(|notice| notice["id"] == "without-key").map(|notice| notice["said"].clone())
    };
    let (first, second) = (free_port(), free_port());

    assert_eq!(told().await, None);
    assert_eq!(set("keyless_port", json!(first)).await.status, 200);
    assert_eq!(answers(first, &[]).await, 200);
    assert_eq!(told().await, Some(json!({ "what": "keyless", "port": first })));

    let other_name = [("host", "pc.example")];
    assert_eq!(answers(first, &other_name).await, 403);
    assert_eq!(set("allowed_hosts", json!(["pc.example"])).await.status, 200);
    assert_eq!(answers(first, &other_name).await, 200, "it follows the lists of the first port");

    let held = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let taken = set("keyless_port", json!(held.local_addr().expect("an address").port())).await;
    assert_eq!(taken.error().1, "port_taken", "{:?}", taken.body);
    assert_eq!(answers(first, &[]).await, 200, "nothing has changed");

    assert_eq!(set("keyless_port", json!(second)).await.status, 200);
    assert_eq!((answers(second, &[]).await, is_open(first)), (200, false));

    assert_eq!(set("keyless_port", json!(0)).await.status, 200);
    assert!(!is_open(second));
    assert_eq!(told().await, None);
    env.still_serves().await;
    env.program.stop().await;
}
