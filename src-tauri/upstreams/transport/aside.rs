//! Work that would hold up everybody else, done on a thread of its own.

use tokio::task::spawn_blocking;

/// Up to this size, bytes, work is done where it stands: moving it would take as long.
const QUICK: usize = 256 * 1024;

/// Does work on so many bytes: a millisecond's worth here, more on a thread for blocking work. A panic passes through.
pub(in crate::upstreams) async fn aside<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    if bytes <= QUICK {
        return work();
    }
    offloaded(work).await
}

/// Does work on a thread for blocking work. A panic passes through.
pub(in crate::upstreams) async fn offloaded<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    match spawn_blocking(work).await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // Only the end of the program cancels it.
        Err(Err(_)) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::thread::{ThreadId, current};

    use super::*;

    async fn place(bytes: usize) -> ThreadId {
        aside(bytes, || current().id()).await
    }

    #[tokio::test]
    async fn f39_large_work_leaves_the_thread_that_serves_others() {
        assert_eq!(place(QUICK).await, current().id());
        assert_ne!(place(QUICK + 1).await, current().id());
    }

    #[tokio::test]
    #[should_panic(expected = "a mistake")]
    async fn f36_a_panic_is_its_callers_own() {
        aside(QUICK + 1, || panic!("a mistake")).await
    }
}
