//! Streams while a long request log is truncated and exported.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Outcome;
use crate::mock::Mock;
use crate::profile::Profile;
use crate::program::{Program, Target};
use crate::streams::{SpreadPair, StreamSamples, all_at_once};
use crate::tokens::ReplySpec;
use crate::wire::Wire;

/// Measurements of streams during the exports.
#[derive(Debug)]
pub(crate) struct LogImpact {
    /// Time of a chunk from the mock's write to the client's read.
    pub(crate) transit: SpreadPair,
    /// Number of complete exports.
    pub(crate) exports: usize,
    /// Size of the log file at the start and at the end, bytes.
    pub(crate) before: u64,
    pub(crate) after: u64,
}

/// Measures streams with `log`, a filled request log of which half must be deleted.
pub(crate) async fn measure(mock: &Mock, log: &Path, scale: &Profile) -> Outcome<LogImpact> {
    let before = std::fs::metadata(log)?.len();
    let program = Program::start_on(mock.address, log, before / 2).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let exporting = tokio::spawn(export(program.target.clone(), program.control_token()?, Arc::clone(&stop)));
    let direct = Target::direct(mock.address);
    let spec = ReplySpec { chunks: scale.chunks, gap: scale.gap, stamped: false };
    let (mut direct_seen, mut proxied_seen) = (StreamSamples::default(), StreamSamples::default());
    for _ in 0..scale.rounds {
        direct_seen.append(all_at_once(&direct, scale.streams, spec).await?);
        proxied_seen.append(all_at_once(&program.target, scale.streams, spec).await?);
    }
    stop.store(true, Ordering::Relaxed);
    let exports = exporting.await??;
    let transit = SpreadPair {
        direct: direct_seen.transit.middle_and_tail(),
        proxied: proxied_seen.transit.middle_and_tail(),
    };
    let after = std::fs::metadata(program.data().join("mammouth.db"))?.len();
    program.stop().await?;
    Ok(LogImpact { transit, exports, before, after })
}

/// Exports in a loop until `stop` is set, each with the maximum number of records. Returns the number of
/// exports.
async fn export(target: Target, token: String, stop: Arc<AtomicBool>) -> Outcome<usize> {
    let mut wire = Wire::connect(target.address).await?;
    let request = target.post("/control/log.export", &token, r#"{"format":"jsonl"}"#);
    let mut exports = 0;
    while !stop.load(Ordering::Relaxed) {
        wire.write(&request).await?;
        let head = wire.head().await?.ok_or("no answer")?;
        if head.status() != 200 {
            return Err(format!("an export: {}", head.status()).into());
        }
        wire.body(head.rest).await?;
        exports += 1;
    }
    Ok(exports)
}
