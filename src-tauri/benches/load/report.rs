//! Report of a run: tables in Markdown.

use std::fmt::Write as _;
use std::time::Duration;

use crate::Outcome;
use crate::images::MemoryPeak;
use crate::log::SearchTimes;
use crate::long_log::LogImpact;
use crate::machine;
use crate::memory::MemoryUse;
use crate::parser::ParserSpeed;
use crate::profile::Profile;
use crate::relay::{Ratio, RelayCost, SideCost};
use crate::start::StartTimes;
use crate::stats::median;
use crate::streams::{ChunkCost, SpreadPair, StreamResults};
use crate::unary::UnaryResult;

/// Reported cost of the original Node proxy (Express and axios), µs of CPU: a small request, a streamed
/// chunk.
const NODE_REQUEST: f64 = 1_000.0;
const NODE_CHUNK: f64 = 33.0;

/// Measurements of one run.
pub(crate) struct Measurements {
    pub(crate) start: StartTimes,
    pub(crate) memory: MemoryUse,
    pub(crate) images: Vec<MemoryPeak>,
    pub(crate) unary: Vec<UnaryResult>,
    pub(crate) streams: StreamResults,
    pub(crate) relay: RelayCost,
    pub(crate) stopped: Duration,
}

pub(crate) fn report(scale: &Profile, busy: &str, measured: &Measurements) -> Outcome<String> {
    let Measurements { start, memory, images: pictures, unary: small, streams, relay: relayed, stopped } =
        measured;
    let mut out = String::new();
    report_header(&mut out, scale, busy)?;
    unary_table(&mut out, small)?;
    stream_table(&mut out, scale, streams)?;
    relay_table(&mut out, scale, relayed)?;
    memory_table(&mut out, scale, memory)?;
    image_table(&mut out, pictures)?;
    start_table(&mut out, scale, start, *stopped)?;
    // A quick run shows nothing about aims: costs shared by all requests weigh ten times as much.
    if !scale.quick {
        aim_table(&mut out, scale, memory, small, streams)?;
        relay_aims(&mut out, scale, relayed)?;
    }
    Ok(out)
}

/// Table of the tool parser. It is not in the table of aims: every row is to be above 100, and its two values
/// similar.
pub(crate) fn parser_table(parsed: &[ParserSpeed]) -> Outcome<String> {
    let mut out = String::new();
    writeln!(out, "\n### Tool parser (MB a second of CPU time, slices of 64 bytes)\n")?;
    writeln!(out, "| reply | size, MB | MB/s | size, MB | MB/s |")?;
    writeln!(out, "|---|--:|--:|--:|--:|")?;
    for ParserSpeed { kind, short, long, short_bytes, long_bytes } in parsed {
        let (few, many) = (*short_bytes as f64 / 1e6, *long_bytes as f64 / 1e6);
        writeln!(out, "| {kind} | {few:.1} | {short:.0} | {many:.1} | {long:.0} |")?;
    }
    Ok(out)
}

/// Table of the log's queries, in wall time, because that is what the user of the window waits for.
pub(crate) fn log_table(searched: &SearchTimes) -> Outcome<String> {
    let mut out = String::new();
    writeln!(out, "\n### Request log with {} records (aim: 300 ms)\n", searched.rows)?;
    writeln!(out, "| question | ms |\n|---|--:|")?;
    for (what, took) in &searched.took {
        writeln!(out, "| {what} | {:.1} |", took.as_secs_f64() * 1_000.0)?;
    }
    Ok(out)
}

/// Table of the effect of retention and repeated exports on streams.
pub(crate) fn long_log_table(beside: &LogImpact) -> Outcome<String> {
    let mut out = String::new();
    let (before, after) = (beside.before as f64 / 1e6, beside.after as f64 / 1e6);
    writeln!(out, "\n### Streams while that log is cut back and exported (aim: 5 ms added, p99)\n")?;
    writeln!(out, "{} exports; the file went from {before:.0} to {after:.0} MB.\n", beside.exports)?;
    pair_header(&mut out)?;
    pair_row(&mut out, "a chunk from the mock's write to the client's read", &beside.transit)?;
    Ok(out)
}

fn report_header(out: &mut String, scale: &Profile, busy: &str) -> Outcome<()> {
    let command = if scale.quick { "script/bench --quick" } else { "script/bench" };
    writeln!(out, "## `{command}`\n")?;
    writeln!(
        out,
        "{}; the proxy, the mock upstream and the load share them, all on loopback (load average before \
         the run: {busy}). Release build, request log on. \
         \"Direct\" is the load asking the mock for the same bytes. CPU time is the proxy's alone (user + system), \
         the request's share included. The figures for the original Node proxy (Express and axios: {NODE_REQUEST:.0} µs \
         a small request, {NODE_CHUNK:.0} µs a chunk) are taken from the project's issue, not measured here.",
        machine::cores()
    )?;
    if scale.quick {
        writeln!(out, "\n**A tenth of the work: these numbers show that it runs, not how fast it is.**")?;
    }
    Ok(())
}

fn unary_table(out: &mut String, small: &[UnaryResult]) -> Outcome<()> {
    writeln!(out, "\n### Small replies, not streamed\n")?;
    writeln!(
        out,
        "| connections | direct, requests/s | proxied, requests/s | ratio | direct p50 / p99, ms | proxied p50 / p99, ms | proxy CPU a request, µs | times Node's requests per CPU second |"
    )?;
    writeln!(out, "|--:|--:|--:|--:|--:|--:|--:|--:|")?;
    for row in small {
        let (direct, proxied) = (&row.direct, &row.proxied);
        writeln!(
            out,
            "| {} | {:.0} | {:.0} | {:.2} | {:.2} / {:.2} | {:.2} / {:.2} | {} | {} |",
            row.connections,
            direct.rate,
            proxied.rate,
            proxied.rate / direct.rate,
            direct.latency.p50,
            direct.latency.p99,
            proxied.latency.p50,
            proxied.latency.p99,
            cpu_text(row.user, row.system),
            ratio_text(NODE_REQUEST, row.user + row.system),
        )?;
    }
    Ok(())
}

fn stream_table(out: &mut String, scale: &Profile, streams: &StreamResults) -> Outcome<()> {
    let Profile { streams: count, gap, .. } = scale;
    writeln!(out, "\n### Streamed\n")?;
    pair_header(out)?;
    pair_row(out, "first token, nothing else running", &streams.quiet)?;
    pair_row(out, &format!("first token beside {count} proxied streams"), &streams.busy)?;
    pair_row(out, &format!("between chunks, {count} streams, one every {gap:?}"), &streams.gaps)?;
    pair_row(out, "a chunk from the mock's write to the client's read, same streams", &streams.transit)?;
    writeln!(
        out,
        "\n| chunks | direct, chunks/s | proxied, chunks/s | proxy CPU a chunk, µs | times Node |"
    )?;
    writeln!(out, "|---|--:|--:|--:|--:|")?;
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let pace = *count as f64 / gap.as_secs_f64();
    cost(out, &format!("{count} streams, one every {gap:?}"), pace, pace, &streams.paced)?;
    cost(out, "8 streams without a pause", streams.direct_rate, streams.proxied_rate, &streams.burst)
}

fn pair_header(out: &mut String) -> Outcome<()> {
    writeln!(out, "| milliseconds, p50 / p99 | direct | proxied | added p50 | added p99 | samples |")?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|")?;
    Ok(())
}

fn pair_row(out: &mut String, what: &str, SpreadPair { direct, proxied }: &SpreadPair) -> Outcome<()> {
    Ok(writeln!(
        out,
        "| {what} | {:.3} / {:.3} | {:.3} / {:.3} | {:.3} | {:.3} | {} |",
        direct.p50,
        direct.p99,
        proxied.p50,
        proxied.p99,
        proxied.p50 - direct.p50,
        proxied.p99 - direct.p99,
        proxied.count,
    )?)
}

fn cost(out: &mut String, what: &str, direct: f64, proxied: f64, cost: &ChunkCost) -> Outcome<()> {
    Ok(writeln!(
        out,
        "| {what} ({} in all) | {direct:.0} | {proxied:.0} | {} | {} |",
        cost.chunks,
        cpu_text(cost.user, cost.system),
        ratio_text(NODE_CHUNK, cost.user + cost.system),
    )?)
}

/// Aims relative to the baseline.
const MAX_BASELINE_REQUEST_RATIO: f64 = 1.3;
const MAX_BASELINE_CHUNK_RATIO: f64 = 1.1;
const MAX_BASELINE_FIRST_TOKEN_RATIO: f64 = 1.2;
const MAX_BASELINE_WEB_REQUEST_RATIO: f64 = 1.6;
const MAX_BASELINE_WEB_CHUNK_RATIO: f64 = 1.3;
/// Aims for the first token of a request with 1 MB of messages: what passthrough adds beyond nginx, what a web session
/// adds, µs.
const MAX_LARGE_PASSTHROUGH_MICROS: f64 = 1_000.0;
const MAX_LARGE_WEB_MICROS: f64 = 3_000.0;
const MAX_RELAY_GROWTH_KB: u64 = 8 * 1_024;

fn relay_table(out: &mut String, scale: &Profile, cost: &RelayCost) -> Outcome<()> {
    writeln!(out, "\n### Beside the baseline and nginx\n")?;
    writeln!(
        out,
        "The baseline is hyper, one warp route and reqwest, and nothing else; nginx is `proxy_pass` in one process. Each \
         is pinned to one core. Median of {} passes, the lowest and the highest in brackets.\n",
        scale.rounds
    )?;
    writeln!(
        out,
        "| µs | nginx | baseline | passthrough | ÷ baseline | ÷ nginx | web session | ÷ baseline |\n|---|--:|--:|--:|--:|--:|--:|--:|"
    )?;
    for (row, connections) in scale.connections.iter().enumerate() {
        let what = format!("CPU of a request, {connections} connections");
        relay_row(out, &what, cost, |side| &side.requests[row])?;
    }
    relay_row(out, "CPU of a streamed chunk", cost, |side| &side.chunk)?;
    relay_row(out, "added to the first token", cost, |side| &side.first_token)?;
    relay_row(out, "the same, 1 MB of messages", cost, |side| &side.large_first_token)?;
    let (grown, megabytes) = (mb(cost.grown), cost.long_bytes / 1_000_000);
    writeln!(out, "\nOne stream of {megabytes} MB passed through: {grown:.1} MB more memory at most.")?;
    Ok(())
}

fn relay_row<'a>(
    out: &mut String,
    what: &str,
    cost: &'a RelayCost,
    values: impl Fn(&'a SideCost) -> &'a Vec<f64>,
) -> Outcome<()> {
    let nginx = cost.nginx.as_ref().map(&values);
    let (baseline, passthrough) = (values(&cost.baseline), values(&cost.passthrough));
    let web = values(&cost.web_session);
    let middle = |values: &Vec<f64>| format!("{:.1}", median(values.clone()));
    Ok(writeln!(
        out,
        "| {what} | {} | {} | {} | {} | {} | {} | {} |",
        nginx.map_or("not installed".to_owned(), middle),
        middle(baseline),
        middle(passthrough),
        ratio(Ratio::of(passthrough, baseline)),
        nginx.map_or("–".to_owned(), |nginx| ratio(Ratio::of(passthrough, nginx))),
        middle(web),
        ratio(Ratio::of(web, baseline)),
    )?)
}

fn ratio(Ratio { median, lowest, highest }: Ratio) -> String {
    format!("{median:.2} ({lowest:.2}–{highest:.2})")
}

fn relay_aims(out: &mut String, scale: &Profile, cost: &RelayCost) -> Outcome<()> {
    let RelayCost { passthrough, web_session: web, baseline, .. } = cost;
    let mut aim = |what: &str, values: &[f64], base: &[f64], most: f64| {
        let ratio = Ratio::of(values, base).median;
        aim_row(out, &format!("{what}: at most {most} × the baseline"), ratio, "×", ratio <= most)
    };
    for (row, connections) in scale.connections.iter().enumerate() {
        let what = format!("passthrough, a request, {connections} connections");
        aim(&what, &passthrough.requests[row], &baseline.requests[row], MAX_BASELINE_REQUEST_RATIO)?;
    }
    aim("passthrough, a chunk", &passthrough.chunk, &baseline.chunk, MAX_BASELINE_CHUNK_RATIO)?;
    let first = (&passthrough.first_token, &baseline.first_token);
    aim("passthrough, first token", first.0, first.1, MAX_BASELINE_FIRST_TOKEN_RATIO)?;
    let what = format!("web session, a request, {} connections", scale.connections[1]);
    aim(&what, &web.requests[1], &baseline.requests[1], MAX_BASELINE_WEB_REQUEST_RATIO)?;
    aim("web session, a chunk", &web.chunk, &baseline.chunk, MAX_BASELINE_WEB_CHUNK_RATIO)?;
    large_request_aims(out, cost)?;
    let grown = mb(cost.grown);
    aim_row(out, "a long stream in flat memory", grown, "MB", cost.grown < MAX_RELAY_GROWTH_KB)
}

fn large_request_aims(out: &mut String, cost: &RelayCost) -> Outcome<()> {
    let added = |side: &SideCost| median(side.large_first_token.clone());
    let mut aim = |what: &str, micros: f64, most: f64| {
        let what = format!("{what}: at most {:.0} ms more", most / 1_000.0);
        aim_row(out, &what, micros / 1_000.0, "ms", micros <= most)
    };
    if let Some(nginx) = &cost.nginx {
        let beyond = added(&cost.passthrough) - added(nginx);
        aim("passthrough, first token of 1 MB, beyond nginx", beyond, MAX_LARGE_PASSTHROUGH_MICROS)?;
    }
    aim("web session, first token of 1 MB", added(&cost.web_session), MAX_LARGE_WEB_MICROS)
}

fn memory_table(out: &mut String, scale: &Profile, memory: &MemoryUse) -> Outcome<()> {
    writeln!(out, "\n### Memory (resident)\n")?;
    writeln!(out, "| state | MB |")?;
    writeln!(out, "|---|--:|")?;
    writeln!(
        out,
        "| idle after start ({} files open, {:.1} % CPU) | {:.1} |",
        memory.idle_files,
        memory.idle_cpu * 100.0,
        mb(memory.idle)
    )?;
    writeln!(out, "| after the first reply | {:.1} |", mb(memory.after_one))?;
    writeln!(
        out,
        "| {} streams open: {:.1} KB each | {:.1} |",
        scale.open,
        memory.per_stream,
        mb(memory.open)
    )?;
    let released =
        memory.released.map_or("**not within 5 s**".to_owned(), |time| format!("after {time:.0?}"));
    writeln!(
        out,
        "| all of them left by their clients (connections gone {released}) | {:.1} |",
        mb(memory.after)
    )?;
    Ok(())
}

/// Maximum memory of one large request, as a multiple of its size.
const MAX_MEMORY_PER_BODY: f64 = 3.0;

fn image_table(out: &mut String, peaks: &[MemoryPeak]) -> Outcome<()> {
    writeln!(out, "\n### The most memory of one large request (aim: {MAX_MEMORY_PER_BODY:.0} × its size)\n")?;
    writeln!(out, "| way | request, MB | more memory at most, MB | times | |\n|---|--:|--:|--:|---|")?;
    for peak in peaks {
        let (body, grown) = (peak.body as f64 / 1e6, peak.grown as f64 / 1e6);
        let met = if peak.times() < MAX_MEMORY_PER_BODY { "met" } else { "**missed**" };
        writeln!(out, "| {} | {body:.1} | {grown:.1} | {:.2} | {met} |", peak.way, peak.times())?;
    }
    Ok(())
}

fn start_table(out: &mut String, scale: &Profile, start: &StartTimes, stopped: Duration) -> Outcome<()> {
    writeln!(out, "\n### Start and stop (median of {} starts with an empty data directory)\n", scale.starts)?;
    writeln!(out, "| | ms |")?;
    writeln!(out, "|---|--:|")?;
    writeln!(out, "| start to `/healthz` | {:.0} |", start.health)?;
    writeln!(out, "| start to the first completion | {:.0} |", start.completion)?;
    writeln!(out, "| the second completion | {:.1} |", start.second)?;
    writeln!(out, "| SIGTERM to the end, after all the work | {:.0} |", stopped.as_secs_f64() * 1_000.0)?;
    Ok(())
}

fn aim_table(
    out: &mut String,
    scale: &Profile,
    memory: &MemoryUse,
    small: &[UnaryResult],
    streams: &StreamResults,
) -> Outcome<()> {
    writeln!(out, "\n### Against the aims\n")?;
    writeln!(out, "| aim | measured | |")?;
    writeln!(out, "|---|--:|---|")?;
    let middle = small.get(1).map_or(0.0, |row| NODE_REQUEST / micros(row.user + row.system));
    let connections = scale.connections[1];
    let what = format!("at least 15 × Node's requests per CPU second ({connections} connections)");
    aim_row(out, &what, middle, "×", middle >= 15.0)?;
    let chunk = micros(streams.paced.user + streams.paced.system);
    aim_row(out, &format!("a chunk below Node's {NODE_CHUNK:.0} µs"), chunk, "µs", chunk < NODE_CHUNK)?;
    let idle = mb(memory.idle);
    aim_row(out, "idle below 15 MB", idle, "MB", idle < 15.0)?;
    aim_row(out, "below 40 KB a stream", memory.per_stream, "KB", memory.per_stream < 40.0)?;
    let first = streams.quiet.proxied.p50 - streams.quiet.direct.p50;
    aim_row(out, "first token below 0.3 ms later, p50", first, "ms", first < 0.3)?;
    let between = streams.gaps.proxied.p99 - streams.gaps.direct.p99;
    aim_row(out, "below 2 ms more between chunks, p99", between, "ms", between < 2.0)
}

fn aim_row(out: &mut String, what: &str, value: f64, unit: &str, met: bool) -> Outcome<()> {
    Ok(writeln!(out, "| {what} | {value:.2} {unit} | {} |", if met { "met" } else { "**missed**" })?)
}

fn cpu_text(user: Duration, system: Duration) -> String {
    format!("{:.1} ({:.1} + {:.1})", micros(user + system), micros(user), micros(system))
}

/// Ratio of the other side's time to the program's; unknown if the latter is below the clock's resolution.
fn ratio_text(theirs: f64, ours: Duration) -> String {
    if ours.is_zero() { "–".to_owned() } else { format!("{:.1}", theirs / micros(ours)) }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000_000.0
}

#[expect(clippy::cast_precision_loss, reason = "KB are far below 2^52")]
fn mb(kb: u64) -> f64 {
    kb as f64 / 1_024.0
}
