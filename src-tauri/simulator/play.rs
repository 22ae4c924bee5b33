//! Sends a body piece by piece, at the pace and with the faults that are wanted.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};

use super::answer::Answer;
use super::chunks::Chunks;
use super::fault::{Break, Fault};
use super::shared::{Shared, Ticket};
use super::wire::Socket;

/// Makes hyper drop the connection as it stands.
#[derive(Debug, thiserror::Error)]
#[error("the simulator breaks the connection off")]
pub(super) struct Abort;

pub(super) type Body = UnsyncBoxBody<Bytes, Abort>;

/// An answer without ticket or faults.
pub(super) fn plain(answer: Answer) -> Response<Body> {
    let whole = Full::new(answer.chunks.concat()).map_err(|never| match never {});
    let mut response = Response::new(whole.boxed_unsync());
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

/// Where an answer goes and what is to happen to it.
pub(super) struct Stage {
    pub(super) shared: Arc<Shared>,
    pub(super) socket: Arc<Socket>,
    pub(super) ticket: Ticket,
    pub(super) fault: Fault,
}

impl Stage {
    /// The answer as hyper takes it. The ticket is complete when the last piece is handed over.
    pub(super) fn play(mut self, answer: Answer) -> Response<Body> {
        self.ticket.answered(answer.status.as_u16());
        let announced = self.announced(&answer);
        // hyper never asks for a body that has no bytes by its head.
        let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&answer.status);
        if bodiless || announced == Some(0) {
            self.ticket.complete();
        }
        let play = Play { stage: self, chunks: answer.chunks, announced, sent: 0, sent_bytes: 0 };
        let pieces = stream::unfold(Some(play), |play| async { play?.step().await });
        let mut response = Response::new(StreamBody::new(pieces).boxed_unsync());
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        if let Some(length) = announced.filter(|_| !bodiless) {
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }

    /// The length that the head names, if it names one.
    fn announced(&self, answer: &Answer) -> Option<u64> {
        let total = answer.chunks.total();
        match self.fault.missing_bytes {
            Some(missing) => Some(total.saturating_add(missing)),
            None => answer.length_known.then_some(total),
        }
    }
}

struct Play {
    stage: Stage,
    chunks: Chunks,
    announced: Option<u64>,
    sent: usize,
    sent_bytes: u64,
}

type Step = Option<(Result<Frame<Bytes>, Abort>, Option<Play>)>;

impl Play {
    async fn step(mut self) -> Step {
        if let (0, Some(wait)) = (self.sent, self.stage.fault.delay_before_body) {
            wait.pass().await;
        }
        // hyper writes what it has when the body makes it wait; a break must come after those bytes.
        tokio::task::yield_now().await;
        if let Some(kind) = self.stage.fault.break_at(self.sent) {
            return self.break_off(kind).await;
        }
        let Some(chunk) = self.chunks.next() else {
            self.stage.ticket.complete();
            return None;
        };
        self.keep_pace().await;
        self.count(chunk.len() as u64);
        Some((Ok(Frame::data(chunk)), Some(self)))
    }

    async fn break_off(mut self, kind: Break) -> Step {
        match kind {
            Break::Stall => std::future::pending().await,
            Break::Eof => {
                self.stage.ticket.complete();
                return None;
            }
            Break::Reset => self.stage.socket.reset_on_close(),
            Break::Cut => {}
        }
        self.stage.ticket.complete();
        Some((Err(Abort), None))
    }

    async fn keep_pace(&self) {
        let delay = self.stage.shared.word_delay;
        if self.sent > 0 && !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if self.stage.fault.gate {
            self.stage.shared.pass_gate().await;
        }
    }

    /// Counts a piece. The last one completes the call before the client can see it, so that a client which has the
    /// whole answer finds the call ended.
    fn count(&mut self, bytes: u64) {
        self.sent += 1;
        self.sent_bytes += bytes;
        self.stage.ticket.sent(bytes);
        let last = match self.announced {
            Some(length) => length == self.sent_bytes,
            None => self.chunks.total() == 0 && self.stage.fault.break_at(self.sent).is_none(),
        };
        if last {
            self.stage.ticket.complete();
        }
    }
}
