//! Search in a long request log: the window's queries, directly on the log.

use std::path::Path;
use std::time::{Duration, Instant};

use storage::request_log::{
    AccountSelection, Attempt, ErrorSource, LogLimits, Query, RecordStart, RequestErrorCode, RequestLog,
    RequestOutcome, SelectionRule,
};

/// Time limit for writing the remaining records at the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(20);
/// Records between two flushes. The writer's queue is bounded.
const FLUSH_INTERVAL_RECORDS: u64 = 2_000;
const LOG_MODELS: [&str; 8] = [
    "gpt-5",
    "gpt-5-mini",
    "gpt-4.1",
    "claude-sonnet-4",
    "claude-opus-4",
    "gemini-2.5-pro",
    "grok-4",
    "o4-mini",
];
const LOG_CLIENTS: [&str; 5] = ["main", "cline", "zed", "codex", "continue"];
const LOG_ACCOUNTS: [&str; 4] = ["alice", "bob", "carol", "dora"];

/// Duration of each query, the median of five.
#[derive(Debug)]
pub(crate) struct SearchTimes {
    pub(crate) rows: u64,
    pub(crate) took: Vec<(&'static str, Duration)>,
}

/// Fills a request log in this file and queries it.
pub(crate) fn measure(file: &Path, quick: bool) -> crate::Outcome<SearchTimes> {
    let rows = if quick { 100_000 } else { 1_000_000 };
    let limits = LogLimits { max_bytes: u64::MAX / 2, ..LogLimits::default() };
    let journal = RequestLog::open(file, limits).log;
    for number in 0..rows {
        write_record(&journal, number);
        if number % FLUSH_INTERVAL_RECORDS == 0 {
            journal.flush();
        }
    }
    journal.flush();
    let query = |change: &dyn Fn(&mut Query)| {
        let mut query = Query { limit: 100, ..Query::default() };
        change(&mut query);
        query
    };
    let questions: [(&'static str, Query); 6] = [
        ("the newest page", query(&|_| {})),
        ("a text that many records hold", query(&|query| query.text = Some("claude".into()))),
        ("a text that no record holds", query(&|query| query.text = Some("no such thing".into()))),
        ("the id of an old request", query(&|query| query.text = Some(format!("bench{:011}", 7)))),
        (
            "what failed, of one account",
            query(&|query| {
                query.failed_only = true;
                query.account = Some("carol".into());
            }),
        ),
        (
            "one model of one client",
            query(&|query| {
                query.model = Some("grok-4".into());
                query.client = Some("zed".into());
            }),
        ),
    ];
    let mut took = Vec::new();
    for (what, query) in &questions {
        took.push((*what, median_time(|| journal.latest(query).map(drop))?));
    }
    took.push(("how many there are", median_time(|| journal.count(&Query::default()).map(drop))?));
    journal.close(CLOSE_TIMEOUT);
    Ok(SearchTimes { rows, took })
}

fn write_record(journal: &RequestLog, number: u64) {
    let pick =
        |names: &[&'static str], step: u64| names[usize::try_from(number / step).unwrap_or(0) % names.len()];
    let mut entry = journal.begin(RecordStart {
        request_id: format!("bench{number:011}"),
        client: pick(&LOG_CLIENTS, 7).to_owned(),
        dialect: "openai-chat",
        bytes_in: 2_000,
        origin: Default::default(),
    });
    entry.set_requested_model(pick(&LOG_MODELS, 3), true);
    let account = pick(&LOG_ACCOUNTS, 11).to_owned();
    let why = AccountSelection { ready: 3, ..AccountSelection::new(SelectionRule::Balance) }.into();
    entry.add_attempt(Attempt {
        account,
        why,
        outcome: "ok".to_owned(),
        status: Some(200),
        detail: None,
        ms: 40,
    });
    entry.set_tokens(500, 300, true);
    entry.close(match number % 97 {
        0 => RequestOutcome {
            status: 502,
            code: Some(RequestErrorCode::UpstreamBadResponse),
            fault: Some(ErrorSource::Upstream),
            interrupted: false,
        },
        _ => RequestOutcome { status: 200, code: None, fault: None, interrupted: false },
    });
}

fn median_time<E: std::error::Error + Send + Sync + 'static>(
    mut ask: impl FnMut() -> Result<(), E>,
) -> crate::Outcome<Duration> {
    let mut took = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        ask()?;
        took.push(began.elapsed());
    }
    took.sort();
    Ok(took[2])
}
