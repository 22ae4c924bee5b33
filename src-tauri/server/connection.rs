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

use super::Limits;
use super::answer::Announced;
use super::line::{Admission, Line};
use super::listening::Stage;
use super::socket::Watched;

/// For one head that is not complete, and for what waits to be sent.
const BUFFER: usize = 64 << 10;

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
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
    announced: Announced<S>,
    limits: &Limits,
    stage: &Stage,
    place: Admission,
) -> bool
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let line = &place.line;
    let io = TokioIo::new(Watched::new(socket, Arc::clone(line)));
    // hyper has one time limit for a head and for being idle; the line has one for each, so hyper's is off.
    let mut builder = http1::Builder::new();
    builder.header_read_timeout(None).max_buf_size(BUFFER);
    let mut connection = builder.serve_connection(io, announced);
    let end = run(&mut connection, line, limits, stage).await;
    if end == End::Done {
        let mut socket = connection.into_parts().io.into_inner();
        farewell(&mut socket, line, limits, stage).await;
    }
    end == End::Cut
}

async fn run<I, S, B>(connection: &mut Connection<I, S>, line: &Line, limits: &Limits, stage: &Stage) -> End
where
    Connection<I, S>: Future<Output = hyper::Result<()>> + Unpin,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut clock = Clock::new(line, limits);
    let mut told_to_end = false;
    loop {
        tokio::select! {
            // The connection comes first: the other questions are about the state it is in after that.
            biased;
            _ = &mut *connection => return End::Done,
            // Most of the time only this token is asked: each costs something with every piece of a stream.
            () = line.called_off.cancelled(), if !told_to_end => {
                if line.pushed_out.is_cancelled() {
                    return End::Dropped;
                }
                told_to_end = true;
                Pin::new(&mut *connection).graceful_shutdown();
            }
            () = poll_fn(|cx| clock.poll_overdue(cx)) => return End::Dropped,
            () = line.pushed_out.cancelled(), if told_to_end => return End::Dropped,
            () = stage.cut.cancelled(), if told_to_end => {
                return if line.is_busy() { End::Cut } else { End::Dropped };
            }
        }
    }
}

/// Lets the peer read the last answer. Closing a socket on which bytes still arrive, such as the rest of a body that
/// was refused, makes the system tell the peer to forget what it has not read.
async fn farewell<T: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut T,
    line: &Line,
    limits: &Limits,
    stage: &Stage,
) {
    // After an error hyper leaves this to us.
    let _ = socket.shutdown().await;
    let mut rest = vec![0; 4096];
    let until_end = async { while socket.read(&mut rest).await.is_ok_and(|n| n > 0) {} };
    tokio::select! {
        () = until_end => {}
        () = tokio::time::sleep(limits.farewell) => {}
        () = line.pushed_out.cancelled() => {}
        () = stage.draining.cancelled() => {}
    }
}

/// One timer for all limits of a line. It is set anew only when it rings or when a limit is nearer than it, so that
/// requests in quick succession do not touch it.
struct Clock<'a> {
    line: &'a Line,
    limits: &'a Limits,
    sleep: Pin<Box<Sleep>>,
}

impl<'a> Clock<'a> {
    fn new(line: &'a Line, limits: &'a Limits) -> Self {
        Self { line, limits, sleep: Box::pin(tokio::time::sleep(limits.idle_timeout)) }
    }

    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.line.deadline(self.limits) else { return Poll::Pending };
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
