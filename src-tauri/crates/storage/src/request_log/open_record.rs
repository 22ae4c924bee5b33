//! Record of a running request. It belongs to that request alone, so it needs no lock. Dropping it closes it,
//! so it is closed on every path.
use super::RequestLog;
use super::bodies::BodyCollector;
use super::error_code::RequestErrorCode;
use super::record::{Attempt, ErrorSource, RequestRecord};
use super::sanitize::{self, sanitize_text};
use super::time::Timestamps;
use std::borrow::Cow;
use std::fmt;

/// Maximum number of upstream calls stored for a request. The retry loop makes at most 3; the limit only
/// bounds a mistake.
const MAX_ATTEMPTS: usize = 8;

/// Facts known when a request arrives.
#[derive(Debug, Clone)]
pub struct RecordStart {
    /// `x-request-id` of the response.
    pub request_id: String,
    /// Name of the client key.
    pub client: String,
    /// Name of the dialect.
    pub dialect: &'static str,
    /// Bytes of the body so far.
    pub bytes_in: u64,
    /// Program and session that the request comes from.
    pub origin: RequestOrigin,
}

/// Program and session that a request comes from, according to its headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestOrigin {
    /// Id of the known client that the `User-Agent` names.
    pub program: Option<&'static str>,
    /// Client's own id of the session or conversation.
    pub session: Option<String>,
    /// Type of the sub-agent, as the client names it.
    pub agent: Option<String>,
    /// Purpose of the request, as the client names it.
    pub request_class: Option<String>,
}

/// Outcome of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestOutcome {
    /// HTTP status of the response.
    pub status: u16,
    /// Error code, if the request failed.
    pub code: Option<RequestErrorCode>,
    /// Party that caused the failure, if the request failed.
    pub fault: Option<ErrorSource>,
    /// Whether the response began and was cut before its end.
    pub interrupted: bool,
}

/// Upstream call that may be made later; evaluated when the record is closed.
struct DeferredAttempt(Box<dyn FnOnce() -> Option<Attempt> + Send>);

impl fmt::Debug for DeferredAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Later")
    }
}

/// An open record. After [`OpenRecord::close`], no call has an effect. A record that is dropped while open is
/// closed as cancelled by the client (status 499, code `client_closed`), because a closed connection drops
/// the request's future.
#[derive(Debug)]
pub struct OpenRecord {
    log: RequestLog,
    started_at: Timestamps,
    record: Option<Box<RequestRecord>>,
    deferred_attempt: Option<DeferredAttempt>,
    /// Collected bodies; only while bodies are stored.
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

    /// Sets the model that the client named, and whether it requested a stream.
    pub fn set_requested_model(&mut self, model: &str, stream: bool) {
        self.update(|record| {
            record.model_asked = sanitize_text(model, sanitize::MAX_MODEL_CHARS);
            record.stream = stream;
        });
    }

    /// Sets the model that answers.
    pub fn set_served_model(&mut self, model: &str) {
        self.update(|record| record.model_served = Some(sanitize_text(model, sanitize::MAX_MODEL_CHARS)));
    }

    /// Adds an upstream call that is over or has begun to answer. At most eight are stored.
    pub fn add_attempt(&mut self, attempt: Attempt) {
        self.update(|record| {
            let attempt = sanitize_attempt(attempt);
            record.account = Some(attempt.account.clone());
            if record.attempts.len() < MAX_ATTEMPTS {
                record.attempts.push(attempt);
            }
        });
    }

    /// Adds a call that the reply may make while it runs. `attempt` is called when the record is closed, on
    /// every path.
    pub fn defer_attempt(&mut self, attempt: impl FnOnce() -> Option<Attempt> + Send + 'static) {
        self.deferred_attempt = Some(DeferredAttempt(Box::new(attempt)));
    }

    /// Records the time at which the first byte of the response is sent; only the first call counts.
    pub fn record_first_byte(&mut self) {
        let started_at = self.started_at;
        self.update(|record| {
            record.first_byte_ms.get_or_insert_with(|| started_at.elapsed_ms());
        });
    }

    /// Adds bytes of the response body that were sent.
    pub fn add_bytes_out(&mut self, n: u64) {
        self.update(|record| record.bytes_out = record.bytes_out.saturating_add(n));
    }

    /// Records a part of the response body: counts its bytes, and stores them while bodies are stored.
    pub fn record_response_bytes(&mut self, bytes: &[u8]) {
        self.add_bytes_out(bytes.len() as u64);
        if let Some(collector) = &mut self.bodies {
            collector.push_response(bytes);
        }
    }

    /// Records the whole request body: counts its bytes, and stores them while bodies are stored.
    pub fn record_request_body(&mut self, bytes: &[u8]) {
        self.set_bytes_in(bytes.len() as u64);
        if let Some(collector) = &mut self.bodies {
            collector.push_request(bytes);
        }
    }

    /// Sets the cost at the catalog's prices, US dollars, and whether it is billed.
    pub fn set_cost(&mut self, usd: f64, billed: bool) {
        self.update(|record| {
            record.cost_usd = Some(usd).filter(|usd| usd.is_finite() && *usd >= 0.0);
            record.unbilled = !billed;
        });
    }

    /// Sets the error message for the client: a sentence, and the parameter at fault.
    pub fn set_error_message(&mut self, message: &str, param: Option<&str>) {
        self.update(|record| {
            record.message = Some(sanitize_text(message, sanitize::MAX_REASON_CHARS))
                .filter(|message| !message.is_empty());
            record.param = param.map(|param| sanitize_text(param, sanitize::MAX_NAME_CHARS));
        });
    }

    /// Sets a note; the last call counts.
    pub fn set_note(&mut self, text: &str) {
        self.update(|record| record.note = Some(sanitize_text(text, sanitize::MAX_REASON_CHARS)));
    }

    /// Sets the bytes of the request body, once it is read.
    pub fn set_bytes_in(&mut self, n: u64) {
        self.update(|record| record.bytes_in = n);
    }

    /// Sets the tokens used, and whether the proxy counted them.
    pub fn set_tokens(&mut self, prompt: u64, completion: u64, estimated: bool) {
        self.update(|record| {
            record.prompt_tokens = Some(prompt);
            record.completion_tokens = Some(completion);
            record.tokens_estimated = estimated;
        });
    }

    /// Closes the record and passes it to the writer without waiting. Only the first call counts.
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

fn sanitize_attempt(attempt: Attempt) -> Attempt {
    Attempt {
        account: sanitize_text(attempt.account, sanitize::MAX_NAME_CHARS),
        why: attempt.why.sanitized(),
        outcome: sanitize_text(attempt.outcome, sanitize::MAX_NAME_CHARS),
        status: attempt.status,
        detail: attempt
            .detail
            .as_deref()
            .map(|detail| sanitize::sanitize_bytes(detail, sanitize::MAX_DETAIL_BYTES)),
        ms: attempt.ms,
    }
}

fn new_record(start: RecordStart, time_ms: u64) -> RequestRecord {
    let word = |text: Option<String>| text.map(|text| sanitize_text(text, sanitize::MAX_NAME_CHARS));
    RequestRecord {
        id: 0,
        time_ms,
        request_id: sanitize_text(start.request_id, sanitize::MAX_NAME_CHARS),
        client: sanitize_text(start.client, sanitize::MAX_NAME_CHARS),
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
