//! Whether a request costs more where there is more of something: records in the request log, accounts, client keys,
//! aliases, models, messages. A program with little of everything and one with much of one thing take turns on one core.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::Outcome;
use crate::machine::{self, PinnedThread};
use crate::mock::Mock;
use crate::profile::Profile;
use crate::program::{Program, Target};
use crate::relay::{LOAD_CORE, MEASURED_CORE, Ratio, micros_each};
use crate::stats::median;
use crate::unary::UnaryTurns;

/// Copies of the records of the measured request log that the large log here holds.
const LOG_COPIES: u64 = 5;
const MANY_ACCOUNTS: usize = 50;
const MANY_KEYS: usize = 200;
const MANY_ALIASES: usize = 1_000;
const FEW_MODELS: usize = 30;
const MANY_MODELS: usize = 3_000;
/// Messages of the short and of the long conversation.
const CONVERSATION_MESSAGES: [u32; 2] = [101, 2_001];
const CONNECTIONS: usize = 8;
/// The model of all requests.
const MODEL: &str = "claude-sonnet-4-20250514";

/// Cost of one kind of request with little and with much of one thing.
#[derive(Debug)]
pub(crate) struct Growth {
    what: &'static str,
    from: u64,
    to: u64,
    /// CPU time of a request, µs, one value a pass; for conversations that of a message.
    little: Vec<f64>,
    much: Vec<f64>,
}

struct Case {
    program: Program,
    growth: Growth,
}

/// `log` is a filled request log. It is left as it is.
pub(crate) async fn measure(mock: &Mock, log: &Path, scale: &Profile) -> Outcome<Vec<Growth>> {
    machine::pin(mock.pid(), LOAD_CORE)?;
    let copies = tempfile::tempdir()?;
    let (long_log, records) = lengthen(log.to_owned(), copies.path().join("log.db")).await?;
    let pinned = PinnedThread::pin(MEASURED_CORE)?;
    let base = start(mock, 1, "", FEW_MODELS, None).await?;
    let mut cases = vec![
        Case::new(
            "records in the request log",
            0,
            records,
            start(mock, 1, "", FEW_MODELS, Some(&long_log)).await?,
        ),
        Case::new(
            "accounts",
            1,
            MANY_ACCOUNTS as u64,
            start(mock, MANY_ACCOUNTS, "", FEW_MODELS, None).await?,
        ),
        Case::new(
            "client keys",
            1,
            MANY_KEYS as u64,
            start(mock, 1, &client_keys(), FEW_MODELS, None).await?,
        ),
        Case::new("aliases", 0, MANY_ALIASES as u64, start(mock, 1, &aliases(), FEW_MODELS, None).await?),
        Case::new(
            "models",
            FEW_MODELS as u64,
            MANY_MODELS as u64,
            start(mock, 1, "", MANY_MODELS, None).await?,
        ),
    ];
    drop(pinned);
    let pinned = PinnedThread::pin(LOAD_CORE)?;
    let mut conversation = Growth::new(
        "messages of a conversation, cost of each",
        CONVERSATION_MESSAGES[0].into(),
        CONVERSATION_MESSAGES[1].into(),
    );
    for _ in 0..scale.rounds {
        for Case { program, growth } in &mut cases {
            growth.little.push(small_request(&base, scale).await?);
            growth.much.push(small_request(program, scale).await?);
        }
        let [short, long] = CONVERSATION_MESSAGES;
        conversation.little.push(message(&base, short, scale).await?);
        conversation.much.push(message(&base, long, scale).await?);
    }
    drop(pinned);
    base.stop().await?;
    let mut grown = Vec::new();
    for Case { program, growth } in cases {
        program.stop().await?;
        grown.push(growth);
    }
    grown.push(conversation);
    Ok(grown)
}

impl Case {
    fn new(what: &'static str, from: u64, to: u64, program: Program) -> Self {
        Self { program, growth: Growth::new(what, from, to) }
    }
}

impl Growth {
    fn new(what: &'static str, from: u64, to: u64) -> Self {
        Self { what, from, to, little: Vec::new(), much: Vec::new() }
    }
}

async fn start(
    mock: &Mock,
    accounts: usize,
    settings: &str,
    models: usize,
    log: Option<&Path>,
) -> Outcome<Program> {
    let cookies: Vec<String> =
        (0..accounts).map(|number| format!("bench-session-{number}-4f1c9a7e")).collect();
    let settings = format!("{settings}[limits]\nlog_max_bytes = 100_000_000_000\n");
    let catalogue = catalogue(models)?;
    Program::start_prepared(mock.address, &cookies, |folder| {
        std::fs::write(folder.join("settings.toml"), settings)?;
        std::fs::write(folder.join("models.json"), catalogue)?;
        if let Some(log) = log {
            std::fs::rename(log, folder.join("mammouth.db"))?;
        }
        Ok(())
    })
    .await
}

/// Digests that no key has: each request looks at them before it is found to have the main key.
fn client_keys() -> String {
    let keys = (1..MANY_KEYS).map(|number| format!("key-{number} = \"{number:064x}\"\n"));
    format!("[client_keys]\n{}", keys.collect::<String>())
}

/// None of them is asked for; every tenth is a pattern.
fn aliases() -> String {
    let name = |number: usize| {
        if number.is_multiple_of(10) { format!("alias-{number}-*") } else { format!("alias-{number}") }
    };
    let lines = (0..MANY_ALIASES).map(|number| format!("\"{}\" = \"gpt-4o\"\n", name(number)));
    format!("[aliases]\n{}", lines.collect::<String>())
}

/// The file of the model catalogue.
fn catalogue(models: usize) -> Outcome<String> {
    // The model that is asked for stands there without its date: such a one takes the longest to find.
    let name = |number: usize| {
        if number == 0 { "claude-sonnet-4".to_owned() } else { format!("model-{number}-2025-01-01") }
    };
    let info = json!({ "owner": "bench", "context": 128_000, "max_output": 16_384, "input_cost": 1e-6, "output_cost": 2e-6 });
    let models: serde_json::Map<_, _> = (0..models).map(|number| (name(number), info.clone())).collect();
    let fetched = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(json!({ "models": models, "fetched": fetched }).to_string())
}

/// Writes a copy of a request log with several times its records. Returns the file and their number.
async fn lengthen(log: PathBuf, long: PathBuf) -> Outcome<(PathBuf, u64)> {
    tokio::task::spawn_blocking(move || {
        std::fs::copy(log, &long)?;
        let database = rusqlite::Connection::open(&long)?;
        database.execute_batch("PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY")?;
        let rows = |query: &str| -> rusqlite::Result<Vec<(String, String)>> {
            database.prepare(query)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        // An index is made faster than it is kept up to date.
        let indexes = rows(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'requests' AND sql NOTNULL",
        )?;
        for (name, _) in &indexes {
            database.execute_batch(&format!("DROP INDEX {name}"))?;
        }
        let columns = "SELECT group_concat(name, ', ') FROM pragma_table_info('requests')
            WHERE name NOT IN ('id', 'request_id')";
        let columns: String = database.query_row(columns, [], |row| row.get(0))?;
        let records: u32 = database.query_row("SELECT count(*) FROM requests", [], |row| row.get(0))?;
        for copy in 1..LOG_COPIES {
            database.execute_batch(&format!(
                "INSERT INTO requests (request_id, {columns})
                 SELECT request_id || '-{copy}', {columns} FROM requests ORDER BY id LIMIT {records}"
            ))?;
        }
        for (_, index) in indexes {
            database.execute_batch(&index)?;
        }
        drop(database);
        Ok((long, u64::from(records) * LOG_COPIES))
    })
    .await?
}

/// The CPU time of a small request, µs.
async fn small_request(program: &Program, scale: &Profile) -> Outcome<f64> {
    asked(program, &conversation(&program.target, 1), scale).await
}

/// The CPU time of a message in a conversation of so many, µs.
async fn message(program: &Program, messages: u32, scale: &Profile) -> Outcome<f64> {
    let request = conversation(&program.target, messages);
    Ok(asked(program, &request, scale).await? / f64::from(messages))
}

fn conversation(target: &Target, messages: u32) -> Vec<u8> {
    let message = |number: u32| {
        let role = if number.is_multiple_of(2) { "user" } else { "assistant" };
        json!({ "role": role, "content": format!("Message {number}. {}", "Some words of a conversation. ".repeat(6)) })
    };
    let messages: Vec<_> = (0..messages).map(message).collect();
    target.own("/v1/chat/completions", &json!({ "model": MODEL, "messages": messages }).to_string())
}

async fn asked(program: &Program, request: &[u8], scale: &Profile) -> Outcome<f64> {
    let mut turns = UnaryTurns::default();
    let cpu = turns.run_with(&program.target, request, CONNECTIONS, scale.turn, program.pid).await?;
    Ok(micros_each(cpu, turns.latency_count()))
}

pub(crate) fn table(grown: &[Growth], scale: &Profile) -> Outcome<String> {
    let mut out = String::new();
    writeln!(out, "\n### Growth (aim: a ratio of 1)\n")?;
    writeln!(
        out,
        "CPU time of a small request over a web session with {CONNECTIONS} connections. Median of {} passes, the lowest \
         and the highest ratio in brackets.\n",
        scale.rounds
    )?;
    writeln!(out, "| what there is more of | from | to | µs | µs | ratio |\n|---|--:|--:|--:|--:|--:|")?;
    for Growth { what, from, to, little, much } in grown {
        let Ratio { median: middle, lowest, highest } = Ratio::of(much, little);
        let (few, many) = (median(little.clone()), median(much.clone()));
        writeln!(
            out,
            "| {what} | {from} | {to} | {few:.1} | {many:.1} | {middle:.2} ({lowest:.2}–{highest:.2}) |"
        )?;
    }
    Ok(out)
}
