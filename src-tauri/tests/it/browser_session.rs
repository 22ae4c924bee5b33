//! Tests of browser sessions: sign-in and sign-out, the event stream, and the files of the page.

use gateway::auth::SESSION_TOKEN_HEADER;
use gateway::management;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::{Answer, KEY, Program, Sse, TestEnv, check_headers, question, raw, simulator};

/// A browser, with its session if it is signed in.
struct BrowserSession<'a> {
    program: &'a Program,
    cookie: Option<String>,
    /// The session token, which is sent in a header.
    session: Option<String>,
}

impl<'a> BrowserSession<'a> {
    fn new(program: &'a Program) -> Self {
        Self { program, cookie: None, session: None }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.program.http.request(method, format!("{}{path}", self.program.base));
        let request = request.header("content-type", "application/json").header("origin", &self.program.base);
        let sent = [("cookie", &self.cookie), (SESSION_TOKEN_HEADER, &self.session)];
        sent.into_iter().fold(request, |request, (name, value)| match value {
            Some(value) => request.header(name, value),
            None => request,
        })
    }

    async fn sign_in(&mut self, token: &str) -> Answer {
        let body = json!({ "token": token }).to_string();
        let answer = Answer::of(self.request(Method::POST, "/control/session").body(body).send().await).await;
        if let Some(cookie) = answer.header("set-cookie") {
            self.cookie = cookie.split(';').next().map(str::to_owned);
            self.session = answer.json()["session_token"].as_str().map(str::to_owned);
        }
        answer
    }

    async fn status(&self) -> Answer {
        Answer::of(self.request(Method::POST, "/control/status").body("{}").send().await).await
    }
}

#[tokio::test]
async fn u12_a_browser_signs_in_acts_and_signs_out() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let token = program.control_token();
    let mut browser = BrowserSession::new(&program);
    assert_eq!(browser.status().await.status, 401);
    assert_eq!(
        browser.sign_in(KEY).await.error(),
        (401, "invalid_token".into()),
        "a client key is no way in"
    );
    let signed_in = browser.sign_in(&token).await;
    let cookie = signed_in.header("set-cookie").unwrap().to_owned();
    assert_eq!(signed_in.status, 200);
    assert_eq!(signed_in.header("cache-control"), Some("no-store"));
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains(&token));
    assert_eq!(browser.status().await.json()["serving"], true);

    let (first, session) = (browser.cookie.clone(), browser.session.clone());
    browser.sign_in(&token).await;
    assert_ne!(browser.cookie, first, "the id is new at each sign-in");
    assert_ne!(browser.session, session, "and so is the token");
    let signed_out = Answer::of(browser.request(Method::DELETE, "/control/session").send().await).await;
    assert_eq!(signed_out.status, 204);
    assert_eq!(browser.status().await.status, 401, "the session is gone on this side too");
    (browser.cookie, browser.session) = (first, session);
    assert_eq!(browser.status().await.status, 200, "another browser stays signed in");

    let (cookie, session) = (browser.cookie, browser.session);
    let dir = program.stop().await;
    let program = Program::start_in(dir, Some(&simulator), crate::support::Options::default()).await;
    let stale = BrowserSession { program: &program, cookie, session };
    assert_eq!(stale.status().await.status, 401, "no session outlives the program");
}

#[tokio::test]
async fn u12_a_session_is_worth_nothing_to_another_page() {
    let simulator = simulator(&[]).await;
    let program = Program::start(&simulator).await;
    let mut browser = BrowserSession::new(&program);
    browser.sign_in(&program.control_token()).await;
    let cookie = browser.cookie.clone().unwrap();
    let url = |path: &str| format!("{}{path}", program.base);
    let session = browser.session.clone().unwrap();
    let foreign = browser.request(Method::POST, "/control/status").header("origin", "https://evil.example");
    assert_eq!(Answer::of(foreign.body("{}").send().await).await.status, 403);
    let framed = program.http.post(url("/control/status")).header("cookie", &cookie);
    let framed =
        framed.header(SESSION_TOKEN_HEADER, &session).header("sec-fetch-site", "cross-site").body("{}");
    assert_eq!(Answer::of(framed.send().await).await.error(), (403, "origin_not_allowed".into()));
    let token = json!({ "token": program.control_token() }).to_string();
    let form =
        program.http.post(url("/control/session")).header("content-type", "text/plain").body(token.clone());
    assert_eq!(Answer::of(form.send().await).await.status, 415, "what a form can post signs nobody in");
    let foreign = program.http.post(url("/control/session")).header("content-type", "application/json");
    let foreign = foreign.header("origin", "https://evil.example").body(token);
    assert_eq!(Answer::of(foreign.send().await).await.status, 403);
    let chat = program.http.post(url("/v1/chat/completions")).header("cookie", &cookie);
    let chat =
        chat.header(SESSION_TOKEN_HEADER, &session).header("content-type", "application/json").body("{}");
    assert_eq!(Answer::of(chat.send().await).await.status, 401, "the door's session is no client key");
}

/// Checks that cookie and session token are only valid together. The browser sends the cookie to every other
/// port of this host too.
#[tokio::test]
async fn u12_neither_the_cookie_nor_the_session_token_opens_anything_alone() {
    let simulator = simulator(&[]).await;
    let program = Program::start(&simulator).await;
    let token = program.control_token();
    let (mut browser, mut other) = (BrowserSession::new(&program), BrowserSession::new(&program));
    browser.sign_in(&token).await;
    other.sign_in(&token).await;
    let cookie = browser.cookie.clone();
    let halves = [
        BrowserSession { program: &program, cookie: cookie.clone(), session: None },
        BrowserSession { program: &program, cookie: None, session: browser.session.clone() },
        BrowserSession { program: &program, cookie: cookie.clone(), session: other.session.clone() },
        BrowserSession { program: &program, cookie, session: Some("1".into()) },
    ];
    for (case, half) in halves.iter().enumerate() {
        for name in management::command_names() {
            let asked = half.request(Method::POST, &format!("/control/{name}")).body("{}");
            assert_eq!(Answer::of(asked.send().await).await.status, 401, "case {case}: {name}");
        }
        for (method, path) in [(Method::GET, "/control/events"), (Method::DELETE, "/control/session")] {
            assert_eq!(Answer::of(half.request(method, path).send().await).await.status, 401, "{path}");
        }
    }
    assert_eq!(browser.status().await.status, 200, "nothing of that ended the session");
}

#[tokio::test]
async fn u13_no_link_signs_anybody_in() {
    let simulator = simulator(&[]).await;
    let program = Program::start(&simulator).await;
    let token = program.control_token();
    for path in [format!("/?token={token}"), format!("/control/events?token={token}"), format!("/{token}")] {
        let answer = Answer::of(program.http.get(format!("{}{path}", program.base)).send().await).await;
        assert_eq!(answer.header("set-cookie"), None, "{path}");
        assert_eq!(answer.header("location"), None, "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
    assert!(!program.log().contains(&token));
}

#[tokio::test]
async fn d03_without_sign_in_only_the_page_is_served() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let version = env!("CARGO_PKG_VERSION");
    for route in management::ui::route_table() {
        let answer =
            Answer::of(program.http.get(format!("{}{}", program.base, route.path)).send().await).await;
        assert_eq!(answer.status, 200, "{}", route.path);
        if route.path == "/" {
            let page = String::from_utf8(answer.body.to_vec()).unwrap();
            for secret in [version, "web-1", "alice", &*program.control_token()] {
                assert!(!page.contains(secret), "{secret} is on the page");
            }
        }
    }
    for name in management::command_names() {
        let asked = program.http.post(format!("{}/control/{name}", program.base)).body("{}");
        assert_eq!(Answer::of(asked.send().await).await.status, 401, "{name}");
    }
}

#[tokio::test]
async fn w03_every_file_of_the_page_has_the_headers() {
    let simulator = simulator(&[]).await;
    let program = Program::start(&simulator).await;
    for route in management::ui::route_table() {
        let answer =
            Answer::of(program.http.get(format!("{}{}", program.base, route.path)).send().await).await;
        let policy = answer.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(part), "w02: {part}");
        }
        assert!(!policy.contains("unsafe"), "w02: {policy}");
        if route.path.starts_with("/assets/") {
            assert!(answer.header("cache-control").unwrap().ends_with("immutable"), "{}", route.path);
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        } else {
            check_headers(&answer.headers, route.path);
        }
    }
}

#[tokio::test]
async fn w04_no_path_leads_out_of_the_page_s_files() {
    let simulator = simulator(&[]).await;
    let program = Program::start(&simulator).await;
    for path in [
        "/%2e%2e/x",
        "/..%2fCargo.toml",
        "/..%5cx",
        "/%00",
        "/C:/x",
        "//etc/passwd",
        "/assets/../index.html",
        "/assets/",
        "/index.html.map",
        "/.git/config",
        "/index.html",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
        let answer = raw(program.port, request.as_bytes()).await;
        assert!(answer.text().starts_with("HTTP/1.1 404"), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn the_feed_sends_records_and_status_changes() {
    let env = TestEnv::new(&["alice"]).await;
    let mut browser = BrowserSession::new(&env.program);
    browser.sign_in(&env.program.control_token()).await;
    let request = browser.request(Method::GET, "/control/events");
    let mut feed = EventFeed(Sse::new(request.send().await.unwrap()));
    let status = feed.next("status").await;
    assert_eq!((&status["state"], &status["accounts"][0]["label"]), (&json!("serving"), &json!("web-1")));
    env.program.chat(&question("hello")).await;
    assert_eq!(feed.next("record").await["model_asked"], "gpt-4.1");
    env.control("accounts.enable", &json!({ "label": "web-1", "enabled": false })).await;
    loop {
        let status = feed.next("status").await;
        if status["accounts"][0]["state"] == "disabled" {
            assert_eq!(status["state"], "error");
            break;
        }
    }
    Answer::of(browser.request(Method::DELETE, "/control/session").send().await).await;
    assert!(feed.0.next_frame().await.is_none(), "the feed ends with its session");
}

struct EventFeed(Sse);

impl EventFeed {
    /// Data of the next event of this name.
    async fn next(&mut self, name: &str) -> Value {
        loop {
            let frame = self.0.next_frame().await.expect("the feed goes on");
            let wanted = frame.strip_prefix(&format!("event: {name}\ndata: "));
            if let Some(data) = wanted {
                return serde_json::from_str(data).expect("JSON");
            }
        }
    }
}
