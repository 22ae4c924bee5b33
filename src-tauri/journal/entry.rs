//! The record of a request while the request runs. It belongs to that request alone, so it needs no lock, and it is
//! closed on every path because dropping it closes it.
use super::Journal;
use super::bodies::Collected;
use super::record::{Attempt, CLIENT_CLOSED, Fault, Record};
use super::text::{self, clean};
use super::time::Moment;
use std::borrow::Cow;
use std::fmt;

/// Upstream calls kept of one request. The retry loop makes at most 3; this only bounds a mistake.
const ATTEMPTS: usize = 8;

/// What is known when a request arrives.
#[derive(Debug, Clone)]
pub struct Start {
    /// The `x-request-id` of the answer.
    pub request_id: String,
    /// Name of the client key.
    pub client: String,
    /// Name of the dialect.
    pub dialect: &'static str,
    /// Bytes of the body so far.
    pub bytes_in: u64,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// HTTP status the client was given.
    pub status: u16,
    /// Our error code, if it failed.
    pub code: Option<&'static str>,
    /// Whose fault, if it failed.
    pub fault: Option<Fault>,
    /// The answer began and was cut before its end.
    pub interrupted: bool,
}

/// Tells of one more upstream call, if there was one, when the record is closed.
struct Later(Box<dyn FnOnce() -> Option<Attempt> + Send>);

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Later")
    }
}

/// An open record. After [`Entry::close`] every call is without effect; dropped while open, it is closed as left by
/// the client (status 499, code `client_closed`), because a dropped request future is how a closed connection looks.
#[derive(Debug)]
pub struct Entry {
    journal: Journal,
    began: Moment,
    open: Option<Box<Record>>,
    later: Option<Later>,
    /// Only while bodies are kept.
    bodies: Option<Box<Collected>>,
}

impl Entry {
    pub(super) fn new(journal: Journal, start: Start) -> Self {
        let began = Moment::now();
        let bodies = journal.keeps_bodies().then(Box::default);
        Self { journal, began, open: Some(Box::new(blank(start, began.unix_ms()))), later: None, bodies }
    }

    /// The model the client named, and whether it wants a stream.
    pub fn asked(&mut self, model: &str, stream: bool) {
        self.change(|record| {
            record.model_asked = clean(model, text::MODEL);
            record.stream = stream;
        });
    }

    /// The model that answers.
    pub fn served(&mut self, model: &str) {
        self.change(|record| record.model_served = Some(clean(model, text::MODEL)));
    }

    /// One upstream call that is over (or has begun to answer). Beyond eight they are not kept.
    pub fn attempt(&mut self, attempt: Attempt) {
        self.change(|record| {
            let attempt = cleaned(&attempt);
            record.account = Some(attempt.account.clone());
            if record.attempts.len() < ATTEMPTS {
                record.attempts.push(attempt);
            }
        });
    }

    /// A call that the answer may make while it runs: it is asked for when the record is closed, on whatever path.
    pub fn attempt_later(&mut self, attempt: impl FnOnce() -> Option<Attempt> + Send + 'static) {
        self.later = Some(Later(Box::new(attempt)));
    }

    /// The first byte of the answer left; only the first call counts.
    pub fn first_byte(&mut self) {
        let began = self.began;
        self.change(|record| {
            record.first_byte_ms.get_or_insert_with(|| began.elapsed_ms());
        });
    }

    /// So many more bytes of the answer's body left.
    pub fn add_bytes_out(&mut self, n: u64) {
        self.change(|record| record.bytes_out = record.bytes_out.saturating_add(n));
    }

    /// A piece of the answer's body left: its bytes are counted, and kept where bodies are.
    pub fn sent(&mut self, bytes: &[u8]) {
        self.add_bytes_out(bytes.len() as u64);
        if let Some(kept) = &mut self.bodies {
            kept.response(bytes);
        }
    }

    /// The request's body, once it is read: its bytes are counted, and kept where bodies are.
    pub fn received(&mut self, bytes: &[u8]) {
        self.bytes_in(bytes.len() as u64);
        if let Some(kept) = &mut self.bodies {
            kept.request(bytes);
        }
    }

    /// US dollars at the catalogue's prices, and whether that is what is billed.
    pub fn cost(&mut self, usd: f64, billed: bool) {
        self.change(|record| {
            record.cost_usd = Some(usd).filter(|usd| usd.is_finite() && *usd >= 0.0);
            record.unbilled = !billed;
        });
    }

    /// What the client is told of the failure: a sentence, and the parameter at fault.
    pub fn told(&mut self, message: &str, param: Option<&str>) {
        self.change(|record| {
            record.message = Some(clean(message, text::WHY)).filter(|message| !message.is_empty());
            record.param = param.map(|param| clean(param, text::NAME));
        });
    }

    /// What else is worth knowing; the last call counts.
    pub fn note(&mut self, text: &str) {
        self.change(|record| record.note = Some(clean(text, text::WHY)));
    }

    /// Bytes of the request's body, once it is read.
    pub fn bytes_in(&mut self, n: u64) {
        self.change(|record| record.bytes_in = n);
    }

    /// Tokens used, and whether we counted them ourselves.
    pub fn tokens(&mut self, prompt: u64, completion: u64, estimated: bool) {
        self.change(|record| {
            record.prompt_tokens = Some(prompt);
            record.completion_tokens = Some(completion);
            record.tokens_estimated = estimated;
        });
    }

    /// Ends the record and hands it to the writer without waiting. The first call wins.
    pub fn close(&mut self, outcome: Outcome) {
        if let Some(attempt) = self.later.take().and_then(|Later(attempt)| attempt()) {
            self.attempt(attempt);
        }
        let Some(mut record) = self.open.take() else { return };
        record.status = outcome.status;
        record.code = outcome.code.map(Cow::Borrowed);
        record.fault = outcome.fault;
        record.interrupted = outcome.interrupted;
        record.duration_ms = self.began.elapsed_ms();
        let bodies = self.bodies.take().map(|kept| Box::new(kept.finish()));
        self.journal.enqueue(record, bodies);
    }

    fn change(&mut self, with: impl FnOnce(&mut Record)) {
        if let Some(record) = &mut self.open {
            with(record);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let begun = self.open.as_ref().is_some_and(|record| record.first_byte_ms.is_some());
        self.close(Outcome {
            status: 499,
            code: Some(CLIENT_CLOSED),
            fault: Some(Fault::Client),
            interrupted: begun,
        });
    }
}

fn cleaned(attempt: &Attempt) -> Attempt {
    Attempt {
        account: clean(&attempt.account, text::NAME),
        why: attempt.why.cleaned(),
        outcome: clean(&attempt.outcome, text::NAME),
        status: attempt.status,
        detail: attempt.detail.as_deref().map(|detail| text::clean_bytes(detail, text::DETAIL_BYTES)),
        ms: attempt.ms,
    }
}

fn blank(start: Start, time_ms: u64) -> Record {
    Record {
        id: 0,
        time_ms,
        request_id: clean(&start.request_id, text::NAME),
        client: clean(&start.client, text::NAME),
        dialect: Cow::Borrowed(start.dialect),
        model_asked: String::new(),
        model_served: None,
        account: None,
        attempts: Vec::new(),
        status: 0,
        code: None,
        fault: None,
        bytes_in: start.bytes_in,
        bytes_out: 0,
        prompt_tokens: None,
        completion_tokens: None,
        tokens_estimated: false,
        cost_usd: None,
        unbilled: false,
        message: None,
        param: None,
        note: None,
        first_byte_ms: None,
        duration_ms: 0,
        stream: false,
        interrupted: false,
    }
}
