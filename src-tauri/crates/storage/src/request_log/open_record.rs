//! The record of a request while the request runs. It belongs to that request alone, so it needs no lock, and it is
//! closed on every path because dropping it closes it.
use super::RequestLog;
use super::bodies::BodyCollector;
use super::error_code::RequestErrorCode;
use super::record::{Attempt, ErrorSource, RequestRecord};
use super::sanitize::{self, sanitize_text};
use super::time::Timestamps;
use std::borrow::Cow;
use std::fmt;

/// Upstream calls kept of one request. The retry loop makes at most 3; this only bounds a mistake.
const MAX_ATTEMPTS: usize = 8;

/// What is known when a request arrives.
#[derive(Debug, Clone)]
pub struct RecordStart {
    /// The `x-request-id` of the answer.
    pub request_id: String,
    /// Name of the client key.
    pub client: String,
    /// Name of the dialect.
    pub dialect: &'static str,
    /// Bytes of the body so far.
    pub bytes_in: u64,
    /// What the client says about itself and the request.
    pub origin: RequestOrigin,
}

/// What the headers of a request say about the program and the session that it comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestOrigin {
    /// The program by its `User-Agent`: the id of a known client.
    pub program: Option<&'static str>,
    /// The client's own id of the session or conversation.
    pub session: Option<String>,
    /// The type of the sub-agent, in the client's words.
    pub agent: Option<String>,
    /// The purpose of the request, in the client's words.
    pub request_class: Option<String>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestOutcome {
    /// HTTP status the client was given.
    pub status: u16,
    /// Our error code, if it failed.
    pub code: Option<RequestErrorCode>,
    /// Whose fault, if it failed.
    pub fault: Option<ErrorSource>,
    /// The answer began and was cut before its end.
    pub interrupted: bool,
}

/// Tells of one more upstream call, if there was one, when the record is closed.
struct DeferredAttempt(Box<dyn FnOnce() -> Option<Attempt> + Send>);

impl fmt::Debug for DeferredAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Later")
    }
}

/// An open record. After [`OpenRecord::close`] every call is without effect; dropped while open, it is closed as left by
/// the client (status 499, code `client_closed`), because a dropped request future is how a closed connection looks.
#[derive(Debug)]
pub struct OpenRecord {
    log: RequestLog,
    started_at: Timestamps,
    record: Option<Box<RequestRecord>>,
    deferred_attempt: Option<DeferredAttempt>,
    /// Only while bodies are kept.
    bodies: Option<Box<BodyCollector>>,
}

impl OpenRecord {
    pub(super) fn new(log: RequestLog, start: RecordStart) -> Self {
        let started_at = Timestamps::now();
        let bodies = log.keeps_bodies().then(Box::default);
        Self {
            log,
            started_at,
            record: Some(Box::new(new_record(start, started_at.unix_ms()))),
            deferred_attempt: None,
            bodies,
        }
    }

    /// The model the client named, and whether it wants a stream.
    pub fn set_requested_model(&mut self, model: &str, stream: bool) {
        self.update(|record| {
            record.model_asked = sanitize_text(model, sanitize::MAX_MODEL_CHARS);
            record.stream = stream;
        });
    }

    /// The model that answers.
    pub fn set_served_model(&mut self, model: &str) {
        self.update(|record| record.model_served = Some(sanitize_text(model, sanitize::MAX_MODEL_CHARS)));
    }

    /// One upstream call that is over (or has begun to answer). Beyond eight they are not kept.
    pub fn add_attempt(&mut self, attempt: Attempt) {
        self.update(|record| {
            let attempt = sanitize_attempt(&attempt);
            record.account = Some(attempt.account.clone());
            if record.attempts.len() < MAX_ATTEMPTS {
                record.attempts.push(attempt);
            }
        });
    }

    /// A call that the answer may make while it runs: it is asked for when the record is closed, on whatever path.
    pub fn defer_attempt(&mut self, attempt: impl FnOnce() -> Option<Attempt> + Send + 'static) {
        self.deferred_attempt = Some(DeferredAttempt(Box::new(attempt)));
    }

    /// The first byte of the answer left; only the first call counts.
    pub fn record_first_byte(&mut self) {
        let started_at = self.started_at;
        self.update(|record| {
            record.first_byte_ms.get_or_insert_with(|| started_at.elapsed_ms());
        });
    }

    /// So many more bytes of the answer's body left.
    pub fn add_bytes_out(&mut self, n: u64) {
        self.update(|record| record.bytes_out = record.bytes_out.saturating_add(n));
    }

    /// A piece of the answer's body left: its bytes are counted, and kept where bodies are.
    pub fn record_response_bytes(&mut self, bytes: &[u8]) {
        self.add_bytes_out(bytes.len() as u64);
        if let Some(collector) = &mut self.bodies {
            collector.push_response(bytes);
        }
    }

    /// The request's body, once it is read: its bytes are counted, and kept where bodies are.
    pub fn record_request_body(&mut self, bytes: &[u8]) {
        self.set_bytes_in(bytes.len() as u64);
        if let Some(collector) = &mut self.bodies {
            collector.push_request(bytes);
        }
    }

    /// US dollars at the catalogue's prices, and whether that is what is billed.
    pub fn set_cost(&mut self, usd: f64, billed: bool) {
        self.update(|record| {
            record.cost_usd = Some(usd).filter(|usd| usd.is_finite() && *usd >= 0.0);
            record.unbilled = !billed;
        });
    }

    /// What the client is told of the failure: a sentence, and the parameter at fault.
    pub fn set_error_message(&mut self, message: &str, param: Option<&str>) {
        self.update(|record| {
            record.message = Some(sanitize_text(message, sanitize::MAX_REASON_CHARS))
                .filter(|message| !message.is_empty());
            record.param = param.map(|param| sanitize_text(param, sanitize::MAX_NAME_CHARS));
        });
    }

    /// What else is worth knowing; the last call counts.
    pub fn set_note(&mut self, text: &str) {
        self.update(|record| record.note = Some(sanitize_text(text, sanitize::MAX_REASON_CHARS)));
    }

    /// Bytes of the request's body, once it is read.
    pub fn set_bytes_in(&mut self, n: u64) {
        self.update(|record| record.bytes_in = n);
    }

    /// Tokens used, and whether we counted them ourselves.
    pub fn set_tokens(&mut self, prompt: u64, completion: u64, estimated: bool) {
        self.update(|record| {
            record.prompt_tokens = Some(prompt);
            record.completion_tokens = Some(completion);
            record.tokens_estimated = estimated;
        });
    }

    /// Ends the record and hands it to the writer without waiting. The first call wins.
    pub fn close(&mut self, outcome: RequestOutcome) {
        if let Some(attempt) = self.deferred_attempt.take().and_then(|DeferredAttempt(attempt)| attempt()) {
            self.add_attempt(attempt);
        }
        let Some(mut record) = self.record.take() else { return };
        record.status = outcome.status;
        record.code = outcome.code.map(|code| Cow::Borrowed(code.name()));
        record.fault = outcome.fault;
        record.interrupted = outcome.interrupted;
        record.duration_ms = self.started_at.elapsed_ms();
        let bodies = self.bodies.take().map(|collector| Box::new(collector.finish()));
        self.log.enqueue(record, bodies);
    }

    fn update(&mut self, with: impl FnOnce(&mut RequestRecord)) {
        if let Some(record) = &mut self.record {
            with(record);
        }
    }
}

impl Drop for OpenRecord {
    fn drop(&mut self) {
        let has_begun = self.record.as_ref().is_some_and(|record| record.first_byte_ms.is_some());
        self.close(RequestOutcome {
            status: 499,
            code: Some(RequestErrorCode::ClientClosed),
            fault: Some(ErrorSource::Client),
            interrupted: has_begun,
        });
    }
}

fn sanitize_attempt(attempt: &Attempt) -> Attempt {
    Attempt {
        account: sanitize_text(&attempt.account, sanitize::MAX_NAME_CHARS),
        why: attempt.why.sanitized(),
        outcome: sanitize_text(&attempt.outcome, sanitize::MAX_NAME_CHARS),
        status: attempt.status,
        detail: attempt
            .detail
            .as_deref()
            .map(|detail| sanitize::sanitize_bytes(detail, sanitize::MAX_DETAIL_BYTES)),
        ms: attempt.ms,
    }
}

fn new_record(start: RecordStart, time_ms: u64) -> RequestRecord {
    let word = |text: Option<String>| text.map(|text| sanitize_text(&text, sanitize::MAX_NAME_CHARS));
    RequestRecord {
        id: 0,
        time_ms,
        request_id: sanitize_text(&start.request_id, sanitize::MAX_NAME_CHARS),
        client: sanitize_text(&start.client, sanitize::MAX_NAME_CHARS),
        program: start.origin.program.map(str::to_owned),
        session: word(start.origin.session),
        agent: word(start.origin.agent),
        request_class: word(start.origin.request_class),
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
