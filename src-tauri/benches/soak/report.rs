//! Table of a run, and the conditions under which the run fails.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::Outcome;
use crate::load::CallCounts;
use crate::machine;
use crate::profile::SoakProfile;
use crate::sampler::{MAX_KEPT_FILES, MAX_KEPT_THREADS, ResourceSample};

/// Maximum growth of memory, KB: beyond caches and the allocator's reserve.
const MAX_MEMORY_GROWTH_KB: u64 = 128 << 10;
/// Maximum size of the database, bytes: the cap on the request log and SQLite's overhead.
const MAX_LOG_BYTES: u64 = 110 << 20;

pub(crate) fn print(
    scale: &SoakProfile,
    seen: &CallCounts,
    base: &ResourceSample,
    after: &ResourceSample,
    stopped: Duration,
) {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let wrong = seen.wrong.lock().len();
    println!(
        "## Soak: {:?}, {} streams at once, {} short calls a second\n",
        scale.time, scale.streams, scale.rate
    );
    println!("{}; load average now: {}.\n", machine::cores(), machine::busy());
    println!("| what | target | measured |\n|---|--:|--:|");
    let row = |what: &str, target: &str, measured: String| println!("| {what} | {target} | {measured} |");
    row("words lost, out of order or cut in silence", "0", wrong.to_string());
    row("streams that came whole", "", count(&seen.whole).to_string());
    row("words of all streams", "", count(&seen.words).to_string());
    row("streams that ended with an error that said so", "", count(&seen.failed).to_string());
    row(
        "requests that were refused with a code (while Mammouth failed)",
        "",
        count(&seen.refused).to_string(),
    );
    row("requests that found the old port left", "", count(&seen.port_changed).to_string());
    row("short calls answered", "", count(&seen.short).to_string());
    let mut latency = std::mem::take(&mut *seen.latency.lock());
    row(
        "their time, p50 / p99, ms, a word's pace of 20 included",
        "",
        format!("{:.1} / {:.1}", latency.ms(500), latency.ms(990)),
    );
    row("turns of conversations answered, each response kept", "", count(&seen.turns).to_string());
    row("connections that came and went", "", count(&seen.churned).to_string());
    row("memory before / after, MB", "≤ 120", format!("{} / {}", base.memory >> 10, after.memory >> 10));
    let highest = late_samples(&seen.samples.lock()).iter().map(|sample| sample.memory).max().unwrap_or(0);
    row("highest memory after the first quarter, MB", "≤ 40", (highest >> 10).to_string());
    row("memory's slope after the first quarter, MB an hour", "< 1 (24 h)", format!("{:.1}", slope(seen)));
    row("files before / after", "back", format!("{} / {}", base.files, after.files));
    row("threads before / after", "back", format!("{} / {}", base.threads, after.threads));
    row("places in accounts still taken", "0", after.running.to_string());
    row("request log, MB", "≤ its cap", format!("{:.1}", megabytes(after.log)));
    row("SIGTERM to the end, ms", "≤ 30000", stopped.as_millis().to_string());
}

/// The samples after the first quarter, in which caches fill.
fn late_samples(samples: &[ResourceSample]) -> &[ResourceSample] {
    &samples[samples.len() / 4..]
}

/// Growth of memory, MB an hour, by linear regression over the samples after the first quarter.
fn slope(seen: &CallCounts) -> f64 {
    let watched = seen.samples.lock();
    let late = late_samples(&watched);
    let Some(first) = late.first() else { return 0.0 };
    let points: Vec<(f64, f64)> = late
        .iter()
        .map(|seen| ((seen.at - first.at).as_secs_f64() / 3_600.0, megabytes(seen.memory << 10)))
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let together: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    if spread == 0.0 { 0.0 } else { together / spread }
}

#[expect(clippy::cast_precision_loss, reason = "bytes are far below 2^52")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Checks the results.
///
/// # Errors
/// A condition is violated that must hold however slow the machine is.
pub(crate) fn check(seen: &CallCounts, base: &ResourceSample, after: &ResourceSample) -> Outcome<()> {
    let mut wrong = seen.wrong.lock().clone();
    wrong.truncate(10);
    if [&seen.whole, &seen.short, &seen.turns].iter().any(|answered| answered.load(Ordering::Relaxed) == 0) {
        wrong.push("a kind of call was never answered".to_owned());
    }
    if !after.is_back_to(base) {
        wrong.push(format!(
            "not given back (up to {MAX_KEPT_FILES} files and {MAX_KEPT_THREADS} threads may stay): {base:?}, {after:?}"
        ));
    }
    if after.memory > base.memory + MAX_MEMORY_GROWTH_KB || after.log > MAX_LOG_BYTES {
        wrong.push(format!("grew too much: {base:?}, {after:?}"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}
