//! Samples of the program's resources: memory, files, threads, connections, requests in progress.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Outcome;
use crate::load::Load;
use crate::machine;
use crate::program::Program;

/// Maximum number of connections kept open on either side, including the sampler's.
pub(crate) const MAX_KEPT_FILES: usize = 16;
/// Maximum number of additional threads: the blocking pool starts and ends threads itself.
pub(crate) const MAX_KEPT_THREADS: usize = 8;
/// Time limit of the wait, longer than the lifetime of an idle connection or thread.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Resources held at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResourceSample {
    pub(crate) at: Instant,
    /// Resident memory, KB.
    pub(crate) memory: u64,
    pub(crate) files: usize,
    pub(crate) threads: usize,
    /// Requests in progress, by the accounts' own count.
    pub(crate) running: u64,
    /// Size of the request log, bytes.
    pub(crate) log: u64,
}

impl ResourceSample {
    pub(crate) fn take(program: &Program) -> Outcome<Self> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", program.pid))?.count();
        let log = std::fs::metadata(program.data().join("mammouth.db")).map_or(0, |file| file.len());
        Ok(Self {
            at: Instant::now(),
            memory: machine::resident(program.pid)?,
            files: machine::files(program.pid)?,
            threads,
            running: 0,
            log,
        })
    }

    pub(crate) fn is_back_to(&self, base: &Self) -> bool {
        self.files <= base.files + MAX_KEPT_FILES
            && self.threads <= base.threads + MAX_KEPT_THREADS
            && self.running == 0
    }
}

/// Waits until all resources are released or [`SETTLE_TIMEOUT`] is over. Returns the last sample.
pub(crate) async fn wait_until_settled(
    program: &Program,
    load: &Load,
    base: &ResourceSample,
) -> Outcome<ResourceSample> {
    let until = Instant::now() + SETTLE_TIMEOUT;
    loop {
        let accounts = load.control("accounts.list", "{}").await?;
        let running =
            accounts.as_array().into_iter().flatten().filter_map(|account| account["running"].as_u64());
        let watched = ResourceSample { running: running.sum(), ..ResourceSample::take(program)? };
        if watched.is_back_to(base) || Instant::now() > until {
            return Ok(watched);
        }
        sleep(Duration::from_millis(100)).await;
    }
}
