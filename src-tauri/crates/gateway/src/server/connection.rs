//! One connection from its first byte to its last.

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

use super::ConnectionLimits;
use super::connection_state::{ConnectionPermit, ConnectionState};
use super::lifecycle::DrainSignals;
use super::socket::MonitoredSocket;
use super::tracked_body::ConnectionService;

/// For one head that is not complete, and for what waits to be sent.
const MAX_BUFFER_BYTES: usize = 64 << 10;

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionEnd {
    /// By the protocol: a side closed, or an error was answered.
    Done,
    /// By a time limit, or to make room.
    Dropped,
    /// In the middle of an answer, because the grace was over.
    Cut,
}

/// Serves requests until the connection ends. Returns whether an answer was cut off.
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
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let state = &permit.state;
    let io = TokioIo::new(MonitoredSocket::new(socket, Arc::clone(state)));
    // hyper has one time limit for a head and for being idle; ours has one for each, so hyper's is off.
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
            // The connection comes first: the other questions are about the state it is in after that.
            biased;
            _ = &mut *connection => return ConnectionEnd::Done,
            // Most of the time only this token is asked: each costs something with every piece of a stream.
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

/// Lets the peer read the last answer. Closing a socket on which bytes still arrive, such as the rest of a body that
/// was refused, makes the system tell the peer to forget what it has not read.
async fn linger<T: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut T,
    state: &ConnectionState,
    limits: &ConnectionLimits,
    signals: &DrainSignals,
) {
    // After an error hyper leaves this to us.
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

/// One timer for all limits of a connection. It is reset only when it fires or when a limit is nearer than it, so that
/// requests in quick succession do not touch it.
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
