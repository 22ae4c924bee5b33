//! What the program holds: memory, files, threads, connections, places in accounts.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Outcome;
use crate::load::Load;
use crate::machine;
use crate::program::Program;

/// Connections that may be kept for later on either side, the watching one included.
pub(crate) const MAX_KEPT_FILES: usize = 16;
/// Threads of the pool for waiting work come and go by themselves.
pub(crate) const MAX_KEPT_THREADS: usize = 8;
/// Longer than any idle connection or thread lives.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(60);

/// What is held at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResourceSample {
    pub(crate) at: Instant,
    /// KB.
    pub(crate) memory: u64,
    pub(crate) files: usize,
    pub(crate) threads: usize,
    /// Requests that some account is said to be serving.
    pub(crate) running: u64,
    /// The request log, bytes.
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

/// What is held once everything is given back, or when that has been waited for in vain.
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
