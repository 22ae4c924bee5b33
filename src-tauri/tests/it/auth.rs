//! Tests of client keys: accepted headers, rejection of wrong keys, revocation.

use mock_upstream::{Fault, FaultRule};
use serde_json::json;

use crate::support::{
    Answer, KEY, Options, Program, Wire, cli_with, head, question, raw, refused_start, simulator,
    stderr_text, stdout_text, streamed,
};

#[tokio::test]
async fn u01_every_wrong_credential_gets_the_same_401() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let half = &KEY[..KEY.len() / 2];
    let wrong = [
        vec![],
        vec!["Authorization:".to_owned()],
        vec!["Authorization: Bearer".to_owned()],
        vec![format!("Authorization: bearer  {KEY}")],
        vec![format!("Authorization: Basic {KEY}")],
        vec![format!("Authorization: {KEY}")],
        vec![format!("Authorization: Bearer {KEY}"), format!("Authorization: Bearer {KEY}")],
        vec![format!("Authorization: Bearer {KEY}"), "x-api-key: other".to_owned()],
        vec![format!("Authorization: Bearer {KEY} x")],
        vec![format!("Authorization: Bearer {}", KEY.to_uppercase())],
        vec![format!("Authorization: Bearer {half}")],
        vec![format!("Authorization: Bearer {KEY}{KEY}")],
        vec!["x-api-key:".to_owned()],
    ];
    let mut seen = Vec::new();
    for lines in wrong {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let answer = raw(program.port, &head("GET", "/v1/models", &lines)).await;
        assert_eq!((answer.status(), answer.code().as_str()), (401, "invalid_api_key"), "{lines:?}");
        assert_eq!(answer.headers("www-authenticate"), ["Bearer"]);
        assert_eq!(answer.headers("x-should-retry"), ["false"], "the same key stays wrong");
        // Only the date and the request id differ.
        let same = |line: &&str| !line.starts_with("date:") && !line.starts_with("x-request-id:");
        seen.push(answer.text().lines().filter(same).collect::<Vec<_>>().join("\n"));
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:#?}");
    // NUL cannot stand in a header at all.
    let nul =
        raw(program.port, &head("GET", "/v1/models", &[&format!("Authorization: Bearer {KEY}\0")])).await;
    assert_eq!(nul.status(), 400);
}

#[tokio::test]
async fn u02_the_key_is_taken_from_two_headers_and_nowhere_else() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start_with(&simulator, Options::default().env("LOG", "trace")).await;
    let status =
        async |path: &str, headers: &[&str]| raw(program.port, &head("GET", path, headers)).await.status();
    assert_eq!(status("/v1/models", &[&format!("Authorization: Bearer {KEY}")]).await, 200);
    assert_eq!(status("/v1/models", &[&format!("authorization: BEARER {KEY}")]).await, 200);
    assert_eq!(status("/v1/models", &[&format!("X-Api-Key: {KEY}")]).await, 200);
    let both = [&*format!("Authorization: Bearer {KEY}"), &format!("x-api-key: {KEY}")];
    assert_eq!(status("/v1/models", &both).await, 200);
    assert_eq!(status("/v1/models", &[&format!("api-key: {KEY}")]).await, 401);
    assert_eq!(status("/v1/models", &[&format!("Cookie: key={KEY}; auth_session={KEY}")]).await, 401);
    assert_eq!(status("/v1/models", &[&format!("Proxy-Authorization: Bearer {KEY}")]).await, 401);
    for query in ["key", "token", "api_key", "access_token"] {
        assert_eq!(status(&format!("/v1/models?{query}={KEY}"), &[]).await, 401);
    }
    assert_eq!(status(&format!("/{KEY}/v1/models"), &[]).await, 404);
    assert_eq!(status(&format!("/v1/models/{KEY}"), &[]).await, 401);
    let records = program.records().await;
    assert!(!program.log().contains(KEY), "the key is not logged");
    assert!(!format!("{records:?}").contains(KEY));
}

#[tokio::test]
async fn u04_other_spellings_of_a_path_lead_nowhere() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let long = format!("/v1/{}", "a".repeat(4_096));
    for path in [
        "//v1/models",
        "/v1/./models",
        "/v1/models/",
        "/V1/models",
        "/v1%2fmodels",
        "/v1/models%00",
        "/v1/models/%00",
        "/v1/models;x",
        "/ui/../admin",
        "/v1/../control/status",
        "/control/%73tatus",
        "/control/../v1/models",
        "/.%2e/control/status",
        "/healthz/",
        "/index.html",
        "/%2e%2e/settings.toml",
        "*",
        &long,
    ] {
        for credential in ["x: y", &format!("Authorization: Bearer {KEY}")] {
            for method in ["GET", "POST"] {
                let answer = raw(program.port, &head(method, path, &[credential])).await;
                assert!(matches!(answer.status(), 401 | 404 | 405), "{method} {path}: {}", answer.text());
            }
        }
    }
}

#[tokio::test]
async fn u05_hostile_keys_are_refused_and_not_logged() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start_with(&simulator, Options::default().env("LOG", "trace")).await;
    let logged = program.records().await;
    for value in ["' OR '1'='1", "%s%n%x-canary", "\u{1F600}-canary", "${jndi:ldap://canary}"] {
        let answer =
            raw(program.port, &head("GET", "/v1/models", &[&format!("Authorization: Bearer {value}")])).await;
        assert_eq!(answer.status(), 401, "{value}");
        assert!(!answer.text().contains(value));
    }
    let latin = [
        b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ",
        &b"\xe4\xff\xfe"[..],
        b"\r\n\r\n",
    ];
    assert_eq!(raw(program.port, &latin.concat()).await.status(), 401);
    // A key that is larger than the limit for a head.
    let long = format!("Authorization: Bearer {}", "k".repeat(1 << 20));
    assert_eq!(raw(program.port, &head("GET", "/v1/models", &[&long])).await.status(), 431);
    assert!(!program.log().contains("canary") && !program.log().contains("OR '1'"));
    assert_eq!(program.records().await, logged, "a refused caller reaches no database");
}

/// Checks that a prefix of a key is rejected like any wrong key. The duration of the comparison is not
/// measured, because it varies on a busy machine. The guard compares digests of fixed size in constant time,
/// always with every key (`auth/client_keys.rs`).
#[tokio::test]
async fn u06_a_partly_right_key_is_as_wrong_as_any() {
    let simulator = simulator(&[]).await;
    let program = Program::start(&simulator).await;
    for right in 0..KEY.len() {
        let guess = format!("{}{}", &KEY[..right], "~".repeat(KEY.len() - right));
        let answer = raw(program.port, &head("GET", "/v1/models", &[&format!("x-api-key: {guess}")])).await;
        assert_eq!(answer.status(), 401, "{right} right characters");
    }
}

#[tokio::test]
async fn u07_thousands_of_guesses_lock_nobody_out_and_fill_no_log() {
    const GUESSES: usize = 2_000;
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let one = "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nx-api-key: wrong-key-0123456789\r\n\r\n";
    let mut wire = Wire::open(program.port).await;
    let (mut reader, mut writer) = wire.socket.split();
    let last = head("GET", "/v1/models", &[]);
    let send = async {
        use tokio::io::AsyncWriteExt;
        writer.write_all(one.repeat(GUESSES - 1).as_bytes()).await.unwrap();
        writer.write_all(&last).await.unwrap();
    };
    let read = async {
        use tokio::io::AsyncReadExt;
        let mut answers = String::new();
        reader.read_to_string(&mut answers).await.unwrap();
        answers
    };
    let ((), answers) = tokio::join!(send, read);
    assert_eq!(answers.matches("HTTP/1.1 401 ").count(), GUESSES);
    assert_eq!(program.chat(&question("echo: still here")).await.text(), "still here");
    assert_eq!(program.metric("mammouth_refused_total").await, GUESSES as u64);
    assert!(program.log().len() < 10_000, "{} bytes of log", program.log().len());
}

/// Checks that running replies continue after the revocation of their key: they were authorised at their
/// start.
#[tokio::test]
async fn u10_a_revoked_key_ends_at_once_and_running_answers_finish() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let added = program.cli(&["keys", "add", "ide"]).await;
    let key = stdout_text(&added).trim().to_owned();
    simulator.set_faults(vec![FaultRule::on_web_chat("gate".parse::<Fault>().unwrap())]);
    let ask = || {
        let request = program.http.post(format!("{}/v1/chat/completions", program.base)).bearer_auth(&key);
        let body = streamed(r#"echo-chunks: ["a","b","c"]"#).to_string();
        request.header("content-type", "application/json").body(body).send()
    };
    let asked: Vec<_> = (0..20).map(|_| tokio::spawn(ask())).collect();
    simulator.wait_for(|state| state.held_chunks == 20).await;
    let revoked = program.cli(&["keys", "revoke", "ide"]).await;
    assert!(revoked.status.success(), "{}", stderr_text(&revoked));
    assert_eq!(Answer::of(ask().await).await.error(), (401, "invalid_api_key".to_owned()));
    simulator.release(1_000);
    for asked in asked {
        let stream = crate::support::Sse::new(asked.await.unwrap().unwrap());
        assert_eq!(stream.text().await, ("abc".to_owned(), true));
    }
    assert!(!program.cli(&["keys", "revoke", "ide"]).await.status.success());
    let records = program.wait_for_record_count(20).await;
    assert_eq!(records.iter().filter(|record| record["client"] == "ide").count(), 20);
    // No part of the key remains: only its digest was stored.
    let settings = std::fs::read_to_string(program.dir.path().join("settings.toml")).unwrap();
    assert!(!settings.contains(&key));
}

/// Checks a stream of an account that is paused. Removal uses the same selection code, but needs a keychain.
#[tokio::test]
async fn u10_an_account_taken_out_of_use_finishes_its_stream() {
    let simulator = simulator(&["alice", "bob"]).await;
    let program =
        Program::start_with(&simulator, Options::default().settings("strategy = \"fill-first\"")).await;
    simulator.set_faults(vec![FaultRule::on_web_chat("gate".parse::<Fault>().unwrap())]);
    let body = streamed(r#"echo-chunks: ["a","b"]"#);
    let ask = program.stream(&body);
    let pause = async {
        simulator.wait_for(|state| state.held_chunks == 1).await;
        let paused = program.cli(&["accounts", "pause", "web-1"]).await;
        assert!(paused.status.success(), "{}", stderr_text(&paused));
        simulator.release(100);
    };
    let (stream, ()) = tokio::join!(ask, pause);
    assert_eq!(stream.headers["x-mammouth-account"], "web-1");
    assert_eq!(stream.text().await, ("ab".to_owned(), true));
    assert_eq!(program.chat(&question("next")).await.header("x-mammouth-account"), Some("web-2"));
}

#[tokio::test]
async fn u11_a_weak_key_keeps_the_program_from_starting() {
    for weak in
        ["", "sk-123456", "changeme", "your-auth-token-here", "short-canary", "aaaaaaaaaaaaaaaaaaaaaaaa"]
    {
        let dir = tempfile::tempdir().unwrap();
        let options = Options::default().env("AUTH_TOKEN", weak);
        let ended = refused_start(dir.path(), None, options).await;
        let said = stderr_text(&ended) + &stdout_text(&ended);
        assert_eq!(ended.status.code(), Some(2), "{weak}: {said}");
        assert!(said.contains("AUTH_TOKEN"), "{said}");
        assert!(weak.is_empty() || !said.contains(weak), "{said}");
        assert!(!dir.path().join("lock").exists(), "nothing is left behind");
    }
}

#[tokio::test]
async fn u11_the_readme_s_own_examples_are_refused_or_no_token() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../README.md")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for token in readme.lines().filter_map(|line| line.strip_prefix("AUTH_TOKEN=")) {
        let token = token.split_whitespace().next().unwrap_or_default();
        let status = cli_with(dir.path(), &[("AUTH_TOKEN", token)], &["keys", "list"], "").await;
        assert_eq!(status.status.code(), Some(2), "the README prints {token}: it must not be accepted");
    }
}

#[tokio::test]
async fn u09_no_answer_of_the_control_door_holds_an_account_s_secret() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let cookie = simulator.cookies()[0].1.clone();
    program.chat(&question("hi")).await;
    for name in ["status", "accounts.list", "accounts.check", "keys.list", "log.latest", "doctor"] {
        let answer = program.control(name, &json!({})).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 200, "{name}: {text}");
        assert!(!text.contains(&cookie) && !text.contains(KEY), "{name}");
    }
    let revealed = program.control("keys.list", &json!({ "reveal": true })).await;
    assert_eq!(revealed.json()[0]["key"], KEY, "the one exception, asked for by name");
}
