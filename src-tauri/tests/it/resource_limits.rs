//! Tests with too few files, too little memory, and a disk on which the n-th write fails.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{
    Options, Program, RawAnswer, TestEnv, Wire, cli_in, post, question, simulator, stdout_text,
};

#[tokio::test]
async fn f38_with_few_files_some_are_refused_and_the_rest_goes_on() {
    const CLIENTS: usize = 200;
    let options = Options::default().run_under(&["prlimit", "--nofile=64:64"]);
    let env = TestEnv::with_options(&["alice"], options).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(Wire::open(env.program.port).await);
    }
    // Each client sends a request over its connection; without a connection slot, it is rejected or closed.
    let body = question("echo: with few files").to_string();
    let whole = post(
        "/v1/chat/completions",
        &["Connection: close", &format!("Content-Length: {}", body.len())],
        body.as_bytes(),
    );
    let answers = futures_util::future::join_all(clients.into_iter().map(|mut client| {
        let whole = whole.clone();
        async move {
            client.send(&whole).await;
            client.read_to_end().await
        }
    }))
    .await;
    let with = |status: u16| answers.iter().filter(|answer: &&RawAnswer| answer.status() == status).count();
    let (served, refused, closed) = (with(200), with(503), with(0));
    assert_eq!(served + refused + closed, CLIENTS, "{served} {refused} {closed}");
    assert!(served > 0, "{refused} {closed}");
    let log = env.program.log();
    assert!(!log.contains("cannot accept"), "files were kept back, so it never came to that: {log}");
    wait_for_free_capacity(&env).await;
    // File descriptors for the database and the settings were available all the time.
    let logged = env.wait_for_records(|records| records.len() >= served).await;
    assert!(logged.iter().filter(|record| record["status"] == 200).count() >= served);
    assert_eq!(env.program.control("keys.add", &json!({ "name": "ide" })).await.status, 200);
    env.still_serves().await;
}

#[tokio::test]
async fn f39_more_uploads_than_memory_are_shed_and_nothing_breaks() {
    const UPLOADS: usize = 50;
    // This limits the address space, of which threads and allocators reserve more than they use.
    let options = Options::default().run_under(&["prlimit", "--as=400000000"]);
    let env = TestEnv::with_options(&["alice"], options).await;
    env.still_serves().await;
    let image = [b"\x89PNG\r\n\x1a\n", &vec![0; 14 << 20][..]].concat();
    let url = format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(image));
    let parts =
        json!([{ "type": "text", "text": "hi" }, { "type": "image_url", "image_url": { "url": url } }]);
    let mut body = question("hi");
    body["messages"][0]["content"] = parts;
    let body = body.to_string();
    let length = format!("Content-Length: {}", body.len());
    let whole = post("/v1/chat/completions", &["Connection: close", &length], body.as_bytes());
    let uploads = (0..UPLOADS).map(|_| upload(env.program.port, &whole));
    let answers = futures_util::future::join_all(uploads).await;
    // A client that is rejected while it sends may be disconnected before it reads the response.
    assert!(answers.iter().all(|status| matches!(status, 200 | 503 | 0)), "{answers:?}");
    assert!(answers.contains(&503), "they were not all let in at once: {answers:?}");
    env.still_serves().await;
    assert!(!env.program.log().contains("memory allocation"), "{}", env.program.log());
    assert_eq!(upload(env.program.port, &whole).await, 200, "one alone has room");
}

/// Waits for a free connection slot. A client has its complete response shortly before its slot is free.
async fn wait_for_free_capacity(env: &TestEnv) {
    let probe = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let room = async {
        loop {
            let mut wire = Wire::open(env.program.port).await;
            wire.send(probe).await;
            if wire.read_to_end().await.status() == 200 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), room).await.expect("a place is free again");
}

/// Sends a complete request and reads the response concurrently.
async fn upload(port: u16, whole: &[u8]) -> u16 {
    let mut wire = Wire::open(port).await;
    let (mut reader, mut writer) = wire.socket.split();
    let mut bytes = Vec::new();
    let sending = async {
        let _ = writer.write_all(whole).await;
    };
    let (_, ()) = tokio::join!(reader.read_to_end(&mut bytes), sending);
    RawAnswer { bytes }.status()
}

/// System calls that fail in the test.
const WRITE_SYSCALLS: &str = "pwrite64,write,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink";

/// Numbers of the calls that fail, a sample.
const FAILING_CALLS: [&str; 14] =
    ["1", "2", "3", "4", "5", "6", "8", "11", "15", "20", "27", "40", "1+", "10+3"];

/// Checks that a failed write to the database or the settings affects only the log and the command concerned.
#[tokio::test]
async fn f54_whichever_write_fails_nothing_is_lost_halved_or_stopped() {
    let simulator = simulator(&["alice"]).await;
    let mut injected = 0;
    for moment in FAILING_CALLS {
        let dir = tempfile::tempdir().unwrap();
        let trace = tempfile::NamedTempFile::new().unwrap();
        let (code, known, dir) = with_failing_writes(&simulator, dir, moment, trace.path()).await;
        assert_eq!(code, Some(0), "{moment}");
        injected += std::fs::read_to_string(trace.path()).unwrap().matches("(INJECTED)").count();

        let program = Program::start_in(dir, Some(&simulator), Options::default()).await;
        let settings = std::fs::read_to_string(program.dir.path().join("settings.toml")).unwrap_or_default();
        assert!(known.iter().all(|name| settings.contains(name)), "{moment}: {known:?} in {settings}");
        let status = program.control("status", &json!({})).await.json();
        assert!(!status["notices"].to_string().contains("set aside"), "{moment}: {status}");
        assert_eq!(program.chat(&question("echo: whole")).await.text(), "whole", "{moment}");
        let dir = program.stop().await;
        let database = rusqlite::Connection::open(dir.path().join("mammouth.db")).unwrap();
        let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok", "{moment}");
        assert!(stdout_text(&cli_in(dir.path(), &["logs", "--json"]).await).lines().count() >= 1, "{moment}");
    }
    assert!(injected >= FAILING_CALLS.len(), "only {injected} writes failed: nothing was shown");
}

/// Runs requests and commands while writes fail. Returns the exit code and the keys that were reported as
/// saved.
async fn with_failing_writes(
    simulator: &mock_upstream::MockUpstream,
    dir: tempfile::TempDir,
    moment: &str,
    trace: &Path,
) -> (Option<i32>, Vec<String>, tempfile::TempDir) {
    let at = |name: &str| dir.path().join(name).display().to_string();
    let inject = format!("inject={WRITE_SYSCALLS}:error=EIO:when={moment}");
    let paths = [at("mammouth.db"), at("mammouth.db-wal"), at("settings.toml"), at("settings.toml.tmp")];
    let trace = trace.display().to_string();
    let mut under = vec!["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", &trace, "-e", &inject];
    paths.iter().for_each(|path| under.extend(["-P", path.as_str()]));
    let options = Options::default().run_under(&under);
    let program = Program::start_in(dir, Some(simulator), options).await;
    let mut known = Vec::new();
    for n in 0..4 {
        assert_eq!(program.chat(&question("hi")).await.status, 200, "{moment}");
        let name = format!("key-{n}");
        let added = program.control("keys.add", &json!({ "name": name })).await;
        match added.status {
            200 => known.push(name),
            _ => assert_eq!(added.error(), (500, "not_saved".to_owned()), "{moment}"),
        }
    }
    assert_eq!(program.get("/v1/models").await.status, 200);
    program.signal("TERM").await;
    let (code, dir) = program.wait_for_exit().await;
    (code, known, dir)
}
