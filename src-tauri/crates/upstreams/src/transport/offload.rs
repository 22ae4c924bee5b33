//! Moves slow work to blocking threads.

use tokio::task::spawn_blocking;

/// Largest input that is processed on the async runtime, bytes. Larger input is processed on a blocking thread, so that
/// it does not delay other requests; below it, moving the work would take as long as the work.
pub const MAX_INLINE_WORK_BYTES: usize = 256 * 1024;

/// Runs work on this many bytes: inline up to about a millisecond, else on a blocking thread. Panics propagate.
pub(crate) async fn offload_if_large<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    if bytes <= MAX_INLINE_WORK_BYTES {
        return work();
    }
    offload(work).await
}

/// Runs work on a blocking thread. Panics propagate.
pub(crate) async fn offload<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
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

    async fn thread_for(bytes: usize) -> ThreadId {
        offload_if_large(bytes, || current().id()).await
    }

    #[tokio::test]
    async fn f39_large_work_runs_on_a_blocking_thread() {
        assert_eq!(thread_for(MAX_INLINE_WORK_BYTES).await, current().id());
        assert_ne!(thread_for(MAX_INLINE_WORK_BYTES + 1).await, current().id());
    }

    #[tokio::test]
    #[should_panic(expected = "a mistake")]
    async fn f36_a_panic_reaches_the_caller() {
        offload_if_large(MAX_INLINE_WORK_BYTES + 1, || panic!("a mistake")).await
    }
}
