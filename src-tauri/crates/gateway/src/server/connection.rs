//! Serves one connection.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1::{self, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, Sleep};
use tower_service::Service;

use super::connection_state::{ConnectionPermit, ConnectionState};
use super::lifecycle::DrainSignals;
use super::socket::MonitoredSocket;
use super::tracked_body::ConnectionService;
use super::{ConnectionLimits, ResponseBody};

/// The limit of an incomplete request head, and of buffered bytes that wait to be sent; bytes each.
const MAX_BUFFER_BYTES: usize = 64 << 10;

/// End of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionEnd {
    /// End by the protocol: one side closed, or a request failed to parse.
    Done,
    /// End by a time limit, by eviction, or in the idle state at the end of a drain.
    Dropped,
    /// End in the middle of a response, because the grace period was over.
    Cut,
}

/// Serves requests until the connection ends. Returns whether a response was cut off.
pub(super) async fn serve<S, B, T>(
    socket: T,
    service: ConnectionService<S>,
    limits: &ConnectionLimits,
    signals: &DrainSignals,
    permit: ConnectionPermit,
) -> bool
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: ResponseBody,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let state = &permit.state;
    let io = TokioIo::new(MonitoredSocket::new(socket, Arc::clone(state)));
    // hyper has a single limit for reading a head and for being idle. We have separate limits, so hyper's is off.
    let mut builder = http1::Builder::new();
    builder.header_read_timeout(None).max_buf_size(MAX_BUFFER_BYTES);
    let mut connection = builder.serve_connection(io, service);
    let end = drive(&mut connection, state, limits, signals).await;
    if end == ConnectionEnd::Done {
        let mut socket = connection.into_parts().io.into_inner();
        linger(&mut socket, state, limits, signals).await;
    }
    end == ConnectionEnd::Cut
}

async fn drive<I, S, B>(
    connection: &mut Connection<I, S>,
    state: &ConnectionState,
    limits: &ConnectionLimits,
    signals: &DrainSignals,
) -> ConnectionEnd
where
    Connection<I, S>: Future<Output = hyper::Result<()>> + Unpin,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut timer = DeadlineTimer::new(state, limits);
    let mut shutting_down = false;
    loop {
        tokio::select! {
            // The connection is polled first: the other branches depend on the state that it leaves.
            biased;
            _ = &mut *connection => return ConnectionEnd::Done,
            // Until a shutdown is requested only this token is polled, since each token adds cost to every chunk of a
            // stream.
            () = state.shutdown_requested.cancelled(), if !shutting_down => {
                if state.evicted.is_cancelled() {
                    return ConnectionEnd::Dropped;
                }
                shutting_down = true;
                Pin::new(&mut *connection).graceful_shutdown();
            }
            () = poll_fn(|cx| timer.poll_expired(cx)) => return ConnectionEnd::Dropped,
            () = state.evicted.cancelled(), if shutting_down => return ConnectionEnd::Dropped,
            () = signals.cut.cancelled(), if shutting_down => {
                return if state.is_busy() { ConnectionEnd::Cut } else { ConnectionEnd::Dropped };
            }
        }
    }
}

/// Waits until the peer has read the last response (lingering close). If a socket is closed while bytes still arrive,
/// such as the rest of a rejected body, the system resets the connection and the peer loses unread data.
async fn linger<T: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut T,
    state: &ConnectionState,
    limits: &ConnectionLimits,
    signals: &DrainSignals,
) {
    // hyper does not shut down the socket after an error.
    let _ = socket.shutdown().await;
    let mut rest = vec![0; 4096];
    let until_end = async { while socket.read(&mut rest).await.is_ok_and(|n| n > 0) {} };
    tokio::select! {
        () = until_end => {}
        () = tokio::time::sleep(limits.linger_timeout) => {}
        () = state.evicted.cancelled() => {}
        () = signals.draining.cancelled() => {}
    }
}

/// One timer for all time limits of a connection. It is reset only when it fires or when a limit is nearer, so that
/// requests in quick succession cause no timer operations.
struct DeadlineTimer<'a> {
    state: &'a ConnectionState,
    limits: &'a ConnectionLimits,
    sleep: Pin<Box<Sleep>>,
}

impl<'a> DeadlineTimer<'a> {
    fn new(state: &'a ConnectionState, limits: &'a ConnectionLimits) -> Self {
        Self { state, limits, sleep: Box::pin(tokio::time::sleep(limits.idle_timeout)) }
    }

    fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.state.deadline(self.limits) else { return Poll::Pending };
        if deadline < self.sleep.deadline() {
            self.sleep.as_mut().reset(deadline);
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}
