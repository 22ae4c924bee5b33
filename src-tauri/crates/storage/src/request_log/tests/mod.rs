//! Tests of the request log through its public interface.
mod faults;
mod retention;

use super::*;
use rusqlite::Connection;
use tempfile::TempDir;

/// Returns the record of a streamed request that failed over once.
pub(super) fn sample() -> RequestRecord {
    let limited = attempt("alice", "first in order", "limited", Some(403));
    let served = attempt("bob", "alice is limited", "ok", Some(200));
    RequestRecord {
        id: 1,
        time_ms: 1_772_373_909_123,
        request_id: "req-1".into(),
        client: "laptop".into(),
        session: Some("5f0c1a2b-session".into()),
        agent: Some("Explore".into()),
        request_class: Some("subagent".into()),
        dialect: "openai-chat".into(),
        model_asked: "gpt-4o".into(),
        model_served: Some("gpt-4.1".into()),
        account: Some("bob".into()),
        attempts: vec![limited, served],
        status: 200,
        code: None,
        fault: None,
        bytes_in: 512,
        bytes_out: 2_048,
        prompt_tokens: Some(812),
        completion_tokens: Some(96),
        tokens_estimated: true,
        cost_usd: Some(0.000_25),
        note: None,
        unbilled: false,
        message: None,
        param: None,
        program: Some("claude-code".into()),
        first_byte_ms: Some(340),
        duration_ms: 2_100,
        stream: true,
        interrupted: false,
    }
}

/// Returns a record that is not in the file yet.
pub(super) fn unsaved_record(record: RequestRecord) -> state::UnsavedRecord {
    state::UnsavedRecord { record: Arc::new(record), bodies: None }
}

pub(super) fn attempt(account: &str, why: &str, outcome: &str, status: Option<u16>) -> Attempt {
    Attempt {
        account: account.into(),
        why: why.into(),
        outcome: outcome.into(),
        status,
        detail: None,
        ms: 12,
    }
}

pub(super) const OK_OUTCOME: RequestOutcome =
    RequestOutcome { status: 200, code: None, fault: None, interrupted: false };

fn record_start(name: &str) -> RecordStart {
    RecordStart {
        request_id: name.into(),
        client: "laptop".into(),
        dialect: "openai-chat",
        bytes_in: 7,
        origin: RequestOrigin::default(),
    }
}

/// Records a request answered by `account`.
fn record_request(journal: &RequestLog, name: &str, account: &str) {
    let mut entry = journal.begin(record_start(name));
    entry.add_attempt(attempt(account, "", "ok", Some(200)));
    entry.close(OK_OUTCOME);
}

fn request_ids(records: &[RequestRecord]) -> Vec<&str> {
    records.iter().map(|record| record.request_id.as_str()).collect()
}

fn all_records(journal: &RequestLog) -> Vec<RequestRecord> {
    journal.flush();
    journal.latest(&Query { limit: 1_000, ..Query::default() }).unwrap()
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mammouth.db");
    (folder, path)
}

fn open(path: &Path) -> RequestLog {
    let opened = RequestLog::open(path, LogLimits::default());
    assert_eq!(opened.notice, None);
    opened.log
}

/// Returns the names and, as text, the contents of all files in the folder.
fn raw_files(folder: &TempDir) -> String {
    let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap());
    files.fold(String::new(), |text, file| {
        let content = std::fs::read(file.path()).unwrap();
        format!("{text}\n{:?}\n{}", file.file_name(), String::from_utf8_lossy(&content))
    })
}

#[test]
fn a_record_survives_a_restart_unchanged() {
    let (_folder, path) = folder();
    let journal = open(&path);
    let mut entry = journal.begin(record_start("first"));
    entry.set_requested_model("gpt-4o", true);
    entry.set_served_model("gpt-4.1");
    entry.set_bytes_in(99);
    entry.add_attempt(attempt("alice", "first in order", "limited", Some(403)));
    entry.add_attempt(attempt("bob", "alice is limited", "ok", Some(200)));
    entry.record_first_byte();
    entry.add_bytes_out(10);
    entry.add_bytes_out(5);
    entry.set_tokens(812, 96, true);
    entry.close(RequestOutcome {
        status: 200,
        code: Some(RequestErrorCode::StreamInterrupted),
        fault: Some(ErrorSource::Upstream),
        interrupted: true,
    });
    let before = all_records(&journal);
    journal.close(Duration::from_secs(60));

    let after = open(&path).latest(&Query::default()).unwrap();
    assert_eq!(before, after);
    let record = &after[0];
    assert_eq!((record.model_asked.as_str(), record.model_served.as_deref()), ("gpt-4o", Some("gpt-4.1")));
    assert_eq!((record.account.as_deref(), record.attempts.len()), (Some("bob"), 2));
    assert_eq!((record.bytes_in, record.bytes_out), (99, 15));
    assert_eq!(
        (record.code.as_deref(), record.fault),
        (Some("stream_interrupted"), Some(ErrorSource::Upstream))
    );
    assert!(record.stream && record.interrupted && record.tokens_estimated && record.first_byte_ms.is_some());
    assert!(record.time_ms > 1_700_000_000_000 && record.id < 1 << 53);
}

#[test]
fn an_entry_is_closed_once_on_every_path() {
    let journal = RequestLog::in_memory();
    drop(journal.begin(record_start("left early")));
    let mut cut = journal.begin(record_start("left later"));
    cut.record_first_byte();
    drop(cut);
    let mut done = journal.begin(record_start("done"));
    done.close(OK_OUTCOME);
    done.close(RequestOutcome { status: 500, ..OK_OUTCOME });
    done.set_requested_model("late", false);
    drop(done);

    let records = all_records(&journal);
    assert_eq!(request_ids(&records), ["done", "left later", "left early"]);
    assert_eq!((records[0].status, records[0].model_asked.as_str()), (200, ""));
    for (record, interrupted) in [(&records[1], true), (&records[2], false)] {
        assert_eq!((record.status, record.code.as_deref()), (499, Some("client_closed")));
        assert_eq!((record.fault, record.interrupted), (Some(ErrorSource::Client), interrupted));
    }
}

#[test]
fn l04_stored_text_is_cut_and_sanitized() {
    let journal = RequestLog::in_memory();
    let mut entry = journal.begin(RecordStart { client: "a\nb".into(), ..record_start("x") });
    entry.set_requested_model(&"m".repeat(5_000), false);
    for _ in 0..50 {
        let detail = Some("\x1b[2Jé".repeat(2_000));
        entry.add_attempt(Attempt { detail, ..attempt("al\tice", "", "limited", None) });
    }
    entry.close(OK_OUTCOME);
    let record = all_records(&journal).remove(0);
    assert_eq!((record.client.as_str(), record.model_asked.len()), ("a\u{fffd}b", 200));
    assert_eq!((record.account.as_deref(), record.attempts.len()), (Some("al\u{fffd}ice"), 8));
    let detail = record.attempts[0].detail.as_deref().unwrap();
    assert!(detail.len() <= 2_048 && !detail.contains('\x1b'));
    assert_eq!(journal.delete_account("al\tice").unwrap(), 1, "a label is found by what the user wrote");
}

#[test]
fn a_full_queue_loses_records_and_counts_them() {
    let (journal, inbox) = RequestLog::without_writer(None, LogLimits { queue: 3, ..LogLimits::default() });
    for name in ["a", "b", "c", "d", "e"] {
        record_request(&journal, name, "alice");
    }
    assert_eq!(journal.counters().dropped, 2);
    let writer = Writer::new(Arc::clone(&journal.inner.state), LogLimits::default());
    std::thread::spawn(move || writer.run(&inbox));
    assert_eq!(request_ids(&all_records(&journal)), ["c", "b", "a"]);
    record_request(&journal, "f", "alice");
    assert_eq!(
        request_ids(&all_records(&journal)),
        ["f", "c", "b"],
        "the place is free again, and memory keeps three"
    );
    assert_eq!(journal.counters(), LogCounters { recorded: 4, dropped: 2, write_errors: 0, set_aside: 0 });
}

#[test]
fn the_live_feed_carries_records_with_their_ids() {
    let (_folder, path) = folder();
    let journal = open(&path);
    let mut feed = journal.subscribe();
    record_request(&journal, "a", "alice");
    record_request(&journal, "b", "alice");
    let records = all_records(&journal);
    assert_eq!(*feed.try_recv().unwrap(), records[1]);
    assert_eq!(*feed.try_recv().unwrap(), records[0]);
    assert!(records[0].id > records[1].id && records[1].id > 0);
}

#[test]
fn after_closing_records_are_lost_and_counted() {
    let (_folder, path) = folder();
    let journal = open(&path);
    record_request(&journal, "a", "alice");
    journal.close(Duration::from_secs(60));
    journal.close(Duration::from_secs(60));
    journal.flush();
    record_request(&journal, "b", "alice");
    assert_eq!((journal.counters().recorded, journal.counters().dropped), (1, 1));
    assert!(matches!(journal.clear(), Err(RequestLogError::Closed)));
    assert_eq!(request_ids(&journal.latest(&Query::default()).unwrap()), ["a"]);
}

#[test]
fn the_log_is_readable_without_an_instance_and_beside_one() {
    let (_folder, path) = folder();
    assert!(matches!(open_read_only(&path), Err(RequestLogError::Missing)));
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE other (x)").unwrap();
    assert!(open_read_only(&path).unwrap().latest(&Query::default()).unwrap().is_empty());

    let journal = open(&path);
    let reader = open_read_only(&path).unwrap();
    record_request(&journal, "a", "alice");
    journal.flush();
    assert_eq!(request_ids(&reader.latest(&Query::default()).unwrap()), ["a"]);
    journal.close(Duration::from_secs(60));
    assert_eq!(request_ids(&open_read_only(&path).unwrap().latest(&Query::default()).unwrap()), ["a"]);
}

/// The file is searched by facets, memory record by record, and both by the same rule.
#[test]
fn l11_queries_are_bound_values_and_mean_the_same_in_file_and_memory() {
    let (_folder, path) = folder();
    let (file, memory) = (open(&path), RequestLog::in_memory());
    for journal in [&file, &memory] {
        record_request(journal, "plain", "alice");
        record_request(journal, "hostile", "'; DROP TABLE requests;--");
        let mut entry = journal.begin(RecordStart { client: "50%_off".into(), ..record_start("failed") });
        entry.set_requested_model("GPT-4o", true);
        entry.set_served_model("gpt-4.1");
        entry.add_attempt(attempt("alice", "", "limited", Some(403)));
        entry.add_attempt(attempt("bob", "", "limited", Some(403)));
        entry.close(RequestOutcome {
            status: 429,
            code: Some(RequestErrorCode::InsufficientQuota),
            fault: Some(ErrorSource::Upstream),
            ..OK_OUTCOME
        });
        let origin = RequestOrigin {
            program: Some("claude-code"),
            session: Some("5f0c1a2b-session".into()),
            agent: Some("Explore".into()),
            request_class: Some("subagent".into()),
        };
        journal.begin(RecordStart { origin, ..record_start("agent") }).close(OK_OUTCOME);
        journal.flush();
    }
    let ask = |query: &Query, expected: &[&str]| {
        assert_eq!(request_ids(&file.latest(query).unwrap()), expected, "file: {query:?}");
        assert_eq!(request_ids(&memory.latest(query).unwrap()), expected, "memory: {query:?}");
    };
    let account = |label: &str| Query { account: Some(label.into()), ..Query::default() };
    let model = |name: &str| Query { model: Some(name.into()), ..Query::default() };
    let text = |text: &str| Query { text: Some(text.into()), ..Query::default() };
    ask(&account("alice"), &["failed", "plain"]);
    ask(&account("'; DROP TABLE requests;--"), &["hostile"]);
    ask(&account("' OR 1=1 --"), &[]);
    ask(&model("GPT-4o"), &["failed"]);
    ask(&model("gpt-4.1"), &["failed"]);
    ask(&text("%"), &["failed"]);
    ask(&text("50%_OFF"), &["failed"]);
    ask(&text(&"%".repeat(100_000)), &[]);
    ask(&text("insufficient_q"), &["failed"]);
    ask(&text("429"), &["failed"]);
    ask(&text("42"), &[]);
    ask(&Query { client: Some("50%_off".into()), ..Query::default() }, &["failed"]);
    ask(&Query { failed_only: true, ..Query::default() }, &["failed"]);
    ask(&Query { status: Some(429), ..Query::default() }, &["failed"]);
    ask(&Query { dialect: Some("openai-chat".into()), limit: 2, ..Query::default() }, &["agent", "failed"]);
    ask(&Query { dialect: Some("ollama".into()), ..Query::default() }, &[]);
    ask(&text("HOSTI"), &["hostile"]);
    ask(&text("hos"), &[]);
    ask(&text("alice"), &["plain"]);
    for origin in ["claude-cod", "5f0c", "EXPLORE", "subagent"] {
        ask(&text(origin), &["agent"]);
    }
    ask(&text("5f0"), &[]);
    ask(&Query { since_ms: Some(u64::MAX), ..Query::default() }, &[]);
    ask(&Query { until_ms: Some(1), ..Query::default() }, &[]);
    for query in [account("alice"), text("HOSTI"), text("%"), Query { limit: 1, ..Query::default() }] {
        let expected = memory.latest(&Query { limit: 1_000, ..query.clone() }).unwrap().len() as u64;
        assert_eq!(memory.count(&query).unwrap(), expected, "{query:?}");
        assert_eq!(file.count(&query).unwrap(), expected, "{query:?}");
    }
    ask(&Query { limit: 1, ..Query::default() }, &["agent"]);
    ask(&Query { limit: usize::MAX, ..Query::default() }, &["agent", "failed", "hostile", "plain"]);
    assert!(serde_json::from_str::<Query>(r#"{"sort":"x;--"}"#).is_err());
}

#[test]
fn pages_follow_each_other_by_id() {
    let (_folder, path) = folder();
    let journal = open(&path);
    for name in ["a", "b", "c"] {
        record_request(&journal, name, "alice");
    }
    let newest = all_records(&journal);
    let older = Query { before_id: Some(newest[0].id), limit: 1, ..Query::default() };
    assert_eq!(request_ids(&journal.latest(&older).unwrap()), ["b"]);
    let newer = Query { after_id: Some(newest[2].id), ..Query::default() };
    assert_eq!(request_ids(&journal.latest(&newer).unwrap()), ["c", "b"]);
}

#[test]
fn l08_deleted_records_are_gone_from_the_disk() {
    let (folder, path) = folder();
    let journal = open(&path);
    for n in 0..300 {
        record_request(&journal, &format!("r{n}"), if n % 3 == 0 { "canary-label" } else { "bob" });
    }
    let mut over = journal.begin(record_start("failover"));
    over.add_attempt(attempt("canary-label", "", "limited", Some(403)));
    over.add_attempt(attempt("bob", "", "ok", Some(200)));
    over.close(OK_OUTCOME);
    journal.flush();
    std::fs::write(folder.path().join("mammouth-damaged-20260101T000000Z.db"), "canary-label").unwrap();
    assert!(raw_files(&folder).contains("canary-label"));

    assert_eq!(journal.delete_account("canary-label").unwrap(), 101);
    assert!(!raw_files(&folder).contains("canary-label"));
    assert!(raw_files(&folder).contains("laptop"));
    assert_eq!(journal.clear().unwrap(), 200);
    assert!(!raw_files(&folder).contains("laptop"));
    record_request(&journal, "next", "alice");
    assert_eq!(request_ids(&all_records(&journal)), ["next"]);
}

#[test]
fn other_tables_of_the_file_are_left_alone() {
    let (_folder, path) = folder();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE accounts_state (x); INSERT INTO accounts_state VALUES (42)").unwrap();
    let journal = open(&path);
    record_request(&journal, "a", "alice");
    journal.flush();
    other.execute_batch("INSERT INTO accounts_state VALUES (43)").unwrap();
    assert_eq!(journal.clear().unwrap(), 1);
    let count: i64 = other.query_one("SELECT count(*) FROM accounts_state", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 2);
}

#[test]
fn f55_the_file_stays_below_its_cap_while_running() {
    let (_folder, path) = folder();
    let journal = RequestLog::open(&path, LogLimits { max_bytes: 1_000_000, ..LogLimits::default() }).log;
    for round in 1..=3_u64 {
        for n in 0..1_000 {
            let mut entry = journal.begin(record_start(&format!("r{n}")));
            entry
                .add_attempt(Attempt { detail: Some("d".repeat(1_000)), ..attempt("alice", "", "ok", None) });
            entry.close(OK_OUTCOME);
        }
        journal.flush();
        assert_eq!(journal.counters().recorded, round * 1_000);
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size <= 1_000_000, "round {round}: {size} bytes");
        assert_eq!(all_records(&journal)[0].request_id, "r999");
    }
}

#[test]
fn l09_old_records_and_those_beyond_the_size_go_at_the_next_start() {
    let (_folder, path) = folder();
    let journal = open(&path);
    for n in 0..3_000 {
        let mut entry = journal.begin(record_start(&format!("r{n}")));
        entry.add_attempt(Attempt { detail: Some("d".repeat(1_000)), ..attempt("alice", "", "ok", None) });
        entry.close(OK_OUTCOME);
    }
    assert_eq!(all_records(&journal).len(), 1_000);
    journal.close(Duration::from_secs(60));
    let size = || std::fs::metadata(&path).unwrap().len();
    assert!(size() > 3_000_000);

    let small = RequestLog::open(&path, LogLimits { max_bytes: 1_000_000, ..LogLimits::default() }).log;
    let kept = all_records(&small);
    assert!(size() <= 1_000_000 && kept.len() >= 100, "{} bytes, {} records", size(), kept.len());
    assert_eq!(kept[0].request_id, "r2999");
    small.close(Duration::from_secs(60));

    let brief = RequestLog::open(&path, LogLimits { max_age: Duration::ZERO, ..LogLimits::default() }).log;
    brief.flush();
    brief.flush();
    assert_eq!(all_records(&brief), []);
}
