//! Gives memory back that nobody has had a use for in a while: an idle program should weigh little.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use protocol::allocator;
use protocol::unload_idle_tokenizer;

/// How often it is looked at; what was not used between two looks is given back.
const RECLAIM_INTERVAL: Duration = Duration::from_secs(3 * 60);

/// Looks until `stop`.
pub(super) async fn run(stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RECLAIM_INTERVAL) => {}
        }
        let unloading = tokio::task::spawn_blocking(unload_idle_tokenizer);
        // A look that was cancelled by the program's end is missed by nobody.
        if unloading.await.is_ok_and(|unloaded| unloaded) {
            // This thread passed the replies on, and keeps what they took.
            allocator::release_unused();
        }
    }
}
