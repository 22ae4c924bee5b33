//! Streamed replies: latency that the proxy adds to the first token and between chunks, and its cost per
//! chunk.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::machine::{Cpu, nanoseconds};
use crate::mock::Mock;
use crate::profile::Profile;
use crate::program::{Program, Target};
use crate::stats::{Samples, Spread};
use crate::tokens::{self, ReplySpec};
use crate::wire::{Rest, Wire};

/// Interval of the streams with timestamps in their chunks. The others have none, because digits cost the
/// tokenizer more than words.
const STAMPED_EVERY: usize = 5;
/// The reply whose first token is timed.
pub(crate) const FIRST_TOKEN_REPLY: ReplySpec = ReplySpec { chunks: 2, gap: Duration::ZERO, stamped: false };
/// Streams and chunks of the burst, in which the mock sends without pauses.
const BURST_STREAMS_AND_CHUNKS: (usize, usize) = (8, 5_000);

/// Results for streams.
#[derive(Debug)]
pub(crate) struct StreamResults {
    /// Time to the first token without other load.
    pub(crate) quiet: SpreadPair,
    /// Time to the first token while all streams run through the proxy.
    pub(crate) busy: SpreadPair,
    /// Time between two chunks at the client.
    pub(crate) gaps: SpreadPair,
    /// Time of a chunk from the mock's write to the client's read.
    pub(crate) transit: SpreadPair,
    /// Cost of chunks at a steady pace.
    pub(crate) paced: ChunkCost,
    /// Cost of chunks at maximum speed.
    pub(crate) burst: ChunkCost,
    /// Chunks a second in the burst.
    pub(crate) direct_rate: f64,
    pub(crate) proxied_rate: f64,
}

/// The same measurement on both sides.
#[derive(Debug)]
pub(crate) struct SpreadPair {
    pub(crate) direct: Spread,
    pub(crate) proxied: Spread,
}

/// CPU time of the proxy per chunk, including a share of the request.
#[derive(Debug, Default)]
pub(crate) struct ChunkCost {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
    pub(crate) chunks: usize,
}

pub(crate) async fn measure(mock: &Mock, program: &Program, scale: &Profile) -> Outcome<StreamResults> {
    let direct = Target::direct(mock.address);
    let quiet = first_tokens(&direct, &program.target, scale.pairs, Duration::ZERO).await?;
    let (mut direct_seen, mut proxied_seen) = (StreamSamples::default(), StreamSamples::default());
    let mut cpu = Cpu::default();
    let spec = ReplySpec { chunks: scale.chunks, gap: scale.gap, stamped: false };
    for _ in 0..scale.rounds {
        direct_seen.append(all_at_once(&direct, scale.streams, spec).await?);
        let before = Cpu::of(program.pid)?;
        proxied_seen.append(all_at_once(&program.target, scale.streams, spec).await?);
        cpu = cpu.plus(Cpu::of(program.pid)?.since(before));
    }
    let paced = ChunkCost::new(cpu, proxied_seen.chunks)?;
    let busy = first_tokens_under_load(&direct, program, scale, spec).await?;
    let (burst, direct_rate, proxied_rate) = measure_burst(&direct, program, scale).await?;
    let gaps = SpreadPair {
        direct: direct_seen.gaps.middle_and_tail(),
        proxied: proxied_seen.gaps.middle_and_tail(),
    };
    let transit = SpreadPair {
        direct: direct_seen.transit.middle_and_tail(),
        proxied: proxied_seen.transit.middle_and_tail(),
    };
    Ok(StreamResults { quiet, busy, gaps, transit, paced, burst, direct_rate, proxied_rate })
}

/// Sends a request and reads the first chunk of its reply.
///
/// # Errors
/// Any answer but a 200 with a body.
pub(crate) async fn first_piece(wire: &mut Wire, request: &[u8]) -> Outcome<Rest> {
    wire.write(request).await?;
    let head = wire.head().await?.ok_or("no answer")?;
    let (status, mut rest) = (head.status(), head.rest);
    let piece = wire.piece(&mut rest).await?.ok_or("no first piece")?;
    if status == 200 {
        Ok(rest)
    } else {
        Err(format!("{status}: {}", String::from_utf8_lossy(&piece)).into())
    }
}

/// Times to the first token, alternating between both sides.
async fn first_tokens(
    direct: &Target,
    proxied: &Target,
    pairs: usize,
    pause: Duration,
) -> Outcome<SpreadPair> {
    let request = |target: &Target| target.request(FIRST_TOKEN_REPLY);
    let spreads = first_token_spreads(&[direct, proxied], request, pairs, pause).await?;
    Ok(SpreadPair { direct: spreads[0], proxied: spreads[1] })
}

/// Times to the first token of each target's request, alternating.
pub(crate) async fn first_token_spreads(
    targets: &[&Target],
    request: impl Fn(&Target) -> Vec<u8>,
    count: usize,
    pause: Duration,
) -> Outcome<Vec<Spread>> {
    let mut sides = Vec::new();
    for target in targets {
        let wire = Wire::connect(target.address).await?;
        sides.push((wire, request(target), Samples::default()));
    }
    for _ in 0..count {
        for (wire, request, samples) in &mut sides {
            let asked = Instant::now();
            let rest = first_piece(wire, request).await?;
            samples.add(asked.elapsed());
            wire.body(rest).await?;
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
    }
    Ok(sides.into_iter().map(|(_, _, samples)| samples.middle_and_tail()).collect())
}

/// Times to the first token while all streams run through the proxy.
async fn first_tokens_under_load(
    direct: &Target,
    program: &Program,
    scale: &Profile,
    spec: ReplySpec,
) -> Outcome<SpreadPair> {
    let (target, streams) = (program.target.clone(), scale.streams);
    let load = tokio::spawn(async move { all_at_once(&target, streams, spec).await });
    // The first requests coincide with the opening of the streams; a pause spreads the rest over the whole turn.
    let pause = spec.gap * u32::try_from(spec.chunks)? / u32::try_from(scale.pairs)? / 4;
    let pair = first_tokens(direct, &program.target, scale.pairs / 2, pause).await?;
    load.await??;
    Ok(pair)
}

async fn measure_burst(
    direct: &Target,
    program: &Program,
    scale: &Profile,
) -> Outcome<(ChunkCost, f64, f64)> {
    let (streams, chunks) = BURST_STREAMS_AND_CHUNKS;
    let chunks = if scale.quick { chunks / 10 } else { chunks };
    let spec = ReplySpec { chunks, gap: Duration::ZERO, stamped: false };
    let began = Instant::now();
    all_at_once(direct, streams, spec).await?;
    let direct_time = began.elapsed();
    let (began, before) = (Instant::now(), Cpu::of(program.pid)?);
    let seen = all_at_once(&program.target, streams, spec).await?;
    let proxied_time = began.elapsed();
    let cost = ChunkCost::new(Cpu::of(program.pid)?.since(before), seen.chunks)?;
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let rate = |time: Duration| seen.chunks as f64 / time.as_secs_f64();
    Ok((cost, rate(direct_time), rate(proxied_time)))
}

impl ChunkCost {
    fn new(cpu: Cpu, chunks: usize) -> Outcome<Self> {
        let count = u32::try_from(chunks)?;
        Ok(Self { user: cpu.user / count, system: cpu.system / count, chunks })
    }
}

/// Samples of streams.
#[derive(Debug, Default)]
pub(crate) struct StreamSamples {
    gaps: Samples,
    pub(crate) transit: Samples,
    pub(crate) chunks: usize,
}

impl StreamSamples {
    pub(crate) fn append(&mut self, other: Self) {
        self.gaps.append(other.gaps);
        self.transit.append(other.transit);
        self.chunks += other.chunks;
    }
}

/// Runs concurrent streams, with starts spread evenly over one gap so that their chunks do not coincide.
pub(crate) async fn all_at_once(target: &Target, streams: usize, spec: ReplySpec) -> Outcome<StreamSamples> {
    let mut running = Vec::with_capacity(streams);
    for index in 0..streams {
        let delay = spec.gap * u32::try_from(index)? / u32::try_from(streams)?;
        let stamped = index % STAMPED_EVERY == 0 && !spec.gap.is_zero();
        running.push(tokio::spawn(run_stream(target.clone(), ReplySpec { stamped, ..spec }, delay)));
    }
    let mut all = StreamSamples::default();
    for stream in running {
        all.append(stream.await??);
    }
    Ok(all)
}

async fn run_stream(target: Target, spec: ReplySpec, delay: Duration) -> Outcome<StreamSamples> {
    let mut wire = Wire::connect(target.address).await?;
    tokio::time::sleep(delay).await;
    wire.write(&target.request(spec)).await?;
    let head = wire.head().await?.ok_or("no answer")?;
    let (status, mut rest) = (head.status(), head.rest);
    let (mut seen, mut last) = (StreamSamples::default(), None);
    while let Some(piece) = wire.piece(&mut rest).await? {
        seen.chunks += tokens::count(&piece);
        if spec.stamped {
            record_times(&mut seen, &mut last, &piece);
        }
    }
    if status != 200 || seen.chunks != spec.chunks {
        return Err(format!("{status}, {} of {} chunks came", seen.chunks, spec.chunks).into());
    }
    Ok(seen)
}

fn record_times(seen: &mut StreamSamples, last: &mut Option<u64>, piece: &[u8]) {
    for stamp in tokens::stamps(piece) {
        let now = nanoseconds();
        seen.transit.push(now.saturating_sub(stamp));
        if let Some(last) = last.replace(now) {
            seen.gaps.push(now - last);
        }
    }
}
