//! Tests of the command line, with a running program and with the data directory of an ended one.

use serde_json::{Value, json};

use crate::support::{
    KEY, Options, Program, cli_in, cli_with, question, simulator, stderr_text, stdout_text,
};

#[tokio::test]
async fn version_help_and_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    let version = cli_in(dir.path(), &["--version"]).await;
    assert_eq!(
        (version.status.code(), stdout_text(&version).starts_with("mammouth-proxy ")),
        (Some(0), true)
    );
    let help = cli_in(dir.path(), &["--help"]).await;
    assert_eq!(help.status.code(), Some(0));
    for name in ["serve", "status", "doctor", "accounts", "keys", "port", "logs", "export"] {
        assert!(stdout_text(&help).contains(name), "{name}");
    }
    for wrong in
        [&[][..], &["nonsense"], &["serve", "--nonsense"], &["accounts", "add"], &["logs", "-n", "x"]]
    {
        let ended = cli_in(dir.path(), wrong).await;
        assert_eq!(ended.status.code(), Some(2), "{wrong:?}");
        assert!(!stderr_text(&ended).is_empty());
    }
    let options = cli_in(dir.path(), &["serve", "--help"]).await;
    for option in ["--host", "--port", "--demo", "--data-dir", "--env-file", "--no-ui", "--allow-host"] {
        assert!(stdout_text(&options).contains(option), "{option}");
    }
    let all = [&["serve", "--help"][..], &["accounts", "add", "--help"], &["keys", "add", "--help"]];
    for help in all {
        let text = stdout_text(&cli_in(dir.path(), help).await).to_lowercase();
        for secret in ["--cookie", "--token", "--key ", "--secret", "--password", "<cookie>", "<key>"] {
            assert!(!text.contains(secret), "secrets are never arguments: {secret} in {help:?}");
        }
    }
}

#[tokio::test]
async fn status_shows_address_and_accounts() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let status = program.cli(&["status"]).await;
    let said = stdout_text(&status);
    assert!(status.status.success(), "{}", stderr_text(&status));
    for part in [&format!("{}/v1", program.base), &format!("process {}", program.pid()), "web-1: ready"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let dir = program.stop().await;
    let status = cli_with(dir.path(), &[("COOKIES", "some-cookie-value")], &["status"], "").await;
    assert_eq!(status.status.code(), Some(1), "that nothing runs is a failure, for scripts");
    assert!(stderr_text(&status).contains("does not run"), "{}", stderr_text(&status));
    assert!(stdout_text(&status).contains("web-1: ready"), "{}", stdout_text(&status));
    assert!(!stdout_text(&status).contains("some-cookie-value"));
}

#[tokio::test]
async fn accounts_are_listed_and_checked() {
    let simulator = simulator(&["alice", "bob"]).await;
    let program = Program::start(&simulator).await;
    let listed = program.cli(&["accounts", "list", "--json"]).await;
    let listed: Value = serde_json::from_str(&stdout_text(&listed)).unwrap();
    assert_eq!((&listed[0]["label"], &listed[1]["label"]), (&json!("web-1"), &json!("web-2")));
    let checked = program.cli(&["accounts", "check"]).await;
    assert!(checked.status.success(), "{}", stderr_text(&checked));
    assert!(
        stdout_text(&checked).contains("web-1: ok") && stdout_text(&checked).contains("web-2: ok"),
        "{}",
        stdout_text(&checked)
    );
    simulator.set_faults(vec![mock_upstream::FaultRule {
        path: None,
        ..mock_upstream::FaultRule::on_web_chat("bad-cookie".parse().unwrap()).for_account("bob")
    }]);
    let checked = program.cli(&["accounts", "check", "web-2"]).await;
    assert_eq!(checked.status.code(), Some(1));
    assert!(stdout_text(&checked).contains("web-2: not ok"), "{}", stdout_text(&checked));
    assert!(stdout_text(&program.cli(&["accounts", "list"]).await).contains("web-2: needs login"));
    assert_eq!(program.cli(&["accounts", "check", "nobody"]).await.status.code(), Some(1));
    for secret in simulator.cookies().iter().map(|(_, cookie)| cookie) {
        assert!(!stdout_text(&checked).contains(secret) && !stderr_text(&checked).contains(secret));
    }
}

#[tokio::test]
async fn accounts_are_listed_and_checked_where_no_program_runs() {
    let simulator = simulator(&["alice"]).await;
    let dir = tempfile::tempdir().unwrap();
    let base = simulator.base_url();
    let env = [("COOKIES", &*simulator.cookies()[0].1), ("MAMMOUTH_WEB_URL", &*base)];
    let listed = cli_with(dir.path(), &env, &["accounts", "list"], "").await;
    assert!(
        listed.status.success() && stdout_text(&listed).contains("web-1: ready"),
        "{}{}",
        stdout_text(&listed),
        stderr_text(&listed)
    );
    let checked = cli_with(dir.path(), &env, &["accounts", "check"], "").await;
    assert!(
        checked.status.success() && stdout_text(&checked).contains("web-1: ok"),
        "{}{}",
        stdout_text(&checked),
        stderr_text(&checked)
    );
    let none = cli_in(dir.path(), &["accounts", "list"]).await;
    assert!(
        none.status.success() && stdout_text(&none).contains("none: set COOKIES"),
        "{}",
        stdout_text(&none)
    );
    let left: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().flatten().map(|file| file.file_name()).collect();
    assert!(left.is_empty(), "looking changes nothing: {left:?}");
}

#[tokio::test]
async fn an_account_paused_while_stopped_stays_paused() {
    let simulator = simulator(&["alice", "bob"]).await;
    let dir = Program::start(&simulator).await.stop().await;
    let base = simulator.base_url();
    let cookies: Vec<String> = simulator.cookies().into_iter().map(|(_, cookie)| cookie).collect();
    let cookies = cookies.join(",");
    let env = [("COOKIES", &*cookies), ("MAMMOUTH_WEB_URL", &*base)];
    let paused = cli_with(dir.path(), &env, &["accounts", "pause", "web-1"], "").await;
    assert!(paused.status.success(), "{}", stderr_text(&paused));
    let listed = stdout_text(&cli_with(dir.path(), &env, &["accounts", "list"], "").await);
    assert!(listed.contains("web-1: disabled") && listed.contains("web-2: ready"), "{listed}");
    let program = Program::start_in(dir, Some(&simulator), Options::default()).await;
    for _ in 0..3 {
        assert_eq!(program.chat(&question("hi")).await.header("x-mammouth-account"), Some("web-2"));
    }
}

#[tokio::test]
async fn accounts_are_added_from_stdin_only_and_given_ones_are_not_removed() {
    let simulator = simulator(&["alice", "bob"]).await;
    let program = Program::start(&simulator).await;
    let add = async |label: &str, cookie: &str| {
        let added = cli_with(
            program.dir.path(),
            &[],
            &["accounts", "add", "--accept-terms", "--label", label],
            cookie,
        )
        .await;
        assert!(!(stdout_text(&added) + &stderr_text(&added)).contains("canary"), "{}", stderr_text(&added));
        (added.status.code(), stderr_text(&added))
    };
    for (label, cookie) in
        [("web-1", "x"), ("new", ""), ("new", "canary a b"), ("new", "canary-1,canary-2"), ("", "x")]
    {
        assert_eq!(add(label, cookie).await.0, Some(1), "{label} {cookie}");
    }
    let (code, said) = add("new", "canary-unknown-to-the-site").await;
    assert!(code == Some(1) && said.contains("not valid"), "checked before it is kept: {said}");
    assert!(said.contains("unofficial"), "the notice comes first");
    let removed = program.cli(&["accounts", "remove", "web-1"]).await;
    assert!(
        removed.status.code() == Some(1) && stderr_text(&removed).contains("COOKIES"),
        "{}",
        stderr_text(&removed)
    );
    assert_eq!(program.cli(&["accounts", "remove", "nobody"]).await.status.code(), Some(1));
    assert_eq!(program.control("accounts.list", &json!({})).await.json().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn keys_are_listed_added_and_revoked() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let listed = stdout_text(&program.cli(&["keys", "list"]).await);
    assert!(listed.contains("main: AUTH_TOKEN") && !listed.contains(KEY), "{listed}");
    assert_eq!(stdout_text(&program.cli(&["keys", "list", "--reveal"]).await).trim(), KEY);
    let added = program.cli(&["keys", "add", "ide"]).await;
    let key = stdout_text(&added).trim().to_owned();
    assert!(added.status.success() && key.len() > 32);
    let status = async || {
        let asked = program.http.get(format!("{}/v1/models", program.base)).bearer_auth(&key).send().await;
        asked.unwrap().status().as_u16()
    };
    assert_eq!(status().await, 200);
    assert_eq!(program.cli(&["keys", "add", "ide"]).await.status.code(), Some(1), "it is there already");
    for bad in ["main", "a b", "", "../x"] {
        assert_eq!(program.cli(&["keys", "add", bad]).await.status.code(), Some(1), "{bad}");
    }
    assert!(stdout_text(&program.cli(&["keys", "list"]).await).contains("ide: "));
    assert!(program.cli(&["keys", "revoke", "ide"]).await.status.success());
    assert_eq!(status().await, 401);
    assert_eq!(program.cli(&["keys", "revoke", "main"]).await.status.code(), Some(1));
}

#[tokio::test]
async fn keys_work_where_no_program_runs() {
    let simulator = simulator(&["alice"]).await;
    let dir = tempfile::tempdir().unwrap();
    let added = cli_in(dir.path(), &["keys", "add", "ide"]).await;
    assert!(added.status.success(), "{}", stderr_text(&added));
    let key = stdout_text(&added).trim().to_owned();
    let listed = stdout_text(&cli_in(dir.path(), &["keys", "list"]).await);
    assert!(listed.contains("main: ") && listed.contains("ide: "), "{listed}");
    let revealed = stdout_text(&cli_in(dir.path(), &["keys", "list", "--reveal"]).await);
    assert_eq!(revealed, "", "a key that is not there yet is not made up");
    let revealed = cli_with(dir.path(), &[("AUTH_TOKEN", KEY)], &["keys", "list", "--reveal"], "").await;
    assert_eq!(stdout_text(&revealed).trim(), KEY);
    let program = Program::start_in(dir, Some(&simulator), Options::default()).await;
    let asked = program.http.get(format!("{}/v1/models", program.base)).bearer_auth(&key).send().await;
    assert_eq!(asked.unwrap().status().as_u16(), 200);
    let dir = program.stop().await;
    assert!(cli_in(dir.path(), &["keys", "revoke", "ide"]).await.status.success());
    assert_eq!(cli_in(dir.path(), &["keys", "revoke", "ide"]).await.status.code(), Some(1));
}

#[tokio::test]
async fn a_port_is_kept_for_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let kept = cli_in(dir.path(), &["port", "4123"]).await;
    assert!(kept.status.success() && stdout_text(&kept).contains("4123"), "{}", stderr_text(&kept));
    assert!(stdout_text(&cli_in(dir.path(), &["status"]).await).contains("http://127.0.0.1:4123"));
    assert_eq!(cli_in(dir.path(), &["port", "70000"]).await.status.code(), Some(2));
}

#[tokio::test]
async fn logs_and_export_read_the_running_program_and_the_file() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    program.chat(&question("one")).await;
    program.chat(&json!({ "model": "=cmd()", "messages": [] })).await;
    program.wait_for_record_count(2).await;
    let check = |logs: String, json: String, failed: String, csv: String, jsonl: String| {
        assert_eq!(logs.lines().count(), 2, "{logs}");
        let records: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            (&records[0]["status"], &records[1]["status"]),
            (&json!(200), &json!(400)),
            "oldest first"
        );
        assert_eq!(records[0]["account"], "web-1");
        assert_eq!(failed.lines().count(), 1, "{failed}");
        assert_eq!(csv.lines().count(), 3, "a head and two rows: {csv}");
        assert!(!csv.contains(",=cmd"), "no cell is a formula: {csv}");
        assert_eq!(jsonl, json, "the same records");
    };
    let commands: [&[&str]; 5] =
        [&["logs"], &["logs", "--json"], &["logs", "--failed"], &["export", "--format", "csv"], &["export"]];
    let mut said = Vec::new();
    for command in commands {
        said.push(stdout_text(&program.cli(command).await));
    }
    let [logs, json, failed, csv, jsonl]: [String; 5] = said.try_into().unwrap();
    check(logs, json, failed, csv, jsonl);
    let dir = program.stop().await;
    let mut said = Vec::new();
    for command in commands {
        said.push(stdout_text(&cli_in(dir.path(), command).await));
    }
    let [logs, json, failed, csv, jsonl]: [String; 5] = said.try_into().unwrap();
    check(logs, json, failed, csv, jsonl);
    assert_eq!(cli_in(dir.path(), &["logs", "--follow"]).await.status.code(), Some(1));
    let empty = tempfile::tempdir().unwrap();
    let none = cli_in(empty.path(), &["logs"]).await;
    assert_eq!((none.status.code(), stdout_text(&none).as_str()), (Some(0), ""));
}

#[tokio::test]
async fn logs_follow_shows_requests_as_they_end() {
    use tokio::io::{AsyncBufReadExt, BufReader};
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    program.chat(&question("before")).await;
    program.wait_for_record_count(1).await;
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_mammouth-proxy"))
        .env_clear()
        .current_dir(program.dir.path())
        .args(["--data-dir", program.dir.path().to_str().unwrap(), "logs", "--follow", "--json", "-n", "1"])
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut status = async || {
        let line = lines.next_line().await.unwrap().expect("a line");
        serde_json::from_str::<Value>(&line).unwrap()["status"].clone()
    };
    // The first line is a log record, so the event stream is open.
    assert_eq!(status().await, 200);
    program.chat(&json!({})).await;
    assert_eq!(status().await, 400);
    program.stop().await;
    assert!(child.wait().await.unwrap().code().is_some(), "it ends with the program");
}

#[tokio::test]
async fn doctor_says_what_is_wrong_and_what_to_do() {
    let simulator = simulator(&["alice", "bob"]).await;
    let program = Program::start(&simulator).await;
    let found = program.cli(&["doctor"]).await;
    let said = stdout_text(&found);
    for subject in ["settings:", "port:", "keychain:", "Mammouth:", "clock:"] {
        assert!(said.contains(subject), "{subject} {said}");
    }
    assert!(said.contains(&program.base[7..]) && said.contains("what to do:"), "{said}");
    assert!(said.contains("web-1") && said.contains("web-2"), "{said}");
    let dir = program.stop().await;

    let base = simulator.base_url();
    let cookie = simulator.cookies()[0].1.clone();
    let hosts = [("MAMMOUTH_WEB_URL", &*base), ("MAMMOUTH_API_URL", "http://127.0.0.1:1")];
    let env = [&hosts[..], &[("COOKIES", &*cookie), ("PORT", "0")]].concat();
    let rest = cli_with(dir.path(), &env, &["doctor"], "").await;
    assert!(
        stdout_text(&rest).contains("is free") && stdout_text(&rest).contains("web-1"),
        "{}",
        stdout_text(&rest)
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let env = [&hosts[..], &[("COOKIES", "no-longer-valid"), ("PORT", &*port)]].concat();
    let rest = cli_with(dir.path(), &env, &["doctor"], "").await;
    assert_eq!(rest.status.code(), Some(1));
    #[cfg(target_os = "linux")]
    assert!(
        stdout_text(&rest).contains(&format!("process {}", std::process::id())),
        "{}",
        stdout_text(&rest)
    );
    assert!(
        stdout_text(&rest).contains("not valid") && !stdout_text(&rest).contains("no-longer-valid"),
        "{}",
        stdout_text(&rest)
    );
    let wrong = cli_with(dir.path(), &[("PORT", "abc")], &["doctor"], "").await;
    assert!(
        wrong.status.code() == Some(2) && stdout_text(&wrong).contains("problem  settings: PORT"),
        "{}",
        stdout_text(&wrong)
    );
}

/// Commands that need the running program, each with a part of its output.
const COMMANDS_THAT_CONNECT: [(&[&str], &str); 16] = [
    (&["status"], "base URL for clients: "),
    (&["accounts", "list"], "web-1: ready"),
    (&["accounts", "list", "--json"], "\"web-1\""),
    (&["accounts", "check"], "web-1: ok"),
    (&["accounts", "rename", "web-1", "first"], "renamed"),
    (&["accounts", "only", "first"], "the others wait"),
    (&["accounts", "only"], "all accounts are used"),
    (&["accounts", "pause", "first"], "paused"),
    (&["accounts", "resume", "first"], "resumed"),
    (&["keys", "list", "--reveal"], KEY),
    (&["keys", "add", "one"], ""),
    (&["keys", "issue", "one"], "mp-"),
    (&["clients"], ""),
    (&["keys", "revoke", "one"], "revoked"),
    (&["logs"], ""),
    (&["export"], ""),
];

#[tokio::test]
async fn every_command_works_whatever_address_is_listened_on() {
    let simulator = simulator(&["alice"]).await;
    for (host, shown) in [
        ("0.0.0.0", "127.0.0.1"),
        ("::", "[::1]"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.2", "127.0.0.2"),
        ("::1", "[::1]"),
    ] {
        let program = Program::start_with(&simulator, Options::default().env("HOST", host)).await;
        let address = format!("{shown}:{}", program.port);
        assert_eq!(program.base, format!("http://{address}"));
        assert_eq!(program.chat(&question("hi")).await.status, 200, "{host}");
        for (args, said) in COMMANDS_THAT_CONNECT {
            let ended = program.cli(args).await;
            assert!(
                ended.status.success(),
                "{host} {args:?}: {}{}",
                stdout_text(&ended),
                stderr_text(&ended)
            );
            assert!(stdout_text(&ended).contains(said), "{host} {args:?}: {}", stdout_text(&ended));
        }
        let status: Value = program.control("status", &json!({})).await.json();
        assert_eq!(status["address"], address);
        assert_eq!(status["base_url"], format!("http://{address}/v1"));
        for args in [&["status"][..], &["doctor"]] {
            let said = stdout_text(&program.cli(args).await);
            assert!(said.contains(&address), "{host}: {said}");
        }
        let free = program.control("port.free", &json!({})).await.json()["port"].to_string();
        let moved = program.cli(&["port", &free]).await;
        assert_eq!(
            stdout_text(&moved).trim(),
            format!("listening on http://{shown}:{free}"),
            "{}",
            stderr_text(&moved)
        );
        assert!(program.cli(&["status"]).await.status.success());
    }
}
