//! Tests of data stored beside the records, and of files of an earlier version.
use super::*;

/// SQL of the first version's table, with one row.
const FIRST_VERSION: &str = r#"
    CREATE TABLE requests (
    id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, request_id TEXT NOT NULL, client TEXT NOT NULL,
    dialect TEXT NOT NULL, model_asked TEXT NOT NULL, model_served TEXT, account TEXT, attempts TEXT NOT NULL,
    status INTEGER NOT NULL, code TEXT, fault TEXT, bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL,
    prompt_tokens INTEGER, completion_tokens INTEGER, tokens_estimated INTEGER NOT NULL, first_byte_ms INTEGER,
    duration_ms INTEGER NOT NULL, stream INTEGER NOT NULL, interrupted INTEGER NOT NULL) STRICT;
    INSERT INTO requests VALUES (1, 1772373909123, 'old-one', 'laptop', 'openai-chat', 'gpt-4o', 'gpt-4.1', 'bob',
    '[{"account":"zoë","why":"","outcome":"limited","status":403,"detail":null,"ms":1},
      {"account":"bob","why":"","outcome":"ok","status":null,"detail":null,"ms":1}]',
    200, NULL, NULL, 1, 1, 5, 6, 1, 7, 8, 1, 0);"#;

fn account_query(label: &str) -> Query {
    Query { account: Some(label.into()), ..Query::default() }
}

#[test]
fn a_file_of_the_first_version_is_read_searched_and_migrated() {
    let (_folder, path) = folder();
    Connection::open(&path).unwrap().execute_batch(FIRST_VERSION).unwrap();
    let search =
        [account_query("zoë"), account_query("bob"), Query { text: Some("GPT".into()), ..Query::default() }];
    for query in &search {
        assert_eq!(
            request_ids(&open_read_only(&path).unwrap().latest(query).unwrap()),
            ["old-one"],
            "{query:?}"
        );
    }
    assert_eq!(
        request_ids(&open_read_only(&path).unwrap().latest(&account_query("nobody")).unwrap()),
        [""; 0]
    );
    let journal = RequestLog::open(&path, LogLimits { max_age: Duration::MAX, ..LogLimits::default() }).log;
    record_request(&journal, "new-one", "bob");
    journal.flush();
    assert_eq!(request_ids(&journal.latest(&account_query("bob")).unwrap()), ["new-one", "old-one"]);
    for query in &search[1..] {
        assert_eq!(request_ids(&journal.latest(query).unwrap()).last(), Some(&"old-one"), "{query:?}");
    }
    assert_eq!(journal.count(&account_query("zoë")).unwrap(), 1);
    assert_eq!(journal.get(1).unwrap().unwrap().cost_usd, None);
    assert_eq!(journal.delete_account("zoë").unwrap(), 1);
}

#[test]
fn today_s_usage_of_a_key_outlives_a_restart() {
    let (_folder, path) = folder();
    let spend = |journal: &RequestLog, client: &str| {
        let mut entry = journal.begin(RecordStart { client: client.into(), ..record_start("x") });
        entry.set_tokens(100, 10, true);
        entry.set_cost(0.5, client == "ide");
        entry.set_note("a note\n");
        entry.close(OK_OUTCOME);
    };
    let journal = open(&path);
    spend(&journal, "ide");
    spend(&journal, "ide");
    let used = journal.client_usage("ide").today;
    assert_eq!((used.requests, used.tokens(), used.cost_usd), (2, 220, 1.0));
    assert_eq!(all_records(&journal)[0].note.as_deref(), Some("a note\u{fffd}"));
    journal.close(Duration::from_secs(60));

    let journal = open(&path);
    let kept = journal.client_usage("ide");
    assert_eq!(kept.today, used, "unless midnight UTC has passed");
    assert!(kept.last_used_ms.is_some() && kept.today.cost_estimated);
    assert_eq!(journal.usage_today(), used);
    assert_eq!(journal.last_hour().iter().map(|minute| minute.requests).sum::<u64>(), 2);
    spend(&journal, "cli");
    let cli = journal.client_usage("cli").today;
    assert_eq!((used.billed_usd, cli.cost_usd, cli.billed_usd), (1.0, 0.5, 0.0));
    assert!(cli.cost_estimated, "a value is no bill");
    assert_eq!(journal.usage_by_client().keys().collect::<Vec<_>>(), ["cli", "ide"]);
}

#[test]
fn a_cancelled_request_is_no_failure() {
    let (_folder, path) = folder();
    let journal = open(&path);
    let mut cut = journal.begin(record_start("cancelled"));
    cut.record_first_byte();
    drop(cut);
    let cancelled = |journal: &RequestLog| {
        let failed = Query { failed_only: true, ..Query::default() };
        assert_eq!(journal.latest(&failed).unwrap(), []);
        assert_eq!(journal.last_failure(), None);
        assert_eq!((journal.usage_today().requests, journal.usage_today().failed), (1, 0));
        let minutes = journal.last_hour();
        assert_eq!(minutes.iter().map(|minute| (minute.requests, minute.failed)).max(), Some((1, 0)));
    };
    cancelled(&journal);
    journal.close(Duration::from_secs(60));
    cancelled(&open(&path));
}

#[test]
fn l09_bodies_are_kept_only_while_enabled_and_deleted_at_once_when_disabled() {
    let (folder, path) = folder();
    let journal = open(&path);
    let ask = |account: &str| {
        let mut entry = journal.begin(record_start("asked"));
        entry.add_attempt(attempt(account, "", "ok", None));
        entry.record_request_body(b"CANARY_PROMPT");
        entry.record_response_bytes(b"CANARY_REPLY ");
        entry.record_response_bytes(&vec![b'x'; 100_000]);
        entry.close(OK_OUTCOME);
        all_records(&journal)[0].id
    };
    let unkept = ask("alice");
    assert!(!journal.keeps_bodies() && journal.bodies(unkept).unwrap().is_none());
    assert!(!raw_files(&folder).contains("CANARY"));
    journal.set_keep_bodies(true).unwrap();
    let (alice, bob) = (ask("alice"), ask("bob"));
    let bodies = journal.bodies(alice).unwrap().unwrap();
    assert_eq!(
        (bodies.request.as_str(), bodies.response.len(), bodies.cut),
        ("CANARY_PROMPT", 64 << 10, true)
    );
    assert_eq!(journal.get(alice).unwrap().unwrap().bytes_out, 100_013);
    journal.delete_account("alice").unwrap();
    assert!(journal.bodies(alice).unwrap().is_none() && journal.bodies(bob).unwrap().is_some());
    journal.set_keep_bodies(false).unwrap();
    assert!(journal.bodies(bob).unwrap().is_none());
    assert!(!raw_files(&folder).contains("CANARY"));
    assert_eq!(all_records(&journal).len(), 1, "the records stay");
}

#[test]
fn l09_bodies_are_deleted_before_records_at_the_size_limit() {
    let (_folder, path) = folder();
    let journal = RequestLog::open(&path, LogLimits { max_bytes: 1_000_000, ..LogLimits::default() }).log;
    journal.set_keep_bodies(true).unwrap();
    for n in 0..100 {
        let mut entry = journal.begin(record_start(&format!("r{n}")));
        entry.record_request_body(&[b'p'; 30_000]);
        entry.close(OK_OUTCOME);
        journal.flush();
    }
    journal.set_limits(LogLimits { max_bytes: 1_000_000, ..LogLimits::default() });
    journal.flush();
    assert_eq!(all_records(&journal).len(), 100);
    assert!(std::fs::metadata(&path).unwrap().len() <= 1_000_000);
}

#[test]
fn renaming_an_account_renames_it_in_its_records() {
    let (folder, path) = folder();
    let (file, memory) = (open(&path), RequestLog::in_memory());
    for journal in [&file, &memory] {
        record_request(journal, "first", "old \"name\"");
        let mut entry = journal.begin(record_start("second"));
        entry.add_attempt(attempt("old \"name\"", "", "limited", Some(403)));
        entry.add_attempt(attempt("bob", "", "ok", None));
        entry.close(OK_OUTCOME);
        journal.flush();
        journal.rename_account("old \"name\"", "new").unwrap();
        assert_eq!(request_ids(&journal.latest(&account_query("new")).unwrap()), ["second", "first"]);
        assert!(journal.latest(&account_query("old \"name\"")).unwrap().is_empty());
        let second = &journal.latest(&account_query("bob")).unwrap()[0];
        assert_eq!(second.attempts[0].account, "new");
    }
    file.clear().unwrap();
    assert!(!raw_files(&folder).contains("old \\\"name"));
}
