//! Releases unused memory, so that an idle program needs little.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use protocol::allocator;
use protocol::unload_idle_tokenizer;

/// Interval between checks. Memory that was not used between two checks is released.
const RECLAIM_INTERVAL: Duration = Duration::from_secs(3 * 60);

/// Checks until `stop`.
pub(super) async fn run(stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RECLAIM_INTERVAL) => {}
        }
        let unloading = tokio::task::spawn_blocking(unload_idle_tokenizer);
        // A check that is cancelled at the end of the program needs no result.
        if unloading.await.is_ok_and(|unloaded| unloaded) {
            // This thread forwarded the replies, and its allocator caches hold what they used.
            allocator::release_unused();
        }
    }
}
