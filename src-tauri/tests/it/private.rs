//! Tests of what other users of the machine, a terminal or a crash can see: arguments, modes of files,
//! planted links, control characters, core files.
#![cfg(target_os = "linux")]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;

use mock_upstream::FaultRule;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::canary::{Canaries, files_below};
use crate::support::{KEY, Options, Program, question, raw, simulator};

/// All paths that the program writes.
const PRIVATE_PATHS: [&str; 9] = [
    "control-token",
    "instance.json",
    "instance.json.tmp",
    "lock",
    "mammouth.db",
    "mammouth.db-shm",
    "mammouth.db-wal",
    "settings.toml",
    "settings.toml.tmp",
];

#[tokio::test]
async fn l02_arguments_and_children_hold_no_secret() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    assert_eq!(program.chat(&question("hi")).await.status, 200);
    let canaries = Canaries::new(&[("the client key", KEY), ("the cookie", "alice-session")]);
    let process = format!("/proc/{}", program.pid());
    let arguments = std::fs::read(format!("{process}/cmdline")).unwrap();
    assert_eq!(canaries.found_in("the arguments", &arguments), Vec::<String>::new());
    for task in std::fs::read_dir(format!("{process}/task")).unwrap() {
        let children = std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
        assert_eq!(children, "", "no child inherits the environment");
    }
}

#[tokio::test]
async fn l04_control_characters_reach_neither_log_nor_terminal() {
    let simulator = simulator(&["alice"]).await;
    simulator.set_faults(vec![FaultRule::on_web_chat(
        "status=500 message=\"x\\n[INFO] fake \\u001b[2J\"".parse().unwrap(),
    )]);
    let program = Program::start_with(&simulator, Options::default().env("LOG", "trace")).await;
    for model in ["x\n[INFO] fake", "x\u{1b}[2J", "x\u{1b}]0;x\u{7}", "x\u{9b}2J", "x\u{202e}ekaf\u{2066}"] {
        let mut body = question("hi");
        body["model"] = model.into();
        assert!(program.chat(&body).await.status >= 400);
    }
    let authorized = format!("Host: localhost\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n\r\n");
    for path in [
        "/v1/models/%0a%5bINFO%5d%20fake",
        "/v1/models/%1b%5b2J",
        "/v1/models/\u{1b}[2J",
        "/v1/models/\u{202e}",
    ] {
        raw(program.port, format!("GET {path} HTTP/1.1\r\n{authorized}").as_bytes()).await;
    }
    for agent in ["x\n[INFO] fake", "x\u{1b}[2J", "x\u{202e}ekaf"] {
        raw(
            program.port,
            format!("GET /v1/models HTTP/1.1\r\nUser-Agent: {agent}\r\n{authorized}").as_bytes(),
        )
        .await;
    }
    let mut texts = vec![program.log()];
    for command in [&["logs"][..], &["status"], &["accounts", "list"], &["export", "--format", "csv"]] {
        // CSV has the line endings of RFC 4180.
        texts.push(String::from_utf8(program.cli(command).await.stdout).unwrap().replace("\r\n", "\n"));
    }
    for text in texts {
        let raw: String = text.chars().filter(|c| *c != '\n' && (c.is_control() || steers(*c))).collect();
        assert_eq!(raw, "", "{text}");
        assert!(!text.lines().any(|line| line.starts_with("[INFO] fake")), "{text}");
    }
}

fn steers(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[tokio::test]
async fn l05_files_and_folders_are_their_owner_s_under_any_umask() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("new").join("data");
    let (_child, base) = serve(&data).await;
    base.expect("it starts");
    let output = crate::support::cli_with(&data, &[], &["keys", "add", "laptop"], "").await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = files_below(&data);
    for name in ["control-token", "instance.json", "lock", "mammouth.db", "mammouth.db-wal", "settings.toml"]
    {
        assert!(files.contains(&data.join(name)), "{name} is not there: {files:?}");
    }
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    assert_eq!((mode(&data), mode(data.parent().unwrap())), (0o700, 0o700));
}

#[tokio::test]
async fn l05_planted_files_are_closed_or_replaced() {
    let dir = tempfile::tempdir().unwrap();
    for name in PRIVATE_PATHS {
        let path = dir.path().join(name);
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    }
    let (_child, base) = serve(dir.path()).await;
    base.expect("it starts");
    let output = crate::support::cli_with(dir.path(), &[], &["keys", "add", "laptop"], "").await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for file in files_below(dir.path()) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn l05_planted_links_are_not_followed() {
    for name in PRIVATE_PATHS {
        let dir = tempfile::tempdir().unwrap();
        let (data, target) = (dir.path().join("data"), dir.path().join("target"));
        std::fs::create_dir(&data).unwrap();
        for kind in ["to a file", "to nothing"] {
            let theirs = kind == "to a file";
            if theirs {
                std::fs::write(&target, "theirs = 1").unwrap();
                std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o644)).unwrap();
            }
            symlink(&target, data.join(name)).unwrap();
            // The program may start or fail.
            let (child, base) = serve(&data).await;
            if base.is_ok() {
                crate::support::cli_with(&data, &[], &["keys", "add", "laptop"], "").await;
            }
            drop(child);
            let now = std::fs::read_to_string(&target).ok();
            assert_eq!(now.as_deref(), theirs.then_some("theirs = 1"), "{name} {kind}");
            assert!(!theirs || mode(&target) == 0o644, "{name} {kind}");
            let _ = std::fs::remove_file(&target);
            std::fs::remove_dir_all(&data).unwrap();
            std::fs::create_dir(&data).unwrap();
        }
    }
}

#[tokio::test]
async fn l06_no_core_file_can_be_written() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", program.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    let words: Vec<&str> = core.split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{core}");
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Starts the program with umask 000. Returns the child with its first line, or an error if it ended.
async fn serve(data: &Path) -> (Child, Result<String, ()>) {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_mammouth-proxy")]);
    command.args(["serve", "--port", "0", "--data-dir"]).arg(data);
    command.env_clear().env("HOME", data).env("AUTH_TOKEN", KEY).env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().expect("a shell");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    let first = lines.next_line().await.expect("stdout can be read");
    (child, first.ok_or(()))
}
