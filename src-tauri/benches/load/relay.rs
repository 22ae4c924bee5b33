//! Cost of a request, a chunk and a first token: the program with passthrough and translation, compared with
//! nginx and the baseline of the program's own stack. Each side is pinned to one core, mock and load to
//! another, and all alternate.

use std::time::Duration;

use crate::Outcome;
use crate::baseline::Baseline;
use crate::machine::{self, Cpu, PinnedThread};
use crate::mock::Mock;
use crate::nginx::Nginx;
use crate::profile::Profile;
use crate::program::{Program, Target};
use crate::stats::{Spread, median};
use crate::streams::{FIRST_TOKEN_REPLY, all_at_once, first_token_spreads};
use crate::tokens::ReplySpec;
use crate::unary::UnaryTurns;

/// Chunks of the long stream: about 250 bytes each, so 200 MB in all.
const LONG_STREAM_CHUNKS: usize = 800_000;
/// The cores of the load and of what is measured.
pub(crate) const LOAD_CORE: usize = 0;
pub(crate) const MEASURED_CORE: usize = 1;

/// The costs of all sides.
#[derive(Debug)]
pub(crate) struct RelayCost {
    pub(crate) passthrough: SideCost,
    pub(crate) web_session: SideCost,
    pub(crate) baseline: SideCost,
    /// Cost of nginx; `None` if it is not installed.
    pub(crate) nginx: Option<SideCost>,
    /// Peak memory of the program beyond the memory before a long stream, KB.
    pub(crate) grown: u64,
    pub(crate) long_bytes: usize,
}

/// The costs of one side, one value a pass.
#[derive(Debug, Default)]
pub(crate) struct SideCost {
    /// CPU time per request for each number of connections of the profile, µs.
    pub(crate) requests: [Vec<f64>; 3],
    /// CPU time of a streamed chunk, µs.
    pub(crate) chunk: Vec<f64>,
    /// Time added to the first token, median of the pass, µs.
    pub(crate) first_token: Vec<f64>,
    /// The same with 1 MB of messages.
    pub(crate) large_first_token: Vec<f64>,
}

/// The ratio of two sides: the median of the passes, and the lowest and highest pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

impl Ratio {
    /// The ratios of values that were measured in the same passes.
    pub(crate) fn of(values: &[f64], base: &[f64]) -> Self {
        let ratios: Vec<f64> = values.iter().zip(base).map(|(value, base)| value / base).collect();
        let (lowest, highest) = (
            ratios.iter().copied().fold(f64::INFINITY, f64::min),
            ratios.iter().copied().fold(0.0, f64::max),
        );
        Self { median: median(ratios), lowest, highest }
    }
}

struct Side {
    target: Target,
    pid: u32,
    cost: SideCost,
}

impl Side {
    fn new(target: &Target, pid: u32) -> Self {
        Self { target: target.clone(), pid, cost: SideCost::default() }
    }

    async fn run_pass(&mut self, scale: &Profile) -> Outcome<()> {
        for (costs, connections) in self.cost.requests.iter_mut().zip(scale.connections) {
            let mut turns = UnaryTurns::default();
            let cpu = turns.run(&self.target, connections, scale.turn, self.pid).await?;
            costs.push(micros_each(cpu, turns.latency_count()));
        }
        let spec = ReplySpec { chunks: scale.chunks, gap: scale.gap, stamped: false };
        let before = Cpu::of(self.pid)?;
        let chunks = all_at_once(&self.target, scale.streams, spec).await?.chunks;
        self.cost.chunk.push(micros_each(Cpu::of(self.pid)?.since(before), chunks));
        Ok(())
    }
}

pub(crate) async fn measure(mock: &Mock, scale: &Profile) -> Outcome<RelayCost> {
    machine::pin(mock.pid(), LOAD_CORE)?;
    let pinned = PinnedThread::pin(MEASURED_CORE)?;
    let keyed = Program::start_keyed(mock.address).await?;
    let web = Program::start(mock.address).await?;
    let baseline = Baseline::start(mock.address)?;
    let nginx = Nginx::start(mock.address).await?;
    drop(pinned);
    let pinned = PinnedThread::pin(LOAD_CORE)?;
    let mut sides = vec![
        Side::new(&keyed.target, keyed.pid),
        Side::new(&web.target, web.pid),
        Side::new(&baseline.target, baseline.pid()),
    ];
    sides.extend(nginx.as_ref().map(|nginx| Side::new(&nginx.target, nginx.pid())));
    let direct = Target::direct(mock.address);
    for _ in 0..scale.rounds {
        for side in &mut sides {
            side.run_pass(scale).await?;
        }
        let targets: Vec<&Target> =
            [&direct].into_iter().chain(sides.iter().map(|side| &side.target)).collect();
        let small = |target: &Target| target.request(FIRST_TOKEN_REPLY);
        let small = first_token_spreads(&targets, small, scale.pairs, Duration::ZERO).await?;
        let large = |target: &Target| target.large_request(FIRST_TOKEN_REPLY);
        let large = first_token_spreads(&targets, large, scale.pairs / 10, Duration::ZERO).await?;
        for (index, side) in sides.iter_mut().enumerate() {
            let added = |spreads: &[Spread]| (spreads[index + 1].p50 - spreads[0].p50) * 1_000.0;
            side.cost.first_token.push(added(&small));
            side.cost.large_first_token.push(added(&large));
        }
    }
    let (grown, long_bytes) = measure_long_stream(&keyed, scale).await?;
    drop(pinned);
    keyed.stop().await?;
    web.stop().await?;
    let mut costs = sides.into_iter().map(|side| side.cost);
    let mut next = || costs.next().ok_or("a side is missing");
    Ok(RelayCost {
        passthrough: next()?,
        web_session: next()?,
        baseline: next()?,
        nginx: next().ok(),
        grown,
        long_bytes,
    })
}

pub(crate) fn micros_each(cpu: Cpu, count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let count = count.max(1) as f64;
    cpu.total().as_secs_f64() * 1_000_000.0 / count
}

/// Measures the peak memory during one long stream, whose bytes must not be kept.
async fn measure_long_stream(program: &Program, scale: &Profile) -> Outcome<(u64, usize)> {
    let chunks = if scale.quick { LONG_STREAM_CHUNKS / 10 } else { LONG_STREAM_CHUNKS };
    let before = machine::resident(program.pid)?;
    let target = program.target.clone();
    let spec = ReplySpec { chunks, gap: Duration::ZERO, stamped: false };
    let mut streaming = tokio::spawn(async move { all_at_once(&target, 1, spec).await });
    let mut peak = before;
    loop {
        tokio::select! {
            ended = &mut streaming => {
                ended??;
                return Ok((peak.saturating_sub(before), chunks * 250));
            }
            () = tokio::time::sleep(Duration::from_millis(20)) => peak = peak.max(machine::resident(program.pid)?),
        }
    }
}
