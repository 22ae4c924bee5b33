//! Tests of settings and databases that are damaged, locked, full or read-only, and of a machine without a
//! keychain.
//!
//! F51 and F52 need a separate file system, and so the permission to mount. Without it, the tests report that
//! and end; the tests of the storage crate (`request_log/tests/faults.rs`, `secrets/atomic_write.rs`) do not
//! depend on it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{
    KEY, Options, Program, cli_in, cli_with, question, simulator, stderr_text, stdout_text,
};

async fn notices(program: &Program) -> String {
    program.control("status", &json!({})).await.json()["notices"].to_string()
}

#[tokio::test]
async fn f46_without_a_keychain_everything_else_works_and_nothing_is_kept_in_the_open() {
    let simulator = simulator(&["alice", "bob"]).await;
    let cookie = &simulator.cookies()[1].1;
    let mut options = Options::default().without_defaults().arg("--port").arg("0");
    options = options.env("COOKIES", &simulator.cookies()[0].1).env("MAMMOUTH_WEB_URL", simulator.base_url());
    let program = Program::start_in(tempfile::tempdir().unwrap(), None, options).await;
    let key = stdout_text(&program.cli(&["keys", "list", "--reveal"]).await);
    assert!(
        notices(&program).await.contains("AUTH_TOKEN"),
        "the key of this run ends with it, and it says so"
    );
    let asked = program.http.post(format!("{}/v1/chat/completions", program.base)).bearer_auth(key.trim());
    let asked =
        asked.header("content-type", "application/json").body(question("hi").to_string()).send().await;
    assert_eq!(asked.unwrap().status().as_u16(), 200);
    let added = cli_with(
        program.dir.path(),
        &[],
        &["accounts", "add", "--accept-terms", "--label", "second"],
        cookie,
    )
    .await;
    assert_eq!(added.status.code(), Some(1));
    assert!(stderr_text(&added).contains("keychain"), "{}", stderr_text(&added));
    assert!(program.control("accounts.list", &json!({})).await.json().as_array().unwrap().len() == 1);
    let named = program.cli(&["keys", "add", "ide"]).await;
    assert!(named.status.success(), "a named key needs no keychain: {}", stderr_text(&named));
    let dir = program.stop().await;
    for secret in [cookie.as_str(), key.trim(), stdout_text(&named).trim()] {
        assert!(!holds(dir.path(), secret), "nothing of a secret is in a file");
    }
}

/// Whether a file below a folder contains these bytes.
fn holds(dir: &Path, secret: &str) -> bool {
    std::fs::read_dir(dir).unwrap().flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return holds(&path, secret);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
    })
}

#[tokio::test]
async fn f50_files_of_a_newer_version_are_named_and_left_untouched() {
    let simulator = simulator(&["alice"]).await;
    let dir = Program::start(&simulator).await.stop().await;
    let (database, settings) = (dir.path().join("mammouth.db"), dir.path().join("settings.toml"));
    rusqlite::Connection::open(&database).unwrap().pragma_update(None, "user_version", 1_000).unwrap();
    std::fs::write(&settings, "version = 1000\n[of_tomorrow]\nmode = 1\n").unwrap();
    let read = || (std::fs::read(&database).unwrap(), std::fs::read(&settings).unwrap());
    let before = read();

    let program = Program::start_in(dir, Some(&simulator), Options::default()).await;
    assert_eq!(program.chat(&question("hi")).await.status, 200);
    let said = notices(&program).await;
    assert!(said.contains("settings.toml was written by a newer version"), "{said}");
    assert!(said.contains("the database was written by a newer version"), "{said}");
    let dir = program.stop().await;
    let logs = cli_in(dir.path(), &["logs"]).await;
    assert!(stderr_text(&logs).contains("a newer version"), "{}", stderr_text(&logs));
    assert_eq!(read(), before);
}

#[tokio::test]
async fn f49_a_locked_database_delays_nobody_and_loses_nothing() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    program.chat(&question("before")).await;
    let other = rusqlite::Connection::open(program.dir.path().join("mammouth.db")).unwrap();
    other.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    for _ in 0..20 {
        assert_eq!(program.chat(&question("meanwhile")).await.status, 200);
    }
    // The writer takes the records while it waits for the lock; they are then shown from memory.
    program.wait_for_record_count(21).await;
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    let dir = program.stop().await;
    let logged = stdout_text(&cli_in(dir.path(), &["logs", "--json"]).await);
    assert_eq!(logged.lines().count(), 21);
}

#[tokio::test]
async fn f50_a_damaged_database_is_set_aside_and_the_proxy_works_at_once() {
    let simulator = simulator(&["alice"]).await;
    let noise: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for damage in [noise, b"this is no database".repeat(1_000), vec![0; 8192]] {
        let program = Program::start(&simulator).await;
        program.chat(&question("old")).await;
        let dir = program.stop().await;
        std::fs::write(dir.path().join("mammouth.db"), damage).unwrap();
        let program = Program::start_in(dir, Some(&simulator), Options::default()).await;
        assert_eq!(program.chat(&question("new")).await.status, 200);
        assert!(notices(&program).await.contains("set aside"), "{}", notices(&program).await);
        assert_eq!(program.wait_for_record_count(1).await.len(), 1, "a new log");
        let kept = std::fs::read_dir(program.dir.path()).unwrap().flatten();
        let kept = kept.filter(|file| file.file_name().to_string_lossy().contains("damaged"));
        assert!(kept.count() >= 1, "the old one is kept");
    }
}

#[tokio::test]
async fn f50_an_empty_database_and_a_lost_wal_need_nothing() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    program.chat(&question("old")).await;
    let dir = program.kill().await;
    let _ = std::fs::remove_file(dir.path().join("mammouth.db-wal"));
    let program = Program::start_in(dir, Some(&simulator), Options::default()).await;
    assert_eq!(program.chat(&question("new")).await.status, 200);
    let dir = program.stop().await;
    std::fs::write(dir.path().join("mammouth.db"), "").unwrap();
    let program = Program::start_in(dir, Some(&simulator), Options::default()).await;
    assert_eq!(program.chat(&question("new")).await.status, 200);
    assert_eq!(program.wait_for_record_count(1).await.len(), 1);
}

/// Command prefix that runs `script` by a shell in a new mount namespace. The script ends with `exec "$@"`;
/// `$3` in it is the data directory.
fn in_own_mounts(script: &str) -> Option<Vec<&str>> {
    for namespaces in [&["-m"][..], &["-r", "-m"]] {
        let mut tried = Command::new("unshare");
        tried.args(namespaces).args(["mount", "-t", "tmpfs", "none", "/mnt"]);
        tried.stdout(Stdio::null()).stderr(Stdio::null());
        if tried.status().is_ok_and(|status| status.success()) {
            return Some([&["unshare"], namespaces, &["sh", "-c", script, "sh"]].concat());
        }
    }
    let _ = writeln!(std::io::stderr(), "not shown here: this machine gives tests no mounts of their own");
    None
}

/// Starts the program with its data directory on a small file system that only the program sees.
async fn on_small_disk(script: &str, simulator: &mock_upstream::MockUpstream) -> Option<Program> {
    let under = in_own_mounts(script)?;
    Some(Program::start_with(simulator, Options::default().run_under(&under)).await)
}

/// Content of a file in the data directory, as the program sees it.
fn read_data_file(program: &Program, name: &str) -> String {
    let path = format!("/proc/{}/root{}/{name}", program.pid(), program.dir.path().display());
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Runs a command of the management API over HTTP, because the command line does not see the program's file
/// system.
async fn control(program: &Program, name: &str, args: &Value) -> (u16, Value) {
    let token = read_data_file(program, "control-token");
    let asked = program.http.post(format!("{}/control/{name}", program.base)).bearer_auth(token.trim());
    let answer = crate::support::Answer::of(asked.body(args.to_string()).send().await).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn f51_a_full_disk_stops_no_answer_and_heals() {
    let simulator = simulator(&["alice"]).await;
    let script = r#"mount -t tmpfs -o size=1m none "$3" && cd "$3" && exec "$@""#;
    let Some(program) = on_small_disk(script, &simulator).await else { return };
    assert_eq!(control(&program, "keys.add", &json!({ "name": "before" })).await.0, 200);
    let old = read_data_file(&program, "settings.toml");
    let filler = format!("/proc/{}/root{}/filler", program.pid(), program.dir.path().display());
    let _ = std::fs::write(&filler, vec![0; 2 << 20]);
    for _ in 0..50 {
        assert_eq!(program.chat(&question("hi")).await.status, 200);
    }
    let (status, answer) = control(&program, "keys.add", &json!({ "name": "during" })).await;
    assert_eq!((status, &answer["error"]["code"]), (500, &json!("not_saved")), "{answer}");
    assert_eq!(read_data_file(&program, "settings.toml"), old, "the old file is whole");
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(control(&program, "keys.add", &json!({ "name": "after" })).await.0, 200);
    assert!(read_data_file(&program, "settings.toml").contains("after"));
    // The queued records are stored once the last one has left the queue.
    let waited = json!({ "limit": 100 });
    while control(&program, "log.latest", &waited).await.1.as_array().unwrap().len() < 50 {}
    assert_eq!(control(&program, "status", &json!({})).await.1["log_dropped"], 0);
}

/// Checks a limit on file sizes. A write beyond it causes EFBIG, and a signal that ends a program by default.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn f51_a_limit_on_file_sizes_is_a_full_disk() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let old = std::fs::read_to_string(program.dir.path().join("settings.toml")).ok();
    limit_file_sizes(&program, Some(1));
    for _ in 0..20 {
        assert_eq!(program.chat(&question("hi")).await.status, 200);
    }
    let refused = program.control("keys.add", &json!({ "name": "during" })).await;
    assert_eq!(refused.error(), (500, "not_saved".into()));
    assert_eq!(std::fs::read_to_string(program.dir.path().join("settings.toml")).ok(), old);
    limit_file_sizes(&program, None);
    assert_eq!(program.control("keys.add", &json!({ "name": "after" })).await.status, 200);
    let log = async || program.control("log.latest", &json!({ "limit": 100 })).await.json();
    while log().await.as_array().unwrap().len() < 20 {}
    assert_eq!(program.control("status", &json!({})).await.json()["log_dropped"], 0);
    program.stop().await;
}

/// Sets the maximum size in bytes of the running program's files.
#[cfg(target_os = "linux")]
fn limit_file_sizes(program: &Program, bytes: Option<u64>) {
    use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
    let pid = Pid::from_raw(program.pid().cast_signed()).unwrap();
    let maximum = getrlimit(Resource::Fsize).maximum;
    prlimit(Some(pid), Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).unwrap();
}

/// Checks a start on a read-only disk. Only the system can make a disk read-only while a database is open.
#[tokio::test]
async fn f52_a_start_on_a_read_only_disk_answers_too() {
    let simulator = simulator(&["alice"]).await;
    let script = r#"mount -t tmpfs -o ro none "$3" && exec "$@""#;
    let Some(program) = on_small_disk(script, &simulator).await else { return };
    for _ in 0..5 {
        assert_eq!(program.chat(&question("hi")).await.status, 200);
    }
    assert!(program.log().contains("cannot be written"), "{}", program.log());
    assert_eq!(program.metric("mammouth_requests_total{status=\"2xx\"}").await, 5);
    assert_eq!(program.metric("mammouth_log_dropped_total").await, 0, "the log waits in memory");
    program.stop().await;
}

#[tokio::test]
async fn f53_no_state_of_the_settings_file_keeps_the_program_from_starting() {
    let simulator = simulator(&["alice"]).await;
    for (name, text, notice) in [
        ("empty", String::new(), "is empty"),
        ("cut", "version = 1\nlog = \"inf".to_owned(), "not valid TOML"),
        ("a wrong type", "version = 1\nport = \"many\"\n".to_owned(), "wrong type"),
        ("newer", "version = 99\nport = 3\nfuture = { a = 1 }\n".to_owned(), "newer version"),
        ("100 MB", "#".repeat(100 << 20), "larger than 1 MB"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("settings.toml"), &text).unwrap();
        let program = Program::start_in(dir, Some(&simulator), Options::default()).await;
        assert_eq!(program.chat(&question("hi")).await.status, 200, "{name}");
        let said = notices(&program).await;
        assert!(said.contains(notice), "{name}: {said}");
        let files = std::fs::read_dir(program.dir.path()).unwrap().flatten();
        let kept = files.map(|file| file.path()).filter(|path| {
            path.to_string_lossy().contains("settings.toml")
                && std::fs::read_to_string(path).is_ok_and(|t| t == text)
        });
        assert_eq!(kept.count(), 1, "{name}: the file is kept as it was");
    }
    let dir = tempfile::tempdir().unwrap();
    let text = "\u{feff}version = 1\n# mine\nlog = \"info\" # loud\n\n[future]\nkey = [1, 2]\n";
    std::fs::write(dir.path().join("settings.toml"), text).unwrap();
    let program = Program::start_in(dir, Some(&simulator), Options::default()).await;
    assert_eq!(notices(&program).await, "[]");
    assert_eq!(program.control("keys.add", &json!({ "name": "ide" })).await.status, 200);
    let saved = std::fs::read_to_string(program.dir.path().join("settings.toml")).unwrap();
    for kept in ["# mine", "log = \"info\" # loud", "[future]\nkey = [1, 2]", "[client_keys]\nide = "] {
        assert!(saved.contains(kept), "{kept}: {saved}");
    }
}

#[tokio::test]
async fn f53_the_last_good_settings_come_back() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let key = stdout_text(&program.cli(&["keys", "add", "ide"]).await);
    let dir = program.stop().await;
    std::fs::write(dir.path().join("settings.toml"), "version = 1\n[client_keys\n").unwrap();
    let program = Program::start_in(dir, Some(&simulator), Options::default()).await;
    assert!(notices(&program).await.contains("the last good copy is used"));
    let asked = program.http.get(format!("{}/v1/models", program.base)).bearer_auth(key.trim()).send().await;
    assert_eq!(asked.unwrap().status().as_u16(), 200, "the key is valid still");
    assert_ne!(key.trim(), KEY);
}

#[cfg(unix)]
#[tokio::test]
async fn a_data_directory_that_cannot_be_used_is_named_with_the_user() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("lock")).unwrap();
    let ended = crate::support::refused_start(dir.path(), None, Options::default()).await;
    let user = rustix::process::geteuid().as_raw();
    let sentence = format!("the data directory {} cannot be used by user {user}", dir.path().display());
    assert!(
        ended.status.code() == Some(1) && stderr_text(&ended).contains(&sentence),
        "{}",
        stderr_text(&ended)
    );
}
