//! Reads request bodies. Received bytes are counted, so that a wrong or missing content length does not bypass the
//! limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::ProxyInner;
use super::error::ProxyError;

/// The most memory of all request bodies together, bytes.
const MAX_TOTAL_BYTES: usize = 256 * 1024 * 1024;
/// The divisor of the program's memory limit, if it has one, which gives the share for bodies. A body exists up to four
/// times while it is read, translated and sent, and the rest of the program needs memory too. Exceeding the limit would
/// end the program.
const MEMORY_LIMIT_DIVISOR: u64 = 12;
/// The time within which a body must begin. From then on it must keep up [`MIN_BYTES_PER_SECOND`].
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(20);
/// The received bytes after which the announced length is reserved at once. Growing by doubling copies, and the
/// outgrown buffers stay with the allocator for a while.
const RESERVE_AFTER_BYTES: usize = 1024 * 1024;
/// The part of the announced length that is reserved in addition, as a divisor: a translated body, which is a little
/// longer, then finds room in the memory that the request's body gave back. What is not written to takes no memory.
const RESERVE_SLACK_DIVISOR: usize = 16;
/// The lowest accepted upload rate, bytes per second.
const MIN_BYTES_PER_SECOND: u32 = 32 * 1024;

/// Reason why a body was not read completely.
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

/// The memory limit of all request bodies together.
#[derive(Debug, Clone)]
pub(super) struct BodyMemoryLimit {
    used_bytes: Arc<AtomicUsize>,
    max_bytes: usize,
}

impl Default for BodyMemoryLimit {
    fn default() -> Self {
        Self { used_bytes: Arc::default(), max_bytes: max_total_bytes(memory_limit()) }
    }
}

fn max_total_bytes(memory: Option<u64>) -> usize {
    let part = memory.and_then(|memory| usize::try_from(memory / MEMORY_LIMIT_DIVISOR).ok());
    part.map_or(MAX_TOTAL_BYTES, |part| part.min(MAX_TOTAL_BYTES))
}

/// The memory limit of the program, bytes: the lower of the resource limit and the cgroup limit.
fn memory_limit() -> Option<u64> {
    #[cfg(unix)]
    let by_rlimit = rustix::process::getrlimit(rustix::process::Resource::As).current;
    #[cfg(not(unix))]
    let by_rlimit = None;
    let cgroup = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let by_cgroup = cgroup.and_then(|text| text.trim().parse().ok());
    by_rlimit.into_iter().chain(by_cgroup).min()
}

/// A body and its share of the memory limit, which is released on drop.
#[derive(Debug)]
struct Body {
    bytes: BytesMut,
    /// The length that the request head announces; 0 if it announces none.
    announced_bytes: usize,
    counted_bytes: usize,
    limit: BodyMemoryLimit,
}

impl Drop for Body {
    fn drop(&mut self) {
        self.limit.used_bytes.fetch_sub(self.counted_bytes, Ordering::Relaxed);
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
    /// The bytes as a cheap handle. The share of the memory limit is released with the last handle.
    fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }

    fn push(&mut self, chunk: &Bytes) -> Result<(), BodyError> {
        self.count_up_to(self.bytes.len() + chunk.len())?;
        if self.bytes.len() >= RESERVE_AFTER_BYTES && self.bytes.capacity() < self.announced_bytes {
            self.reserve_announced();
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// Takes the share of the memory limit for this length.
    fn count_up_to(&mut self, length: usize) -> Result<(), BodyError> {
        let more = length.saturating_sub(self.counted_bytes);
        let used = self.limit.used_bytes.fetch_add(more, Ordering::Relaxed);
        self.counted_bytes += more;
        if used + more > self.limit.max_bytes { Err(BodyError::Overloaded) } else { Ok(()) }
    }

    /// Reserves the announced length if the memory limit has room for it. Reserved memory counts, because the address
    /// space of the program may be limited.
    fn reserve_announced(&mut self) {
        let counted_before = self.counted_bytes;
        if self.count_up_to(self.announced_bytes).is_ok() {
            let slack = self.announced_bytes / RESERVE_SLACK_DIVISOR;
            self.bytes.reserve(self.announced_bytes + slack - self.bytes.len());
        } else {
            self.limit.used_bytes.fetch_sub(self.counted_bytes - counted_before, Ordering::Relaxed);
            self.counted_bytes = counted_before;
        }
    }
}

/// Reads a body of at most `max_bytes`. A body whose `content_length` is larger is not read at all.
///
/// # Errors
/// [`BodyError`]. The connection must then be closed.
async fn read<S, B, E>(
    stream: S,
    content_length: Option<u64>,
    max_bytes: usize,
    memory: &BodyMemoryLimit,
) -> Result<Body, BodyError>
where
    S: Stream<Item = Result<B, E>>,
    B: Buf,
{
    if content_length.is_some_and(|length| length > max_bytes as u64) {
        return Err(BodyError::TooLarge);
    }
    let mut stream = std::pin::pin!(stream);
    let announced_bytes = content_length.and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    let mut body = Body { bytes: BytesMut::new(), announced_bytes, counted_bytes: 0, limit: memory.clone() };
    let began = Instant::now();
    loop {
        let allowance = Duration::from_secs(1) * u32::try_from(body.bytes.len()).unwrap_or(u32::MAX)
            / MIN_BYTES_PER_SECOND;
        let next = timeout_at(began + BODY_READ_TIMEOUT + allowance, stream.next())
            .await
            .map_err(|_| BodyError::TooSlow)?;
        let Some(chunk) = next else { return Ok(body) };
        let mut chunk = chunk.map_err(|_| BodyError::Broken)?;
        if body.bytes.len() + chunk.remaining() > max_bytes {
            return Err(BodyError::TooLarge);
        }
        body.push(&chunk.copy_to_bytes(chunk.remaining()))?;
    }
}

impl ProxyInner {
    /// Reads a request body within the limits of all bodies.
    ///
    /// # Errors
    /// [`ProxyError::Body`].
    pub(super) async fn read_body<S, B>(
        &self,
        content_length: Option<u64>,
        stream: S,
    ) -> Result<Bytes, ProxyError>
    where
        S: Stream<Item = Result<B, warp::Error>>,
        B: Buf,
    {
        let body = read(stream, content_length, self.parts.body_limit, &self.body_memory).await;
        body.map(Body::into_bytes).map_err(ProxyError::Body)
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
    async fn p02_the_limit_counts_received_bytes() {
        let budget = BodyMemoryLimit::default();
        assert_eq!(read(chunks(&[4, 6]), None, 10, &budget).await.unwrap().len(), 10);
        assert_eq!(read(chunks(&[4, 7]), None, 10, &budget).await.unwrap_err(), BodyError::TooLarge);
        assert_eq!(budget.used_bytes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn p01_a_content_length_above_the_limit_is_refused_unread() {
        let endless = stream::pending::<Result<Bytes, ()>>();
        assert_eq!(
            read(endless, Some(11), 10, &BodyMemoryLimit::default()).await.unwrap_err(),
            BodyError::TooLarge
        );
    }

    #[tokio::test(start_paused = true)]
    async fn p10_a_stalled_or_slow_body_times_out() {
        let began = Instant::now();
        let stalled = chunks(&[100]).chain(stream::pending());
        assert_eq!(
            read(stalled, None, 1_000, &BodyMemoryLimit::default()).await.unwrap_err(),
            BodyError::TooSlow
        );
        let dripping = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, ()>(Bytes::from_static(b"x")), ()))
        });
        assert_eq!(
            read(dripping, None, 1_000, &BodyMemoryLimit::default()).await.unwrap_err(),
            BodyError::TooSlow
        );
        assert!(began.elapsed() < Duration::from_secs(60));
    }

    #[tokio::test]
    async fn a_large_body_grows_in_one_step_to_its_announced_length() {
        const MIB: usize = 1024 * 1024;
        let sizes = [MIB, MIB / 2, 2 * MIB];
        let length = sizes.iter().sum::<usize>();
        let body = read(chunks(&sizes), Some(length as u64), length, &BodyMemoryLimit::default()).await;
        assert_eq!(body.unwrap().bytes.capacity(), length + length / RESERVE_SLACK_DIVISOR);
    }

    #[tokio::test]
    async fn f39_no_length_is_reserved_for_which_the_limit_has_no_room() {
        const MIB: usize = 1024 * 1024;
        let budget = BodyMemoryLimit { max_bytes: 4 * MIB, ..BodyMemoryLimit::default() };
        let body = read(chunks(&[MIB, MIB]), Some(16 * MIB as u64), 16 * MIB, &budget).await.unwrap();
        assert!(body.bytes.capacity() < 16 * MIB);
        assert_eq!(budget.used_bytes.load(Ordering::Relaxed), 2 * MIB);
        drop(body);
        assert_eq!(budget.used_bytes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn f39_the_memory_of_all_bodies_is_limited() {
        let budget = BodyMemoryLimit::default();
        budget.used_bytes.store(MAX_TOTAL_BYTES - 5, Ordering::Relaxed);
        assert_eq!(read(chunks(&[6]), None, 1_000, &budget).await.unwrap_err(), BodyError::Overloaded);
        assert_eq!(budget.used_bytes.load(Ordering::Relaxed), MAX_TOTAL_BYTES - 5);
    }
}
