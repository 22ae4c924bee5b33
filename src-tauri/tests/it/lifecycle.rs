//! Tests of the start, a change of the port, the shutdown, and a kill of the program.

use std::net::{SocketAddr, TcpListener};

use mock_upstream::{Fault, FaultRule, MockUpstream};
use serde_json::json;

use crate::support::{
    KEY, Options, Program, Sse, cli_in, question, raw, refused_start, simulator, stderr_text, stdout_text,
    streamed,
};

fn gate(simulator: &MockUpstream) {
    simulator.set_faults(vec![FaultRule::on_web_chat("gate".parse::<Fault>().unwrap())]);
}

/// A stream of which one chunk was received and the rest is held.
async fn begun(program: &Program, simulator: &MockUpstream) -> Sse {
    gate(simulator);
    simulator.release(1);
    let mut stream = program.stream(&streamed(r#"echo-chunks: ["first","second","third"]"#)).await;
    assert_eq!(stream.next_json().await["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(stream.next_json().await["choices"][0]["delta"]["content"], "first");
    stream
}

async fn switch(program: &Program, port: u16) -> SocketAddr {
    let switched = program.cli(&["port", &port.to_string()]).await;
    assert!(switched.status.success(), "{}", stderr_text(&switched));
    let said = stdout_text(&switched);
    said.trim().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{said}")).parse().unwrap()
}

#[tokio::test]
async fn f30_a_taken_port_ends_the_start_and_names_who_has_it() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let dir = tempfile::tempdir().unwrap();
    let options = Options::default().without_defaults().env("AUTH_TOKEN", KEY).env("PORT", port.to_string());
    let ended = refused_start(dir.path(), None, options).await;
    let said = stderr_text(&ended);
    assert_eq!(ended.status.code(), Some(4), "{said}");
    assert!(said.contains(&format!("127.0.0.1:{port}")), "{said}");
    #[cfg(target_os = "linux")]
    assert!(said.contains(&format!("process {}", std::process::id())), "the holder is this test: {said}");
    assert_eq!(stdout_text(&ended), "", "it never said that it listens");
}

#[tokio::test]
async fn f31_a_switch_keeps_running_streams_and_every_command_finds_the_program() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let stream = begun(&program, &simulator).await;
    let address = switch(&program, 0).await;
    assert_ne!(address.port(), program.port);

    let there = program.http.get(format!("http://{address}/v1/models")).bearer_auth(KEY).send().await;
    assert_eq!(there.unwrap().status().as_u16(), 200);
    let gone = std::net::TcpStream::connect(("127.0.0.1", program.port));
    assert!(gone.is_err(), "the old port does not answer any more");

    let instance = std::fs::read_to_string(program.dir.path().join("instance.json")).unwrap();
    assert!(instance.contains(&address.to_string()), "{instance}");
    let status = program.cli(&["status"]).await;
    assert!(status.status.success(), "{}", stderr_text(&status));
    assert!(stdout_text(&status).contains(&format!("http://{address}/v1")), "{}", stdout_text(&status));
    assert!(program.cli(&["logs"]).await.status.success());

    simulator.release(100);
    assert_eq!(stream.text().await, ("secondthird".to_owned(), true));
    let settings = std::fs::read_to_string(program.dir.path().join("settings.toml")).unwrap();
    assert!(settings.contains(&format!("port = {}", address.port())), "{settings}");
    program.stop().await;
}

#[tokio::test]
async fn f32_a_switch_to_a_taken_port_changes_nothing() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().port();
    let refused = program.cli(&["port", &taken.to_string()]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr_text(&refused).contains("already used by"), "{}", stderr_text(&refused));
    assert_eq!(program.get("/v1/models").await.status, 200);
    assert!(stdout_text(&program.cli(&["status"]).await).contains(&program.base));
    assert!(!program.dir.path().join("settings.toml").exists(), "nothing was saved");
    // The current port is no change, but it is saved.
    assert_eq!(switch(&program, program.port).await.port(), program.port);
    let settings = std::fs::read_to_string(program.dir.path().join("settings.toml")).unwrap();
    assert!(settings.contains(&format!("port = {}", program.port)), "{settings}");
    for wrong in ["-1", "70000", "abc"] {
        assert_eq!(program.cli(&["port", wrong]).await.status.code(), Some(2), "{wrong}");
    }
}

#[tokio::test]
async fn f32_of_twenty_switches_at_once_one_listener_remains() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let token = program.control_token();
    let switches = (0..20).map(|_| {
        let request = program.http.post(format!("{}/control/port.switch", program.base)).bearer_auth(&token);
        tokio::spawn(request.body(json!({ "port": 0 }).to_string()).send())
    });
    let mut addresses = vec![SocketAddr::from(([127, 0, 0, 1], program.port))];
    for switched in switches.collect::<Vec<_>>() {
        // A late request finds the old port closed.
        let Ok(Ok(answer)) = switched.await else { continue };
        let answer = crate::support::Answer::of(Ok(answer)).await;
        if answer.status == 200 {
            addresses.push(answer.json()["address"].as_str().unwrap().parse().unwrap());
        }
    }
    assert!(addresses.len() > 1);
    let instance = std::fs::read_to_string(program.dir.path().join("instance.json")).unwrap();
    let settings = std::fs::read_to_string(program.dir.path().join("settings.toml")).unwrap();
    let answering: Vec<_> =
        addresses.iter().filter(|address| std::net::TcpStream::connect(address).is_ok()).collect();
    assert_eq!(answering.len(), 1, "{addresses:?}");
    assert!(instance.contains(&answering[0].to_string()), "{instance}");
    assert!(settings.contains(&format!("port = {}", answering[0].port())), "{settings}");
    assert!(program.cli(&["status"]).await.status.success());
}

#[tokio::test]
async fn f33_the_second_on_a_data_directory_is_refused_and_the_first_goes_on() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let ended = refused_start(program.dir.path(), Some(&simulator), Options::default()).await;
    assert_eq!(ended.status.code(), Some(3), "{}", stderr_text(&ended));
    assert!(stderr_text(&ended).contains("runs on"), "{}", stderr_text(&ended));
    assert_eq!(program.chat(&question("hi")).await.status, 200);
    assert!(program.cli(&["status"]).await.status.success());
}

#[tokio::test]
async fn f33_what_a_killed_program_leaves_is_taken_over() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let old = program.base.clone();
    let dir = program.kill().await;
    assert!(dir.path().join("instance.json").exists() && dir.path().join("lock").exists());
    assert_eq!(cli_in(dir.path(), &["status"]).await.status.code(), Some(1), "the dead one is not believed");
    let program = Program::start_in(dir, Some(&simulator), Options::default()).await;
    let status = stdout_text(&program.cli(&["status"]).await);
    assert!(status.contains(&program.base) && (program.base == old || !status.contains(&old)), "{status}");
    assert_eq!(program.chat(&question("hi")).await.status, 200);
}

#[tokio::test]
async fn f34_a_term_ends_idle_ones_at_once_and_lets_running_streams_finish() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    drains_at("TERM", program, &simulator).await;
}

/// Checks SIGHUP, which a closed terminal sends.
#[cfg(unix)]
#[tokio::test]
async fn f34_a_hangup_drains_as_a_term_does_and_under_nohup_is_passed_over() {
    let simulator = simulator(&["alice"]).await;
    // The tests may run with SIGHUP ignored, which child processes inherit.
    let options = Options::default().run_under(&["env", "--default-signal=HUP"]);
    let program = Program::start_in(tempfile::tempdir().unwrap(), Some(&simulator), options).await;
    drains_at("HUP", program, &simulator).await;
    simulator.set_faults(Vec::new());
    let options = Options::default().run_under(&["nohup"]);
    let program = Program::start_in(tempfile::tempdir().unwrap(), Some(&simulator), options).await;
    program.signal("HUP").await;
    assert_eq!(program.chat(&crate::support::question("still here")).await.status, 200);
    program.stop().await;
}

/// Sends the signal during a stream, and checks that the stream is complete, the log contains it, and the
/// exit code is 0.
async fn drains_at(signal: &str, program: Program, simulator: &MockUpstream) {
    let port = program.port;
    let stream = begun(&program, simulator).await;
    program.signal(signal).await;
    // The port is closed once the program stops accepting; connections are then refused.
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
        tokio::task::yield_now().await;
    }
    simulator.release(100);
    assert_eq!(stream.text().await, ("secondthird".to_owned(), true));
    let (code, dir) = program.wait_for_exit().await;
    assert_eq!(code, Some(0));
    let logged = stdout_text(&cli_in(dir.path(), &["logs", "--json"]).await);
    let record: serde_json::Value = serde_json::from_str(logged.trim()).unwrap();
    assert_eq!((&record["status"], &record["interrupted"]), (&json!(200), &json!(false)));
    assert!(!dir.path().join("instance.json").exists(), "the address goes with the program");
}

/// Checks streams that are still running after the grace period of ten seconds (docs/contract.md).
#[tokio::test]
async fn f34_after_the_grace_streams_end_with_an_error_and_the_log_is_written() {
    const STREAMS: usize = 20;
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    simulator.set_faults(vec![FaultRule::on_web_chat("stall=1".parse::<Fault>().unwrap())]);
    let body = streamed(r#"echo-chunks: ["first","second"]"#);
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(program.stream(&body).await);
    }
    program.signal("TERM").await;
    for stream in streams {
        let events = stream.all().await;
        let last: serde_json::Value = serde_json::from_str(events.last().expect("an event")).unwrap();
        assert_eq!(last["error"]["code"], "stream_interrupted", "{events:?}");
        assert!(!events.contains(&"[DONE]".to_owned()));
    }
    let (code, dir) = program.wait_for_exit().await;
    assert_eq!(code, Some(0));
    let logged = stdout_text(&cli_in(dir.path(), &["logs", "--json"]).await);
    assert_eq!(logged.matches(r#""code":"stream_interrupted""#).count(), STREAMS, "{logged}");
}

// Windows: the command `stop` is refused once the port is closed.
#[cfg(unix)]
#[tokio::test]
async fn f34_a_second_term_is_now() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let stream = begun(&program, &simulator).await;
    let port = program.port;
    program.signal("TERM").await;
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
        tokio::task::yield_now().await;
    }
    program.signal("TERM").await;
    let (code, _dir) = program.wait_for_exit().await;
    assert_eq!(code, Some(0));
    let (text, done) = stream.text().await;
    assert!(!done && text.is_empty(), "the stream was cut: {text}");
}

#[tokio::test]
async fn f34_what_was_learned_of_an_account_is_kept() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    simulator.set_faults(vec![FaultRule::on_web_chat(Fault::quota())]);
    assert_eq!(program.chat(&question("hi")).await.error(), (429, "insufficient_quota".to_owned()));
    let dir = program.stop().await;
    simulator.set_faults(Vec::new());
    simulator.clear_calls();
    let program = Program::start_in(dir, Some(&simulator), Options::default()).await;
    assert_eq!(program.chat(&question("hi")).await.error(), (429, "insufficient_quota".to_owned()));
    assert!(simulator.calls().is_empty(), "the limit outlived the restart");
}

/// Kills the program in a bounded number of rounds. The soak benchmark runs longer.
#[tokio::test]
async fn f35_a_kill_at_any_moment_loses_neither_start_nor_settings_nor_database() {
    const ROUNDS: usize = 12;
    let simulator = simulator(&["alice"]).await;
    let mut dir = tempfile::tempdir().unwrap();
    let mut known: Vec<String> = Vec::new();
    for round in 0..ROUNDS {
        let program = Program::start_in(dir, Some(&simulator), Options::default()).await;
        let settings = std::fs::read_to_string(program.dir.path().join("settings.toml")).unwrap_or_default();
        assert!(known.iter().all(|name| settings.contains(name)), "round {round}: {known:?} in {settings}");
        for _ in 0..round {
            program.chat(&question("hi")).await;
        }
        let sure = format!("key-{round}");
        assert_eq!(program.control("keys.add", &json!({ "name": sure })).await.status, 200);
        known.push(sure);
        // Concurrent writes to the log, the settings and the accounts' states at the moment of the kill.
        let (http, base, token) = (program.http.clone(), program.base.clone(), program.control_token());
        let under_way = (0..20).map(|n| {
            let (path, key, body) = match n % 2 {
                0 => ("/v1/chat/completions", KEY.to_owned(), question("hi").to_string()),
                _ => (
                    "/control/keys.add",
                    token.clone(),
                    json!({ "name": format!("r{round}n{n}") }).to_string(),
                ),
            };
            let request = http.post(format!("{base}{path}")).bearer_auth(key);
            tokio::spawn(request.header("content-type", "application/json").body(body).send())
        });
        let under_way: Vec<_> = under_way.collect();
        for first in under_way.into_iter().take(round) {
            let _ = first.await;
        }
        dir = program.kill().await;
        let database = rusqlite::Connection::open(dir.path().join("mammouth.db")).unwrap();
        let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok", "round {round}");
    }
    let program = Program::start_in(dir, Some(&simulator), Options::default()).await;
    let status = program.control("status", &json!({})).await.json();
    assert_eq!(
        status["notices"].as_array().unwrap().iter().filter(|n| n.to_string().contains("set aside")).count(),
        0
    );
    assert!(program.records().await.len() >= ROUNDS, "the log of earlier rounds is there");
}

#[tokio::test]
async fn the_address_is_printed_once_requests_are_answered_and_no_secret_with_it() {
    let simulator = simulator(&["alice"]).await;
    let mut program = Program::start(&simulator).await;
    // Without waiting: once the line is printed, requests are answered.
    assert_eq!(raw(program.port, b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n").await.status(), 200);
    let mut said = String::new();
    for _ in 0..2 {
        said += &program.stdout.next_line().await.unwrap().unwrap();
    }
    assert!(!said.contains(KEY), "{said}");
    #[cfg(target_os = "linux")]
    {
        let arguments = std::fs::read(format!("/proc/{}/cmdline", program.pid())).unwrap();
        let arguments = String::from_utf8_lossy(&arguments);
        assert!(!arguments.contains(KEY) && !arguments.contains(&simulator.cookies()[0].1), "{arguments}");
    }
}

#[tokio::test]
async fn the_command_stop_drains_as_a_signal_does_and_waits_for_the_end() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let stream = begun(&program, &simulator).await;
    let answer = program.control("program.stop", &json!({})).await;
    assert_eq!(answer.status, 200);
    simulator.release(100);
    assert_eq!(stream.text().await, ("secondthird".to_owned(), true));
    let (code, dir) = program.wait_for_exit().await;
    assert_eq!(code, Some(0));

    let program = Program::start_in(dir, Some(&simulator), Options::default()).await;
    let stopped = program.cli(&["stop"]).await;
    assert_eq!((stopped.status.code(), stdout_text(&stopped)), (Some(0), "stopped\n".to_owned()));
    let (code, dir) = program.wait_for_exit().await;
    assert_eq!(code, Some(0));
    let again = cli_in(dir.path(), &["stop"]).await;
    assert_eq!((again.status.code(), stdout_text(&again)), (Some(0), "the proxy does not run\n".to_owned()));
}

#[tokio::test]
async fn an_interrupt_ends_it_as_a_term_does() {
    let simulator = simulator(&[]).await;
    let program = Program::start(&simulator).await;
    program.signal("INT").await;
    assert_eq!(program.wait_for_exit().await.0, Some(0));
}
