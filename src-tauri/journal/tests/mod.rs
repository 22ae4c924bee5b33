//! The room seen through its public door.
mod faults;
mod kept;

use super::*;
use rusqlite::Connection;
use tempfile::TempDir;

/// A streamed request that failed over once.
pub(super) fn sample() -> Record {
    let limited = made("alice", "first in order", "limited", Some(403));
    let served = made("bob", "alice is limited", "ok", Some(200));
    Record {
        id: 1,
        time_ms: 1_772_373_909_123,
        request_id: "req-1".into(),
        client: "laptop".into(),
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
        first_byte_ms: Some(340),
        duration_ms: 2_100,
        stream: true,
        interrupted: false,
    }
}

/// A record on its way to the file.
pub(super) fn waiting(record: Record) -> shared::Waiting {
    shared::Waiting { record: Arc::new(record), bodies: None }
}

pub(super) fn made(account: &str, why: &str, outcome: &str, status: Option<u16>) -> Attempt {
    Attempt {
        account: account.into(),
        why: why.into(),
        outcome: outcome.into(),
        status,
        detail: None,
        ms: 12,
    }
}

pub(super) const OK: Outcome = Outcome { status: 200, code: None, fault: None, interrupted: false };

fn start(name: &str) -> Start {
    Start { request_id: name.into(), client: "laptop".into(), dialect: "openai-chat", bytes_in: 7 }
}

/// A request answered by `account`.
fn served(journal: &Journal, name: &str, account: &str) {
    let mut entry = journal.begin(start(name));
    entry.attempt(made(account, "", "ok", Some(200)));
    entry.close(OK);
}

fn names(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.request_id.as_str()).collect()
}

fn all(journal: &Journal) -> Vec<Record> {
    journal.flush();
    journal.latest(&Query { limit: 1_000, ..Query::default() }).unwrap()
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mammouth.db");
    (folder, path)
}

fn open(path: &Path) -> Journal {
    let opened = Journal::open(path, Limits::default());
    assert_eq!(opened.notice, None);
    opened.journal
}

/// Every file of the folder, its name and content as text where it is text.
fn raw(folder: &TempDir) -> String {
    let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap());
    files.fold(String::new(), |text, file| {
        let content = std::fs::read(file.path()).unwrap();
        format!("{text}\n{:?}\n{}", file.file_name(), String::from_utf8_lossy(&content))
    })
}

#[test]
fn a_record_survives_a_restart_whole() {
    let (_folder, path) = folder();
    let journal = open(&path);
    let mut entry = journal.begin(start("first"));
    entry.asked("gpt-4o", true);
    entry.served("gpt-4.1");
    entry.bytes_in(99);
    entry.attempt(made("alice", "first in order", "limited", Some(403)));
    entry.attempt(made("bob", "alice is limited", "ok", Some(200)));
    entry.first_byte();
    entry.add_bytes_out(10);
    entry.add_bytes_out(5);
    entry.tokens(812, 96, true);
    entry.close(Outcome {
        status: 200,
        code: Some("cut_off"),
        fault: Some(Fault::Upstream),
        interrupted: true,
    });
    let before = all(&journal);
    journal.close(Duration::from_secs(60));

    let after = open(&path).latest(&Query::default()).unwrap();
    assert_eq!(before, after);
    let record = &after[0];
    assert_eq!((record.model_asked.as_str(), record.model_served.as_deref()), ("gpt-4o", Some("gpt-4.1")));
    assert_eq!((record.account.as_deref(), record.attempts.len()), (Some("bob"), 2));
    assert_eq!((record.bytes_in, record.bytes_out), (99, 15));
    assert_eq!((record.code.as_deref(), record.fault), (Some("cut_off"), Some(Fault::Upstream)));
    assert!(record.stream && record.interrupted && record.tokens_estimated && record.first_byte_ms.is_some());
    assert!(record.time_ms > 1_700_000_000_000 && record.id < 1 << 53);
}

#[test]
fn an_entry_is_closed_once_on_every_path() {
    let journal = Journal::in_memory();
    drop(journal.begin(start("left early")));
    let mut cut = journal.begin(start("left later"));
    cut.first_byte();
    drop(cut);
    let mut done = journal.begin(start("done"));
    done.close(OK);
    done.close(Outcome { status: 500, ..OK });
    done.asked("late", false);
    drop(done);

    let records = all(&journal);
    assert_eq!(names(&records), ["done", "left later", "left early"]);
    assert_eq!((records[0].status, records[0].model_asked.as_str()), (200, ""));
    for (record, interrupted) in [(&records[1], true), (&records[2], false)] {
        assert_eq!((record.status, record.code.as_deref()), (499, Some("client_closed")));
        assert_eq!((record.fault, record.interrupted), (Some(Fault::Client), interrupted));
    }
}

#[test]
fn l04_stored_text_is_cut_and_cleaned() {
    let journal = Journal::in_memory();
    let mut entry = journal.begin(Start { client: "a\nb".into(), ..start("x") });
    entry.asked(&"m".repeat(5_000), false);
    for _ in 0..50 {
        let detail = Some("\x1b[2Jé".repeat(2_000));
        entry.attempt(Attempt { detail, ..made("al\tice", "", "limited", None) });
    }
    entry.close(OK);
    let record = all(&journal).remove(0);
    assert_eq!((record.client.as_str(), record.model_asked.len()), ("a\u{fffd}b", 200));
    assert_eq!((record.account.as_deref(), record.attempts.len()), (Some("al\u{fffd}ice"), 8));
    let detail = record.attempts[0].detail.as_deref().unwrap();
    assert!(detail.len() <= 2_048 && !detail.contains('\x1b'));
    assert_eq!(journal.delete_account("al\tice").unwrap(), 1, "a label is found by what the user wrote");
}

#[test]
fn a_full_queue_loses_records_and_counts_them() {
    let (journal, inbox) = Journal::idle(None, Limits { queue: 3, ..Limits::default() });
    for name in ["a", "b", "c", "d", "e"] {
        served(&journal, name, "alice");
    }
    assert_eq!(journal.counters().dropped, 2);
    let writer = Writer::new(Arc::clone(&journal.inner.shared), Limits::default());
    std::thread::spawn(move || writer.run(&inbox));
    assert_eq!(names(&all(&journal)), ["c", "b", "a"]);
    served(&journal, "f", "alice");
    assert_eq!(names(&all(&journal)), ["f", "c", "b"], "the place is free again, and memory keeps three");
    assert_eq!(journal.counters(), Counters { recorded: 4, dropped: 2, write_errors: 0, set_aside: 0 });
}

#[test]
fn the_live_feed_carries_records_with_their_ids() {
    let (_folder, path) = folder();
    let journal = open(&path);
    let mut feed = journal.subscribe();
    served(&journal, "a", "alice");
    served(&journal, "b", "alice");
    let records = all(&journal);
    assert_eq!(*feed.try_recv().unwrap(), records[1]);
    assert_eq!(*feed.try_recv().unwrap(), records[0]);
    assert!(records[0].id > records[1].id && records[1].id > 0);
}

#[test]
fn after_closing_records_are_lost_and_counted() {
    let (_folder, path) = folder();
    let journal = open(&path);
    served(&journal, "a", "alice");
    journal.close(Duration::from_secs(60));
    journal.close(Duration::from_secs(60));
    journal.flush();
    served(&journal, "b", "alice");
    assert_eq!((journal.counters().recorded, journal.counters().dropped), (1, 1));
    assert!(matches!(journal.clear(), Err(JournalError::Closed)));
    assert_eq!(names(&journal.latest(&Query::default()).unwrap()), ["a"]);
}

#[test]
fn the_log_is_readable_without_an_instance_and_beside_one() {
    let (_folder, path) = folder();
    assert!(matches!(read_only(&path), Err(JournalError::Missing)));
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE other (x)").unwrap();
    assert!(read_only(&path).unwrap().latest(&Query::default()).unwrap().is_empty());

    let journal = open(&path);
    let reader = read_only(&path).unwrap();
    served(&journal, "a", "alice");
    journal.flush();
    assert_eq!(names(&reader.latest(&Query::default()).unwrap()), ["a"]);
    journal.close(Duration::from_secs(60));
    assert_eq!(names(&read_only(&path).unwrap().latest(&Query::default()).unwrap()), ["a"]);
}

/// The file is searched by facets, memory record by record, and both by one rule.
#[test]
fn l11_queries_are_bound_values_and_mean_the_same_in_file_and_memory() {
    let (_folder, path) = folder();
    let (file, memory) = (open(&path), Journal::in_memory());
    for journal in [&file, &memory] {
        served(journal, "plain", "alice");
        served(journal, "hostile", "'; DROP TABLE requests;--");
        let mut entry = journal.begin(Start { client: "50%_off".into(), ..start("failed") });
        entry.asked("GPT-4o", true);
        entry.served("gpt-4.1");
        entry.attempt(made("alice", "", "limited", Some(403)));
        entry.attempt(made("bob", "", "limited", Some(403)));
        entry.close(Outcome {
            status: 429,
            code: Some("account_limited"),
            fault: Some(Fault::Upstream),
            ..OK
        });
        journal.flush();
    }
    let ask = |query: &Query, expected: &[&str]| {
        assert_eq!(names(&file.latest(query).unwrap()), expected, "file: {query:?}");
        assert_eq!(names(&memory.latest(query).unwrap()), expected, "memory: {query:?}");
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
    ask(&text("account_lim"), &["failed"]);
    ask(&Query { client: Some("50%_off".into()), ..Query::default() }, &["failed"]);
    ask(&Query { failed_only: true, ..Query::default() }, &["failed"]);
    ask(&Query { status: Some(429), ..Query::default() }, &["failed"]);
    ask(&Query { dialect: Some("openai-chat".into()), limit: 2, ..Query::default() }, &["failed", "hostile"]);
    ask(&Query { dialect: Some("ollama".into()), ..Query::default() }, &[]);
    ask(&text("HOSTI"), &["hostile"]);
    ask(&text("hos"), &[]);
    ask(&text("alice"), &["plain"]);
    ask(&Query { since_ms: Some(u64::MAX), ..Query::default() }, &[]);
    ask(&Query { until_ms: Some(1), ..Query::default() }, &[]);
    for query in [account("alice"), text("HOSTI"), text("%"), Query { limit: 1, ..Query::default() }] {
        let expected = memory.latest(&Query { limit: 1_000, ..query.clone() }).unwrap().len() as u64;
        assert_eq!(memory.count(&query).unwrap(), expected, "{query:?}");
        assert_eq!(file.count(&query).unwrap(), expected, "{query:?}");
    }
    ask(&Query { limit: 1, ..Query::default() }, &["failed"]);
    ask(&Query { limit: usize::MAX, ..Query::default() }, &["failed", "hostile", "plain"]);
    assert!(serde_json::from_str::<Query>(r#"{"sort":"x;--"}"#).is_err());
}

#[test]
fn pages_follow_each_other_by_id() {
    let (_folder, path) = folder();
    let journal = open(&path);
    for name in ["a", "b", "c"] {
        served(&journal, name, "alice");
    }
    let newest = all(&journal);
    let older = Query { before_id: Some(newest[0].id), limit: 1, ..Query::default() };
    assert_eq!(names(&journal.latest(&older).unwrap()), ["b"]);
    let newer = Query { after_id: Some(newest[2].id), ..Query::default() };
    assert_eq!(names(&journal.latest(&newer).unwrap()), ["c", "b"]);
}

#[test]
fn l08_what_is_deleted_is_gone_from_the_disk() {
    let (folder, path) = folder();
    let journal = open(&path);
    for n in 0..300 {
        served(&journal, &format!("r{n}"), if n % 3 == 0 { "canary-label" } else { "bob" });
    }
    let mut over = journal.begin(start("failover"));
    over.attempt(made("canary-label", "", "limited", Some(403)));
    over.attempt(made("bob", "", "ok", Some(200)));
    over.close(OK);
    journal.flush();
    std::fs::write(folder.path().join("mammouth-damaged-20260101T000000Z.db"), "canary-label").unwrap();
    assert!(raw(&folder).contains("canary-label"));

    assert_eq!(journal.delete_account("canary-label").unwrap(), 101);
    assert!(!raw(&folder).contains("canary-label"));
    assert!(raw(&folder).contains("laptop"));
    assert_eq!(journal.clear().unwrap(), 200);
    assert!(!raw(&folder).contains("laptop"));
    served(&journal, "next", "alice");
    assert_eq!(names(&all(&journal)), ["next"]);
}

#[test]
fn other_tables_of_the_file_are_left_alone() {
    let (_folder, path) = folder();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE accounts_state (x); INSERT INTO accounts_state VALUES (42)").unwrap();
    let journal = open(&path);
    served(&journal, "a", "alice");
    journal.flush();
    other.execute_batch("INSERT INTO accounts_state VALUES (43)").unwrap();
    assert_eq!(journal.clear().unwrap(), 1);
    let count: i64 = other.query_one("SELECT count(*) FROM accounts_state", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 2);
}

#[test]
fn f55_the_file_stays_below_its_cap_while_running() {
    let (_folder, path) = folder();
    let journal = Journal::open(&path, Limits { max_bytes: 1_000_000, ..Limits::default() }).journal;
    for round in 1..=3_u64 {
        for n in 0..1_000 {
            let mut entry = journal.begin(start(&format!("r{n}")));
            entry.attempt(Attempt { detail: Some("d".repeat(1_000)), ..made("alice", "", "ok", None) });
            entry.close(OK);
        }
        journal.flush();
        assert_eq!(journal.counters().recorded, round * 1_000);
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size <= 1_000_000, "round {round}: {size} bytes");
        assert_eq!(all(&journal)[0].request_id, "r999");
    }
}

#[test]
fn l09_old_records_and_those_beyond_the_size_go_at_the_next_start() {
    let (_folder, path) = folder();
    let journal = open(&path);
    for n in 0..3_000 {
        let mut entry = journal.begin(start(&format!("r{n}")));
        entry.attempt(Attempt { detail: Some("d".repeat(1_000)), ..made("alice", "", "ok", None) });
        entry.close(OK);
    }
    assert_eq!(all(&journal).len(), 1_000);
    journal.close(Duration::from_secs(60));
    let size = || std::fs::metadata(&path).unwrap().len();
    assert!(size() > 3_000_000);

    let small = Journal::open(&path, Limits { max_bytes: 1_000_000, ..Limits::default() }).journal;
    let kept = all(&small);
    assert!(size() <= 1_000_000 && kept.len() >= 100, "{} bytes, {} records", size(), kept.len());
    assert_eq!(kept[0].request_id, "r2999");
    small.close(Duration::from_secs(60));

    let brief = Journal::open(&path, Limits { max_age: Duration::ZERO, ..Limits::default() }).journal;
    brief.flush();
    brief.flush();
    assert_eq!(all(&brief), []);
}
