//! Reader of response bodies with limits: time to the first byte, time between chunks, size.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::poll_fn;
use http::response::Parts;
use http_body::Body as _;
use reqwest::Body;
use tokio::time::{Instant, Sleep, sleep_until};

use super::content_type::is_compressed;
use super::error;
use crate::{UpstreamError, UpstreamErrorKind};

/// Largest part of an error body that is read, bytes.
const MAX_ERROR_BODY_BYTES: usize = 64 * 1024;
const ERROR_BODY_READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the body of an error response, up to the limits of bytes and time. `None` for a compressed body.
pub(crate) async fn read_error_body(head: &Parts, body: Body, first_byte: Instant) -> Option<Vec<u8>> {
    if is_compressed(&head.headers) {
        return None;
    }
    let reader = BodyReader::new(body, first_byte, ERROR_BODY_READ_TIMEOUT, u64::MAX);
    Some(reader.collect_partial(MAX_ERROR_BODY_BYTES, ERROR_BODY_READ_TIMEOUT).await)
}

/// Error of an incomplete body.
#[derive(Debug)]
pub(crate) enum BodyReadError {
    /// A timeout.
    Stalled,
    TooLarge,
    /// Invalid HTTP.
    Malformed,
    /// The connection ended.
    Disconnected,
}

impl BodyReadError {
    /// The upstream error, if no part of the response was passed on.
    pub(crate) fn before_output(&self) -> UpstreamError {
        match self {
            Self::Stalled => UpstreamError::new(
                UpstreamErrorKind::Timeout,
                "the answer stopped coming before its first text",
            ),
            Self::TooLarge => UpstreamError::new(UpstreamErrorKind::BadResponse, self.description()),
            Self::Malformed => UpstreamError::new(UpstreamErrorKind::BadResponse, self.description()),
            Self::Disconnected => UpstreamError::new(
                UpstreamErrorKind::Unreachable,
                "the connection broke before the first text came",
            ),
        }
    }

    /// The upstream error, if a part of the response was passed on.
    pub(crate) fn after_output(&self) -> UpstreamError {
        UpstreamError::new(UpstreamErrorKind::Interrupted, self.description())
    }

    fn description(&self) -> &'static str {
        match self {
            Self::Stalled => "the answer stalled",
            Self::TooLarge => "the answer is larger than the limit",
            Self::Malformed => "the answer is not valid HTTP",
            Self::Disconnected => "the connection broke in the middle of the answer",
        }
    }
}

/// Reader of a body.
pub(crate) struct BodyReader {
    body: Body,
    idle_timer: IdleTimer,
    remaining: u64,
}

impl BodyReader {
    /// Creates a reader. The first byte must arrive by `first_byte`, each further chunk within `idle`; `cap` is in bytes.
    pub(crate) fn new(body: Body, first_byte: Instant, idle: Duration, cap: u64) -> Self {
        Self { body, idle_timer: IdleTimer::new(first_byte, idle), remaining: cap }
    }

    /// The next chunk, never empty; `None` at the end.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyReadError>> {
        loop {
            let frame = match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending => {
                    ready!(self.idle_timer.poll(cx));
                    return Poll::Ready(Err(BodyReadError::Stalled));
                }
                Poll::Ready(None) => return Poll::Ready(Ok(None)),
                Poll::Ready(Some(Err(error))) if error::is_broken_http(&error) => {
                    return Poll::Ready(Err(BodyReadError::Malformed));
                }
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(BodyReadError::Disconnected)),
                Poll::Ready(Some(Ok(frame))) => frame,
            };
            if let Some(data) = frame.into_data().ok().filter(|data| !data.is_empty()) {
                return Poll::Ready(self.record_chunk(data).map(Some));
            }
        }
    }

    /// Reads the whole body, up to `cap` bytes.
    pub(crate) async fn collect(mut self, cap: usize) -> Result<Bytes, BodyReadError> {
        // Most responses arrive in one chunk, which is not copied.
        let (mut only, mut whole) = (Bytes::new(), Vec::new());
        while let Some(chunk) = poll_fn(|cx| self.poll_chunk(cx)).await? {
            if only.len() + whole.len() + chunk.len() > cap {
                return Err(BodyReadError::TooLarge);
            }
            if only.is_empty() && whole.is_empty() {
                only = chunk;
            } else {
                whole.extend_from_slice(&std::mem::take(&mut only));
                whole.extend_from_slice(&chunk);
            }
        }
        Ok(if whole.is_empty() { only } else { whole.into() })
    }

    /// Reads what arrives within `time`, up to `cap` bytes; for error bodies, which only serve as explanation.
    pub(crate) async fn collect_partial(mut self, cap: usize, time: Duration) -> Vec<u8> {
        let mut some = Vec::new();
        let reading = async {
            while let Ok(Some(chunk)) = poll_fn(|cx| self.poll_chunk(cx)).await {
                some.extend_from_slice(&chunk);
                if some.len() >= cap {
                    break;
                }
            }
        };
        // After the timeout or the end of the body, the bytes read so far are used.
        let _ = tokio::time::timeout(time, reading).await;
        some.truncate(cap);
        some
    }

    fn record_chunk(&mut self, data: Bytes) -> Result<Bytes, BodyReadError> {
        self.idle_timer.stop();
        self.remaining = self.remaining.checked_sub(data.len() as u64).ok_or(BodyReadError::TooLarge)?;
        Ok(data)
    }
}

/// Timer that runs only while a read is pending, because a slow client is not a stall of the upstream.
struct IdleTimer {
    idle: Duration,
    deadline: Option<Instant>,
    sleep: Pin<Box<Sleep>>,
}

impl IdleTimer {
    fn new(first_byte: Instant, idle: Duration) -> Self {
        Self { idle, deadline: Some(first_byte), sleep: Box::pin(sleep_until(first_byte)) }
    }

    fn stop(&mut self) {
        self.deadline = None;
    }

    /// Ready after the timeout. The timer is reset only when it fires too early, not for every chunk.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + self.idle);
        if deadline < self.sleep.deadline() {
            self.sleep.as_mut().reset(deadline);
        }
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt, stream};

    use super::*;

    const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

    fn pieces(pieces: &[&'static str], then_hang: bool) -> Body {
        let said = stream::iter(pieces.to_vec())
            .map(|piece| Ok::<_, Infallible>(Bytes::from_static(piece.as_bytes())));
        if then_hang { Body::wrap_stream(said.chain(stream::pending())) } else { Body::wrap_stream(said) }
    }

    fn reader(body: Body) -> BodyReader {
        BodyReader::new(body, Instant::now() + Duration::from_secs(60), IDLE_TIMEOUT, 100)
    }

    #[tokio::test(start_paused = true)]
    async fn f16_no_first_byte_is_noticed_after_its_own_time() {
        let start = Instant::now();
        let mut source = reader(pieces(&[], true));
        assert!(matches!(poll_fn(|cx| source.poll_chunk(cx)).await, Err(BodyReadError::Stalled)));
        assert_eq!(start.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn f17_a_stall_is_noticed_after_the_idle_time() {
        let start = Instant::now();
        let mut source = reader(pieces(&["a"], true));
        assert_eq!(poll_fn(|cx| source.poll_chunk(cx)).await.unwrap().unwrap(), "a");
        assert!(matches!(poll_fn(|cx| source.poll_chunk(cx)).await, Err(BodyReadError::Stalled)));
        assert_eq!(start.elapsed(), IDLE_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn f57_a_slow_reader_is_not_taken_for_a_stall() {
        let mut source = reader(pieces(&["a"], true));
        poll_fn(|cx| source.poll_chunk(cx)).await.unwrap();
        tokio::time::advance(IDLE_TIMEOUT * 3).await;
        let start = Instant::now();
        assert!(matches!(poll_fn(|cx| source.poll_chunk(cx)).await, Err(BodyReadError::Stalled)));
        assert_eq!(start.elapsed(), IDLE_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn r05_sizes_are_capped() {
        let long: &'static str = Box::leak("x".repeat(80).into_boxed_str());
        assert!(matches!(
            reader(pieces(&[long, long], false)).collect(1000).await,
            Err(BodyReadError::TooLarge)
        ));
        assert!(matches!(reader(pieces(&[long], false)).collect(79).await, Err(BodyReadError::TooLarge)));
        assert_eq!(reader(pieces(&[long], false)).collect(80).await.unwrap().len(), 80);
    }

    #[tokio::test(start_paused = true)]
    async fn r07_of_a_refusal_only_so_much_is_read_and_awaited() {
        let source = reader(pieces(&["abc", "def"], true));
        assert_eq!(source.collect_partial(100, Duration::from_secs(5)).await, b"abcdef");
    }
}
