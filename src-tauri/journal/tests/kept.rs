//! What is kept beside the records, and what a file of an earlier version brings along.
use super::*;

/// The table as the first version made it, with one row.
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

fn account(label: &str) -> Query {
    Query { account: Some(label.into()), ..Query::default() }
}

#[test]
fn a_file_of_the_first_version_is_read_searched_and_brought_up_to_date() {
    let (_folder, path) = folder();
    Connection::open(&path).unwrap().execute_batch(FIRST_VERSION).unwrap();
    let search = [account("zoë"), account("bob"), Query { text: Some("GPT".into()), ..Query::default() }];
    for query in &search {
        assert_eq!(names(&read_only(&path).unwrap().latest(query).unwrap()), ["old-one"], "{query:?}");
    }
    assert_eq!(names(&read_only(&path).unwrap().latest(&account("nobody")).unwrap()), [""; 0]);
    let journal = Journal::open(&path, Limits { max_age: Duration::MAX, ..Limits::default() }).journal;
    served(&journal, "new-one", "bob");
    journal.flush();
    assert_eq!(names(&journal.latest(&account("bob")).unwrap()), ["new-one", "old-one"]);
    for query in &search[1..] {
        assert_eq!(names(&journal.latest(query).unwrap()).last(), Some(&"old-one"), "{query:?}");
    }
    assert_eq!(journal.count(&account("zoë")).unwrap(), 1);
    assert_eq!(journal.get(1).unwrap().unwrap().cost_usd, None);
    assert_eq!(journal.delete_account("zoë").unwrap(), 1);
}

#[test]
fn what_a_key_used_today_outlives_a_restart() {
    let (_folder, path) = folder();
    let spend = |journal: &Journal, client: &str| {
        let mut entry = journal.begin(Start { client: client.into(), ..start("x") });
        entry.tokens(100, 10, true);
        entry.cost(0.5, client == "ide");
        entry.note("a note\n");
        entry.close(OK);
    };
    let journal = open(&path);
    spend(&journal, "ide");
    spend(&journal, "ide");
    let used = journal.client("ide").today;
    assert_eq!((used.requests, used.tokens(), used.cost_usd), (2, 220, 1.0));
    assert_eq!(all(&journal)[0].note.as_deref(), Some("a note\u{fffd}"));
    journal.close(Duration::from_secs(60));

    let journal = open(&path);
    let kept = journal.client("ide");
    assert_eq!(kept.today, used, "unless midnight UTC has passed");
    assert!(kept.last_used_ms.is_some() && kept.today.cost_estimated);
    assert_eq!(journal.today(), used);
    assert_eq!(journal.minutes().iter().map(|minute| minute.requests).sum::<u64>(), 2);
    spend(&journal, "cli");
    let cli = journal.client("cli").today;
    assert_eq!((used.billed_usd, cli.cost_usd, cli.billed_usd), (1.0, 0.5, 0.0));
    assert!(cli.cost_estimated, "a value is no bill");
    assert_eq!(journal.clients().keys().collect::<Vec<_>>(), ["cli", "ide"]);
}

#[test]
fn a_cancel_is_no_failure() {
    let (_folder, path) = folder();
    let journal = open(&path);
    let mut cut = journal.begin(start("cancelled"));
    cut.first_byte();
    drop(cut);
    let cancelled = |journal: &Journal| {
        let failed = Query { failed_only: true, ..Query::default() };
        assert_eq!(journal.latest(&failed).unwrap(), []);
        assert_eq!(journal.last_failure(), None);
        assert_eq!((journal.today().requests, journal.today().failed), (1, 0));
        let minutes = journal.minutes();
        assert_eq!(minutes.iter().map(|minute| (minute.requests, minute.failed)).max(), Some((1, 0)));
    };
    cancelled(&journal);
    journal.close(Duration::from_secs(60));
    cancelled(&open(&path));
}

#[test]
fn l09_bodies_are_kept_only_when_wanted_and_gone_at_once_when_not() {
    let (folder, path) = folder();
    let journal = open(&path);
    let ask = |account: &str| {
        let mut entry = journal.begin(start("asked"));
        entry.attempt(made(account, "", "ok", None));
        entry.received(b"CANARY_PROMPT");
        entry.sent(b"CANARY_REPLY ");
        entry.sent(&vec![b'x'; 100_000]);
        entry.close(OK);
        all(&journal)[0].id
    };
    let unkept = ask("alice");
    assert!(!journal.keeps_bodies() && journal.bodies(unkept).unwrap().is_none());
    assert!(!raw(&folder).contains("CANARY"));
    journal.keep_bodies(true).unwrap();
    let (alice, bob) = (ask("alice"), ask("bob"));
    let bodies = journal.bodies(alice).unwrap().unwrap();
    assert_eq!(
        (bodies.request.as_str(), bodies.response.len(), bodies.cut),
        ("CANARY_PROMPT", 64 << 10, true)
    );
    assert_eq!(journal.get(alice).unwrap().unwrap().bytes_out, 100_013);
    journal.delete_account("alice").unwrap();
    assert!(journal.bodies(alice).unwrap().is_none() && journal.bodies(bob).unwrap().is_some());
    journal.keep_bodies(false).unwrap();
    assert!(journal.bodies(bob).unwrap().is_none());
    assert!(!raw(&folder).contains("CANARY"));
    assert_eq!(all(&journal).len(), 1, "the records stay");
}

#[test]
fn l09_bodies_go_before_records_when_there_is_no_room() {
    let (_folder, path) = folder();
    let journal = Journal::open(&path, Limits { max_bytes: 1_000_000, ..Limits::default() }).journal;
    journal.keep_bodies(true).unwrap();
    for n in 0..100 {
        let mut entry = journal.begin(start(&format!("r{n}")));
        entry.received(&[b'p'; 30_000]);
        entry.close(OK);
        journal.flush();
    }
    journal.set_limits(Limits { max_bytes: 1_000_000, ..Limits::default() });
    journal.flush();
    assert_eq!(all(&journal).len(), 100);
    assert!(std::fs::metadata(&path).unwrap().len() <= 1_000_000);
}

#[test]
fn an_account_that_is_renamed_takes_its_records_along() {
    let (folder, path) = folder();
    let (file, memory) = (open(&path), Journal::in_memory());
    for journal in [&file, &memory] {
        served(journal, "first", "old \"name\"");
        let mut entry = journal.begin(start("second"));
        entry.attempt(made("old \"name\"", "", "limited", Some(403)));
        entry.attempt(made("bob", "", "ok", None));
        entry.close(OK);
        journal.flush();
        journal.rename_account("old \"name\"", "new").unwrap();
        assert_eq!(names(&journal.latest(&account("new")).unwrap()), ["second", "first"]);
        assert!(journal.latest(&account("old \"name\"")).unwrap().is_empty());
        let second = &journal.latest(&account("bob")).unwrap()[0];
        assert_eq!(second.attempts[0].account, "new");
    }
    file.clear().unwrap();
    assert!(!raw(&folder).contains("old \\\"name"));
}
