//! Reading a request's body: counted as it comes, so that a wrong or missing length is no way around the cap.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

/// All bodies together, bytes. More than this waiting in memory means the machine is not keeping up.
const ALL_BODIES: usize = 256 * 1024 * 1024;
/// Where the program may use only so much memory, bodies have this part of it: each is there up to four times while it
/// is read, translated and sent on, and the rest of the program needs room as well. Memory that is not there ends the
/// whole program.
const PART_OF_MEMORY: u64 = 12;
/// A body must begin within this time, and keep up [`SLOWEST`] from then on.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes a second.
const SLOWEST: u32 = 32 * 1024;

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the request body is larger than the limit")]
    TooLarge,
    #[error("the request body came too slowly")]
    TooSlow,
    #[error("the request body broke off")]
    Broken,
    #[error("too many large requests are being read at this moment")]
    Overloaded,
}

/// The memory that bodies may take together.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    used: Arc<AtomicUsize>,
    most: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { used: Arc::default(), most: most(memory_limit()) }
    }
}

fn most(memory: Option<u64>) -> usize {
    let part = memory.and_then(|memory| usize::try_from(memory / PART_OF_MEMORY).ok());
    part.map_or(ALL_BODIES, |part| part.min(ALL_BODIES))
}

/// How much memory the program may use: what a container or whoever started it has set.
fn memory_limit() -> Option<u64> {
    #[cfg(unix)]
    let by_starter = rustix::process::getrlimit(rustix::process::Resource::As).current;
    #[cfg(not(unix))]
    let by_starter = None;
    let container = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let by_container = container.and_then(|text| text.trim().parse().ok());
    by_starter.into_iter().chain(by_container).min()
}

/// A body and its share of the budget, which ends with it.
#[derive(Debug)]
pub(super) struct Body {
    bytes: BytesMut,
    held: usize,
    budget: Budget,
}

impl Drop for Body {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.held, Ordering::Relaxed);
    }
}

impl std::ops::Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Body {
    /// The bytes as a cheap handle. The share of the budget ends with the last handle.
    pub(super) fn shared(self) -> Bytes {
        Bytes::from_owner(self)
    }

    fn push(&mut self, chunk: &Bytes) -> Result<(), BodyError> {
        let used = self.budget.used.fetch_add(chunk.len(), Ordering::Relaxed);
        self.held += chunk.len();
        if used + chunk.len() > self.budget.most {
            return Err(BodyError::Overloaded);
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }
}

/// Reads a body of at most `limit` bytes. One that `announced` a greater length is not read at all.
///
/// # Errors
/// [`BodyError`]; the connection cannot be used on after one.
pub(super) async fn read<S, B, E>(
    stream: S,
    announced: Option<u64>,
    limit: usize,
    budget: &Budget,
) -> Result<Body, BodyError>
where
    S: Stream<Item = Result<B, E>>,
    B: Buf,
{
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(BodyError::TooLarge);
    }
    let mut stream = std::pin::pin!(stream);
    let mut body = Body { bytes: BytesMut::new(), held: 0, budget: budget.clone() };
    let began = Instant::now();
    loop {
        let earned = Duration::from_secs(1) * u32::try_from(body.held).unwrap_or(u32::MAX) / SLOWEST;
        let next =
            timeout_at(began + PATIENCE + earned, stream.next()).await.map_err(|_| BodyError::TooSlow)?;
        let Some(chunk) = next else { return Ok(body) };
        let mut chunk = chunk.map_err(|_| BodyError::Broken)?;
        if body.held + chunk.remaining() > limit {
            return Err(BodyError::TooLarge);
        }
        body.push(&chunk.copy_to_bytes(chunk.remaining()))?;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn chunks(sizes: &[usize]) -> impl Stream<Item = Result<Bytes, ()>> + use<> {
        stream::iter(sizes.iter().map(|size| Ok(Bytes::from(vec![b'x'; *size]))).collect::<Vec<_>>())
    }

    #[tokio::test]
    async fn p02_the_cap_counts_what_comes() {
        let budget = Budget::default();
        assert_eq!(read(chunks(&[4, 6]), None, 10, &budget).await.unwrap().len(), 10);
        assert_eq!(read(chunks(&[4, 7]), None, 10, &budget).await.unwrap_err(), BodyError::TooLarge);
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn p01_an_announced_length_above_the_cap_is_refused_unread() {
        let endless = stream::pending::<Result<Bytes, ()>>();
        assert_eq!(read(endless, Some(11), 10, &Budget::default()).await.unwrap_err(), BodyError::TooLarge);
    }

    #[tokio::test(start_paused = true)]
    async fn p10_a_body_that_stops_or_drips_is_given_up_within_half_a_minute() {
        let began = Instant::now();
        let stalled = chunks(&[100]).chain(stream::pending());
        assert_eq!(read(stalled, None, 1_000, &Budget::default()).await.unwrap_err(), BodyError::TooSlow);
        let dripping = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, ()>(Bytes::from_static(b"x")), ()))
        });
        assert_eq!(read(dripping, None, 1_000, &Budget::default()).await.unwrap_err(), BodyError::TooSlow);
        assert!(began.elapsed() < Duration::from_secs(60));
    }

    #[tokio::test]
    async fn f39_all_bodies_together_are_bounded() {
        let budget = Budget::default();
        budget.used.store(ALL_BODIES - 5, Ordering::Relaxed);
        assert_eq!(read(chunks(&[6]), None, 1_000, &budget).await.unwrap_err(), BodyError::Overloaded);
        assert_eq!(budget.used.load(Ordering::Relaxed), ALL_BODIES - 5);
    }
}
