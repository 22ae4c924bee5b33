//! Streams beside a long request log that is cut back and exported all the while.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Outcome;
use crate::mock::Mock;
use crate::profile::Scale;
use crate::program::{Program, Target};
use crate::streams::{Pair, Seen, all_at_once};
use crate::tokens::Wish;
use crate::wire::Wire;

/// What streams have shown meanwhile.
#[derive(Debug)]
pub(crate) struct Beside {
    /// Time of a chunk from the mock's write to the client's read.
    pub(crate) transit: Pair,
    /// Exports that came whole.
    pub(crate) exports: usize,
    /// The log's file at the start and at the end, bytes.
    pub(crate) before: u64,
    pub(crate) after: u64,
}

/// `log` is a filled request log. Half of it has to go.
pub(crate) async fn measure(mock: &Mock, log: &Path, scale: &Scale) -> Outcome<Beside> {
    let before = std::fs::metadata(log)?.len();
    let program = Program::start_on(mock.address, log, before / 2).await?;
    let over = Arc::new(AtomicBool::new(false));
    let exporting = tokio::spawn(export(program.target.clone(), program.control_token()?, Arc::clone(&over)));
    let direct = Target::direct(mock.address);
    let wish = Wish { chunks: scale.chunks, gap: scale.gap, stamped: false };
    let (mut past, mut through) = (Seen::default(), Seen::default());
    for _ in 0..scale.rounds {
        past.append(all_at_once(&direct, scale.streams, wish).await?);
        through.append(all_at_once(&program.target, scale.streams, wish).await?);
    }
    over.store(true, Ordering::Relaxed);
    let exports = exporting.await??;
    let transit = Pair { direct: past.transit.middle_and_tail(), proxied: through.transit.middle_and_tail() };
    let after = std::fs::metadata(program.data().join("mammouth.db"))?.len();
    program.stop().await?;
    Ok(Beside { transit, exports, before, after })
}

/// Exports all that one export may hold, again and again.
async fn export(target: Target, token: String, over: Arc<AtomicBool>) -> Outcome<usize> {
    let mut wire = Wire::connect(target.address).await?;
    let request = target.post("/control/log.export", &token, r#"{"format":"jsonl"}"#);
    let mut exports = 0;
    while !over.load(Ordering::Relaxed) {
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
