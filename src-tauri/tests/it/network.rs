//! Tests of access over the network: Host, Origin, methods, protocols and listening addresses. N05, rebinding
//! in a real browser, is in `rebinding.rs`.

use std::net::{SocketAddr, TcpListener};

use serde_json::json;

use crate::support::{
    Answer, KEY, Options, Program, Wire, body_of, check_headers, cli_in, every_route, head, path_of,
    question, raw, refused_start, simulator, stderr_text, with_key,
};

/// Sends a request with these headers through a regular HTTP client.
async fn send(program: &Program, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let method = method.parse().expect("a method");
    let mut request = program.http.request(method, format!("{}{path}", program.base)).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request.send().await).await
}

fn bearer() -> String {
    format!("Bearer {KEY}")
}

#[tokio::test]
async fn n01_a_foreign_host_is_refused_on_every_route() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let evil = format!("evil.example:{}", program.port);
    let (key, control) = (bearer(), format!("Bearer {}", program.control_token()));
    for route in every_route() {
        for authorization in ["", &key, &control] {
            let headers =
                [("host", &*evil), ("authorization", authorization), ("content-type", "application/json")];
            let answer =
                send(&program, route.method.as_str(), &path_of(&route), &headers, body_of(&route)).await;
            assert_eq!(answer.status, 403, "{}", route.path);
            // The answer to HEAD has no body.
            if route.method != "HEAD" {
                assert_eq!(answer.error(), (403, "host_not_allowed".to_owned()), "{}", route.path);
            }
            assert!(!String::from_utf8_lossy(&answer.body).contains("evil"), "the Host is not echoed");
            check_headers(&answer.headers, route.path);
        }
    }
    assert_eq!(simulator.connections(), 0);
}

#[tokio::test]
async fn n02_look_alike_hosts_are_refused() {
    let simulator = simulator(&[]).await;
    let options = Options::default().arg("--allow-host").arg("box.lan");
    let program = Program::start_with(&simulator, options).await;
    let status = async |host: &str| send(&program, "GET", "/healthz", &[("host", host)], "").await.status;
    let port = program.port;
    for host in [
        "127.0.0.1.evil.example",
        "127.evil.example",
        "localhost.evil.example",
        "127.0.0.1@evil.example",
        "x.localhost",
        &format!("0.0.0.0:{port}"),
        "2130706433",
        "0x7f.1",
        "[::1].evil",
        "host.docker.internal",
        "localhost.",
        "box.lan.",
        "x.box.lan",
    ] {
        assert_eq!(status(host).await, 403, "{host}");
    }
    for host in ["127.0.0.1", "LocalHost", "[::1]", &format!("localhost:{port}"), "127.0.0.1:9", "BOX.lan:80"]
    {
        assert_eq!(status(host).await, 200, "{host}");
    }
}

#[tokio::test]
async fn n03_a_missing_empty_or_repeated_host_closes_the_connection() {
    let simulator = simulator(&[]).await;
    let program = Program::start(&simulator).await;
    for lines in [
        "GET /healthz HTTP/1.1\r\n\r\n",
        "GET /healthz HTTP/1.0\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost:\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    ] {
        // The request does not request the close.
        let answer = raw(program.port, lines.as_bytes()).await;
        assert_eq!((answer.status(), answer.code().as_str()), (400, "invalid_request"), "{lines:?}");
    }
}

#[tokio::test]
async fn n04_request_line_and_host_must_agree() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let port = program.port;
    let asked = async |target: &str, host: &str| {
        let key = with_key();
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{key}\r\nConnection: close\r\n\r\n");
        raw(port, request.as_bytes()).await.status()
    };
    let own = format!("127.0.0.1:{port}");
    assert_eq!(asked(&format!("http://{own}/v1/models"), "evil.example").await, 400);
    assert_eq!(asked("http://evil.example/v1/models", &own).await, 400);
    assert_eq!(asked(&format!("https://{own}/v1/models"), &own).await, 400);
    assert_eq!(asked("/v1/models", &format!("{own}/healthz?x=")).await, 400);
    assert_eq!(asked("/control/status", &format!("{own}/healthz")).await, 400);
    assert_eq!(asked(&format!("http://{own}/v1/models"), &own).await, 200);
}

/// Sends a chat request with the client key.
async fn post(program: &Program, path: &str, headers: &[(&str, &str)]) -> Answer {
    let key = bearer();
    let headers = [headers, &[("authorization", &*key)]].concat();
    send(program, "POST", path, &headers, &question("hi").to_string()).await
}

#[tokio::test]
async fn n06_what_a_page_can_post_is_refused() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let post = async |headers: &[(&str, &str)]| post(&program, "/v1/chat/completions", headers).await;
    let page = post(&[("origin", "https://evil.example"), ("content-type", "text/plain")]).await;
    assert_eq!(page.error(), (403, "origin_not_allowed".to_owned()));
    let page = post(&[("origin", "https://evil.example"), ("content-type", "application/json")]).await;
    assert_eq!(page.error(), (403, "origin_not_allowed".to_owned()));
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        assert_eq!(post(&[("content-type", kind)]).await.error(), (415, "unsupported_media_type".to_owned()));
    }
    assert_eq!(post(&[]).await.status, 415);
    assert_eq!(simulator.connections(), 0);
}

#[tokio::test]
async fn n06_ollama_s_clients_need_not_declare_what_they_post() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let post = async |headers: &[(&str, &str)]| post(&program, "/api/chat", headers).await.status;
    assert_eq!(post(&[]).await, 200, "as LiteLLM sends it");
    assert_eq!(post(&[("content-type", "text/plain")]).await, 415);
    assert_eq!(post(&[("content-encoding", "gzip")]).await, 415);
    assert_eq!(post(&[("origin", "https://evil.example")]).await, 403);
}

#[tokio::test]
async fn n07_a_preflight_is_never_answered_with_a_permission() {
    let simulator = simulator(&[]).await;
    let program = Program::start(&simulator).await;
    for route in every_route() {
        for origin in ["https://evil.example", "null", &format!("http://127.0.0.1:{}", program.port)] {
            let headers = [
                ("origin", origin),
                ("access-control-request-method", route.method.as_str()),
                ("access-control-request-headers", "authorization, content-type"),
                ("access-control-request-private-network", "true"),
            ];
            let answer = send(&program, "OPTIONS", &path_of(&route), &headers, "").await;
            assert!(matches!(answer.status, 403 | 405), "{} {}", answer.status, route.path);
            let permission = answer.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
            assert_eq!(permission, None, "{}", route.path);
        }
    }
}

#[tokio::test]
async fn n08_only_origins_that_the_user_listed_may_call() {
    let simulator = simulator(&["alice"]).await;
    let options = Options::default().env("ALLOWED_ORIGINS", "https://app.example,vscode-webview://x");
    let program = Program::start_with(&simulator, options).await;
    let (port, key) = (program.port, bearer());
    let models = async |origin: &str| {
        send(&program, "GET", "/v1/models", &[("origin", origin), ("authorization", &key)], "").await
    };
    for origin in [
        "null",
        "file://",
        "http://localhost:3000",
        "http://127.0.0.1:1",
        "chrome-extension://x",
        "vscode-webview://y",
        "https://app.example.evil",
        "https://app.example:444",
        "http://app.example",
        &format!("http://127.0.0.1:{port}"),
        &format!("http://127.0.0.1:{port}.evil"),
    ] {
        let answer = models(origin).await;
        assert_eq!(answer.error(), (403, "origin_not_allowed".to_owned()), "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    for origin in ["https://app.example", "vscode-webview://x"] {
        let answer = models(origin).await;
        assert_eq!(answer.status, 200, "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        assert_eq!(answer.header("vary"), Some("Origin"));
        check_headers(&answer.headers, origin);
    }
}

#[tokio::test]
async fn n08_null_and_patterns_cannot_be_listed() {
    for listed in ["null", "*", "https://*.example"] {
        let dir = tempfile::tempdir().unwrap();
        let options = Options::default().env("ALLOWED_ORIGINS", listed);
        let ended = refused_start(dir.path(), None, options).await;
        assert_eq!(ended.status.code(), Some(2), "{listed}");
        assert!(stderr_text(&ended).contains("ALLOWED_ORIGINS"), "{}", stderr_text(&ended));
    }
}

#[tokio::test]
async fn n09_other_sites_reach_only_the_page_and_no_get_changes_anything() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let (key, control) = (bearer(), format!("Bearer {}", program.control_token()));
    let state = async || {
        let settings = std::fs::read(program.dir.path().join("settings.toml")).unwrap_or_default();
        let keys = program.control("keys.list", &json!({})).await.json();
        let accounts = program.control("accounts.list", &json!({})).await.json();
        (settings, keys, accounts, program.records().await)
    };
    let before = state().await;
    for route in every_route() {
        for site in ["cross-site", "same-site"] {
            for authorization in [&key, &control] {
                let headers = [("sec-fetch-site", site), ("authorization", authorization)];
                let answer = send(&program, route.method.as_str(), &path_of(&route), &headers, "").await;
                let public = ["/", "/healthz"].contains(&route.path);
                assert_eq!(answer.status, if public { 200 } else { 403 }, "{} {site}", route.path);
            }
        }
        // The event stream does not end by itself.
        if route.path != "/control/events" {
            for authorization in [&key, &control] {
                send(&program, "GET", &path_of(&route), &[("authorization", authorization)], "").await;
            }
        }
    }
    assert_eq!(state().await, before);
    assert_eq!(simulator.connections(), 0);
}

#[tokio::test]
async fn n10_no_other_protocol_and_no_other_method() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let (key, control) = (with_key(), format!("x-api-key: {}", program.control_token()));
    for route in every_route() {
        let credential = if route.path.starts_with("/control") { &control } else { &key };
        let upgrade = format!(
            "{} {} HTTP/1.1\r\nHost: localhost\r\n{credential}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            route.method,
            path_of(&route)
        );
        assert_eq!(raw(program.port, upgrade.as_bytes()).await.status(), 400, "{}", route.path);
        let routes = every_route();
        let answered = |method: &str| routes.iter().any(|it| it.path == route.path && it.method == *method);
        for method in ["TRACE", "PUT", "DELETE", "FOO"].into_iter().filter(|method| !answered(method)) {
            let answer = raw(program.port, &head(method, &path_of(&route), &[credential])).await;
            assert_eq!(answer.status(), 405, "{method} {}", route.path);
            assert!(answer.headers("allow")[0].contains(route.method.as_str()), "{}", route.path);
        }
    }
    assert_eq!(raw(program.port, &head("PUT", "/nothing", &[&key])).await.status(), 404);
    let connect = raw(program.port, &head("CONNECT", "127.0.0.1:80", &[&key])).await;
    assert!(matches!(connect.status(), 400 | 404 | 405), "{}", connect.text());
    let preface = raw(program.port, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    assert!(matches!(preface.status(), 0 | 400 | 505), "{}", preface.text());
    assert_eq!(simulator.connections(), 0);
}

#[tokio::test]
async fn n11_only_loopback_listens_before_and_after_a_switch() {
    let simulator = simulator(&[]).await;
    let program = Program::start(&simulator).await;
    let listening = listeners(program.pid());
    assert_eq!(listening, [SocketAddr::from(([127, 0, 0, 1], program.port))]);
    let switched = program.control("port.switch", &json!({ "port": 0 })).await;
    let address: SocketAddr = switched.json()["address"].as_str().unwrap().parse().unwrap();
    assert_ne!(address.port(), program.port);
    assert_eq!(listeners(program.pid()), [address]);
    assert!(address.ip().is_loopback());
}

/// Addresses on which a process listens, from its open files and the system's tables.
fn listeners(pid: u32) -> Vec<SocketAddr> {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("a process of ours").flatten();
    let sockets: Vec<_> = files.filter_map(|file| std::fs::read_link(file.path()).ok()).collect();
    let tables =
        ["tcp", "tcp6"].map(|table| std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap());
    let mut found = Vec::new();
    for line in tables.iter().flat_map(|table| table.lines().skip(1)) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let socket = std::path::PathBuf::from(format!("socket:[{}]", fields[9]));
        if fields[3] == "0A" && sockets.contains(&socket) {
            let (ip, port) = fields[1].split_once(':').unwrap();
            assert_eq!(ip.len(), 8, "nothing listens on IPv6");
            let ip = u32::from_str_radix(ip, 16).unwrap().to_le_bytes();
            found.push(SocketAddr::from((ip, u16::from_str_radix(port, 16).unwrap())));
        }
    }
    found
}

#[tokio::test]
async fn n12_a_port_that_is_held_by_half_is_never_called_localhost() {
    let simulator = simulator(&[]).await;
    let program = Program::start_with(&simulator, Options::default().env("HOST", "localhost")).await;
    // Without IPv6 on the machine, this bind fails and is not needed.
    let _twin = TcpListener::bind(("::1", program.port));
    let status = program.cli(&["status"]).await;
    let said = String::from_utf8(status.stdout).unwrap();
    assert!(said.contains(&format!("http://127.0.0.1:{}/v1", program.port)), "{said}");
    assert!(program.base.starts_with("http://127.0.0.1:"));
    assert!(!said.contains("localhost:") && !program.log().contains("localhost:"));
}

#[tokio::test]
async fn n13_a_program_that_took_the_port_first_gets_no_secret() {
    let attacker = TcpListener::bind("127.0.0.1:0").unwrap();
    attacker.set_nonblocking(true).unwrap();
    let address = attacker.local_addr().unwrap();
    let simulator = simulator(&["alice"]).await;
    let dir = tempfile::tempdir().unwrap();
    let options =
        Options::default().without_defaults().env("AUTH_TOKEN", KEY).env("PORT", address.port().to_string());
    let ended = refused_start(dir.path(), Some(&simulator), options).await;
    assert_eq!(ended.status.code(), Some(4));
    assert!(stderr_text(&ended).contains("already used by"), "{}", stderr_text(&ended));

    // A stale or planted address: no process holds the lock, so the address is not used.
    let instance = json!({ "pid": std::process::id(), "address": address, "demo": false });
    std::fs::write(dir.path().join("instance.json"), instance.to_string()).unwrap();
    std::fs::write(dir.path().join("control-token"), "a-token-that-must-stay-here-0123456789").unwrap();
    let status = cli_in(dir.path(), &["status"]).await;
    assert_eq!(status.status.code(), Some(1), "{}", stderr_text(&status));
    assert_eq!(attacker.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody connected");
}

#[tokio::test]
async fn n14_forwarding_headers_decide_nothing() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let forwarded = [
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-host", "localhost"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=203.0.113.9;host=localhost"),
        ("x-real-ip", "203.0.113.9"),
        ("x-original-url", "/healthz"),
        ("x-rewrite-url", "/healthz"),
        ("x-http-method-override", "GET"),
    ];
    let with = |more: &[(&'static str, &'static str)]| [&forwarded[..], more].concat();
    assert_eq!(send(&program, "GET", "/v1/models", &forwarded, "").await.status, 401);
    assert_eq!(send(&program, "GET", "/healthz", &with(&[("host", "evil.example")]), "").await.status, 403);
    assert_eq!(send(&program, "POST", "/healthz", &forwarded, "").await.status, 405);
    let page = with(&[("origin", "https://evil.example")]);
    assert_eq!(send(&program, "GET", "/v1/models", &page, "").await.status, 403);
    let mut asked = program.http.post(format!("{}/v1/chat/completions", program.base)).bearer_auth(KEY);
    for (name, value) in forwarded {
        asked = asked.header(name, value);
    }
    let answer = Answer::of(asked.json_text(&question("hi")).send().await).await;
    assert_eq!(answer.status, 200);
    assert!(!program.wait_for_record_count(1).await[0].to_string().contains("203.0.113.9"));
    assert!(!program.log().contains("203.0.113.9"));
    let call = &simulator.calls()[0];
    assert!(call.headers.iter().all(|(name, _)| !name.contains("forwarded") && name != "x-real-ip"));
}

/// JSON body of a request. reqwest's own `json` needs a feature that the program does not use.
trait JsonText {
    fn json_text(self, body: &serde_json::Value) -> Self;
}

impl JsonText for reqwest::RequestBuilder {
    fn json_text(self, body: &serde_json::Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }
}

#[tokio::test]
async fn w03_every_answer_has_the_fixed_headers() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    check_headers(&program.chat(&question("hi")).await.headers, "a reply");
    check_headers(&program.chat(&json!({})).await.headers, "a bad request");
    check_headers(&program.chat(&question("sim: status=400")).await.headers, "a refusal of the upstream");
    check_headers(&program.stream(&crate::support::streamed("hi")).await.headers, "a stream");
    check_headers(&program.control("status", &json!({})).await.headers, "the control door");
    check_headers(&program.control("nothing", &json!({})).await.headers, "an unknown command");
    check_headers(&program.get("/nothing").await.headers, "an unknown path");
    check_headers(&program.get("/").await.headers, "the page");
    assert!(
        program.get("/").await.header("content-security-policy").unwrap().contains("frame-ancestors 'none'")
    );
    let mut events = Wire::open(program.port).await;
    let token = format!("x-api-key: {}", program.control_token());
    events.send(&head("GET", "/control/events", &[&token])).await;
    program.signal("TERM").await;
    let events = events.read_to_end().await;
    assert_eq!(events.headers("x-frame-options"), ["DENY"], "{}", events.text());
}
