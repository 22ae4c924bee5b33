//! Tests on an overloaded machine, and of a request log that is truncated, read and written concurrently.
//!
//! Durations are measured by `script/bench`. These tests check only what holds independent of speed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use storage::request_log::{Attempt, LogLimits, RecordStart, RequestLog, RequestOutcome, SelectionReason};
use tokio::process::{Child, Command};

use crate::support::{
    Options, Program, TestEnv, question, simulator, streamed, wait_retry_after, wait_until,
};

/// Processes that keep one core busy; dropping this value ends them.
struct BusyProcesses {
    core: String,
    _running: Vec<Child>,
}

impl BusyProcesses {
    fn start(count: usize) -> Self {
        let core = first_core();
        let hog = |_| {
            let mut command = Command::new("taskset");
            command.args(["-c", &core, "sh", "-c", "while :; do :; done"]);
            command.stdin(Stdio::null()).kill_on_drop(true).spawn().expect("taskset is there")
        };
        let running = (0..count).map(hog).collect();
        Self { core, _running: running }
    }
}

/// The first core that this process may use.
fn first_core() -> String {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).expect("a list");
    list.trim().chars().take_while(char::is_ascii_digit).collect()
}

#[tokio::test]
async fn f40_on_one_busy_core_chunks_are_not_held_back_and_no_timer_is_early() {
    const SECOND: Duration = Duration::from_secs(1);
    let hogs = BusyProcesses::start(4);
    let options = || Options::default().run_under(&["taskset", "-c", &hogs.core]);
    let env = TestEnv::with_options(&["alice"], options()).await;
    env.set_web_fault("gate");
    env.simulator.release(1);
    let mut stream = env.program.stream(&streamed("echo-chunks: [\"One \", \"two\", \"three\"]")).await;
    stream.next_json().await;
    for word in ["One ", "two", "three"] {
        assert_eq!(stream.next_json().await["choices"][0]["delta"]["content"], word);
        assert_eq!(env.accounts().await[0]["running"], 1, "the page is answered beside it");
        env.simulator.release(1);
    }
    assert_eq!(stream.text().await, (String::new(), true));

    env.set_web_fault("status=429 header=Retry-After:1");
    let began = Instant::now();
    let limited = env.program.chat(&question("hi")).await;
    assert_eq!(limited.status, 429);
    env.clear_faults();
    let calls = env.model_calls().len();
    while env.model_calls().len() == calls {
        let again = env.program.chat(&question("hi")).await;
        if again.status == 429 {
            wait_retry_after(&again).await;
        }
    }
    assert!(began.elapsed() >= SECOND, "{:?}", began.elapsed());
    env.still_serves().await;

    // No reply has to arrive within this program's short time limit.
    let impatient = options().settings("[limits]\nfirst_byte_seconds = 1\n");
    let env = TestEnv::with_options(&["alice"], impatient).await;
    env.set_web_fault("delay=forever");
    let began = Instant::now();
    assert_eq!(env.program.chat(&question("hi")).await.error(), (504, "upstream_timeout".to_owned()));
    assert!(began.elapsed() >= SECOND, "{:?}", began.elapsed());
}

const OLD_RECORDS: u64 = 10_000;
const MAX_LOG_BYTES: u64 = 2_000_000;

#[tokio::test]
async fn f55_a_long_log_is_cut_back_and_exported_while_requests_go_on() {
    const CLIENTS: usize = 8;
    const REQUESTS_PER_CLIENT: usize = 25;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mammouth.db");
    fill(&file);
    assert!(std::fs::metadata(&file).unwrap().len() > 2 * MAX_LOG_BYTES);
    let simulator = simulator(&["alice"]).await;
    let options = Options::default().settings(&format!("[limits]\nlog_max_bytes = {MAX_LOG_BYTES}\n"));
    let program = Program::start_in(dir, Some(&simulator), options).await;

    let asking = (0..CLIENTS).map(async |_| {
        for _ in 0..REQUESTS_PER_CLIENT {
            assert_eq!(program.chat(&question("echo: hi")).await.text(), "hi");
        }
    });
    let exporting = async {
        for format in ["jsonl", "csv", "har"] {
            export(&program, format).await;
        }
    };
    tokio::join!(futures_util::future::join_all(asking), exporting);

    let text = export(&program, "jsonl").await;
    let new = text.lines().filter(|line| line.contains("\"alice\"") || line.contains("\"web-1\"")).count();
    assert_eq!(new, CLIENTS * REQUESTS_PER_CLIENT, "what was asked meanwhile is all there");
    assert!(text.lines().count() > new, "and so are the newest of the old ones");
    wait_until("the file to be small", async || std::fs::metadata(&file).unwrap().len() <= MAX_LOG_BYTES)
        .await;
    let status = program.control("status", &json!({})).await.json();
    assert_eq!(status["notices"], json!([]), "{status}");
}

/// Fills the log with old requests, through the program's own code.
fn fill(file: &std::path::Path) {
    let limits = LogLimits { max_bytes: 1 << 30, ..LogLimits::default() };
    let journal = RequestLog::open(file, limits).log;
    for number in 0..OLD_RECORDS {
        let (client, request_id) = ("old".to_owned(), format!("old{number:06}"));
        let mut entry = journal.begin(RecordStart {
            request_id,
            client,
            dialect: "openai-chat",
            bytes_in: 9,
            origin: Default::default(),
        });
        let (account, outcome) = ("gone".to_owned(), "ok".to_owned());
        let why = SelectionReason::Words(String::new());
        let detail = Some("d".repeat(400));
        entry.add_attempt(Attempt { account, why, outcome, status: Some(200), detail, ms: 4 });
        entry.close(RequestOutcome { status: 200, code: None, fault: None, interrupted: false });
        if number % 1_000 == 0 {
            journal.flush();
        }
    }
    journal.close(Duration::from_secs(60));
}

/// Text of an export. Checks that its records are complete and in order.
async fn export(program: &Program, format: &str) -> String {
    let answer = program.control("log.export", &json!({ "format": format })).await;
    assert_eq!(answer.status, 200, "{format}: {:?}", answer.body);
    let text = answer.json()["text"].as_str().expect("a text").to_owned();
    let ids: Vec<u64> = match format {
        "jsonl" => text.lines().map(|line| id(&serde_json::from_str(line).expect("JSON"))).collect(),
        "csv" => text.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect(),
        _ => {
            let log: Value = serde_json::from_str(&text).expect("JSON");
            log["log"]["entries"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|entry| id(&entry["_record"]))
                .collect()
        }
    };
    assert!(!ids.is_empty() && ids.is_sorted(), "{format}");
    text
}

fn id(record: &Value) -> u64 {
    record["id"].as_u64().unwrap_or_else(|| panic!("no id: {record}"))
}
