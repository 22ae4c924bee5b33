//! Costs of the proxy: requests, streams, memory and start-up, through the proxy and directly, in one run on
//! loopback.
//!
//! The processes that share the machine are the real program, a mock upstream (this program again, `--mock`),
//! and the load (this program); the relay's table adds nginx and the baseline (`--baseline`). "Direct"
//! requests the proxy's own response from the mock, so that the client does the same work on both sides. Both
//! sides alternate, so that a slow phase of the machine affects both. A wrong response ends the run, because
//! only correct work is measured. The results are printed as Markdown on stdout.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod baseline;
mod callgrind;
mod growth;
mod images;
mod instructions;
mod log;
mod long_log;
mod machine;
mod memory;
mod mock;
mod nginx;
mod parser;
mod profile;
#[allow(dead_code, reason = "shared with the soak, which uses the rest of it")]
mod program;
mod relay;
mod report;
mod start;
mod stats;
mod streams;
mod tokens;
mod unary;
mod wire;

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use mock::Mock;
use profile::Profile;

/// Result with any error that ends the run.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The whole run ends within this time, whatever hangs.
const RUN_TIMEOUT: Duration = Duration::from_secs(720);

/// The program's allocator, for the baseline.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // One thread each for load and mock: what is left of the machine is the proxy's.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if arguments.iter().any(|argument| argument == "--mock") {
        return runtime.block_on(mock::serve());
    }
    if let [mode, upstream] = arguments.as_slice()
        && mode == "--baseline"
    {
        return runtime.block_on(baseline::serve(upstream.parse()?));
    }
    if arguments.iter().any(|argument| argument == "--profile") {
        return runtime.block_on(print_profile());
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let scale = if quick { Profile::quick() } else { Profile::full() };
    machine::allow_many_files()?;
    let ended = runtime.block_on(run_with_timeout(&scale));
    runtime.shutdown_background();
    ended
}

/// Runs all measurements within the time limit. A signal or the time limit also ends the started processes,
/// because they are dropped.
async fn run_with_timeout(scale: &Profile) -> Outcome<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::time::timeout(RUN_TIMEOUT, measure(scale)) => ended.map_err(|_| "the run took too long")?,
        _ = interrupt.recv() => Err("interrupted".into()),
        _ = terminate.recv() => Err("terminated".into()),
    }
}

async fn measure(scale: &Profile) -> Outcome<()> {
    let busy = machine::busy();
    let mock = Mock::start().await?;
    eprintln!("start-up …");
    let start = start::measure(&mock, scale).await?;
    eprintln!("memory …");
    let memory = memory::measure(&mock, scale).await?;
    eprintln!("pictures …");
    let pictures = images::measure(&mock).await?;
    eprintln!("small replies …");
    let program = program::Program::start(mock.address).await?;
    let small = unary::measure(&mock, &program, scale).await?;
    eprintln!("streams …");
    let streams = streams::measure(&mock, &program, scale).await?;
    let stopped = program.stop().await?;
    eprintln!("relay …");
    let relayed = relay::measure(&mock, scale).await?;
    eprintln!("tool parser …");
    let parsed = parser::measure(scale.quick);
    eprintln!("request log …");
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("log.db");
    let searched = tokio::task::spawn_blocking({
        let (file, quick) = (file.clone(), scale.quick);
        move || log::measure(&file, quick)
    })
    .await??;
    eprintln!("growth …");
    let grown = growth::measure(&mock, &file, scale).await?;
    eprintln!("streams beside a long request log …");
    let log_impact = long_log::measure(&mock, &file, scale).await?;
    eprintln!("instructions …");
    let instructions = instructions::measure(&mock).await?;
    let measured = report::Measurements {
        start,
        memory,
        images: pictures,
        unary: small,
        streams,
        relay: relayed,
        stopped,
    };
    print!("{}", report::report(scale, &busy, &measured)?);
    print!("{}", report::parser_table(&parsed)?);
    print!("{}", report::log_table(&searched)?);
    print!("{}", report::long_log_table(&log_impact)?);
    print!("{}", growth::table(&grown, scale)?);
    if let Some(counts) = instructions {
        print!("{}", counts.table()?);
    }
    Ok(())
}

/// Counts instructions only, and prints where they go.
async fn print_profile() -> Outcome<()> {
    let mock = Mock::start().await?;
    let counts = instructions::measure(&mock).await?.ok_or("valgrind is not installed")?;
    print!("{}{}", counts.table()?, counts.part_tables()?);
    Ok(())
}
