//! Long run under load, with faults: the real program against the mock upstream, and the resources that it
//! holds afterwards.
//!
//! The load is streams whose every word is known, short calls at a steady rate, conversations whose responses
//! are kept, and connections that are opened and closed. The faults alternate: an upstream that fails, one that interrupts streams, a switch to
//! another port, and a suspended process. The run prints a table of targets and measurements. It fails if a
//! word is lost or out of order, if a stream ends without an end mark or error, if files or threads are not
//! released, or if memory grows without bound. It never fails because of a duration.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod conversation;
mod faults;
mod load;
#[path = "../load/machine.rs"]
#[allow(dead_code, reason = "shared with the benchmark, which uses all of it")]
mod machine;
mod profile;
#[path = "../load/program.rs"]
#[allow(dead_code, reason = "shared with the benchmark, which uses all of it")]
mod program;
mod report;
mod sampler;
#[path = "../load/stats.rs"]
#[allow(dead_code, reason = "shared with the benchmark, which uses all of it")]
mod stats;
#[path = "../load/tokens.rs"]
#[allow(dead_code, reason = "shared with the benchmark, which uses all of it")]
mod tokens;
#[path = "../load/wire.rs"]
#[allow(dead_code, reason = "shared with the benchmark, which uses all of it")]
mod wire;

use std::sync::Arc;
use std::time::Duration;

use mock_upstream::{MockAccount, MockUpstream, MockUpstreamOptions};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use load::{CallCounts, Load};
use profile::SoakProfile;
use program::Program;
use sampler::ResourceSample;

/// Result with any error that ends the run.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Delay between two words of a stream.
const WORD_DELAY: Duration = Duration::from_millis(20);

fn main() -> Outcome<()> {
    let scale = SoakProfile::parse(std::env::args().skip(1))?;
    machine::allow_many_files()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let ended = runtime.block_on(soak(&scale));
    runtime.shutdown_background();
    ended
}

async fn soak(scale: &SoakProfile) -> Outcome<()> {
    let accounts = program::COOKIES.iter().enumerate().map(|(n, cookie)| MockAccount {
        cookie: (*cookie).to_owned(),
        ..MockAccount::web(&format!("account-{n}"))
    });
    let options =
        MockUpstreamOptions { word_delay: WORD_DELAY, ..MockUpstreamOptions::instant(accounts.collect()) };
    let simulator = MockUpstream::start(options).await?;
    let address = simulator.base_url().trim_start_matches("http://").parse()?;
    let program = Program::start(address).await?;
    let load = Arc::new(Load::new(&program));
    // Allocations that happen once, such as the vocabulary, happen before the first sample.
    load.short().await?;
    load.stream().await?;
    load.turn("turn", None).await;
    let base = ResourceSample::take(&program)?;
    let seen = run(scale, &simulator, &program, &load).await?;
    eprintln!("waiting for everything to be given back …");
    let after = sampler::wait_until_settled(&program, &load, &base).await?;
    let stopped = program.stop().await?;
    report::print(scale, &seen, &base, &after, stopped);
    report::check(&seen, &base, &after)
}

/// Runs load, faults and sampling until the time is over and the last response has arrived.
async fn run(
    scale: &SoakProfile,
    simulator: &MockUpstream,
    program: &Program,
    load: &Arc<Load>,
) -> Outcome<Arc<CallCounts>> {
    let (end, tasks) = (CancellationToken::new(), TaskTracker::new());
    for n in 0..scale.streams {
        tasks.spawn(load::run_streams(Arc::clone(load), end.clone(), WORD_DELAY * u32::try_from(n)? / 4));
    }
    tasks.spawn(load::run_short_calls(Arc::clone(load), end.clone(), scale.rate));
    tasks.spawn(load::run_connections(Arc::clone(load), end.clone()));
    tasks.spawn(conversation::run_conversations(Arc::clone(load), end.clone()));
    tasks.close();
    let until = Instant::now() + scale.time;
    let mut steps = faults::FaultCycle::new(scale);
    while Instant::now() < until {
        steps.next(simulator, program, load).await?;
        load.seen.record_sample(ResourceSample::take(program)?);
    }
    simulator.set_faults(Vec::new());
    end.cancel();
    tasks.wait().await;
    Ok(Arc::clone(&load.seen))
}
