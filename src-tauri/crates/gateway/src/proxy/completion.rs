//! Completion requests of all dialects, from the request body to the response.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use warp::reply::Response;

use super::attempts;
use super::encoded_body::EncodedBody;
use super::error::ProxyError;
use super::model_routing;
use super::partial_request::PartialRequest;
use super::passthrough::PassthroughBody;
use super::request_context::{ActiveReply, RequestContext, missing_end_error};
use super::response::{
    ACCOUNT_HEADER, ATTEMPTS_HEADER, IGNORED_HEADER, MODEL_HEADER, bytes_response, header_value,
    json_response,
};
use super::response_store::{PendingResponse, StoredTurn};
use super::retry::{self, StartedReply};
use super::{CallerInfo, ProxyInner};
use dialects::{Decoded, Dialect, Encode, ReplyMeta};
use protocol::{CompleteReply, Message, Part, Request, Role};
use storage::unix_seconds;
use upstreams::api_key::CompleteResponse;
use upstreams::{
    BoxEventStream, Capability, FollowUpCall, MAX_INLINE_WORK_BYTES, ResolvedModel, UpstreamError,
    UpstreamErrorKind,
};

/// Handles a completion request of a dialect. `content_length` is the length that the request head announces.
pub(super) async fn handle_completion<S, B>(
    proxy: Arc<ProxyInner>,
    dialect: &'static dyn Dialect,
    caller: CallerInfo,
    content_length: Option<u64>,
    stream: S,
) -> Response
where
    S: Stream<Item = Result<B, warp::Error>> + Send + 'static,
    B: Buf,
{
    let context = RequestContext::begin(proxy, caller, dialect.name());
    let mut request = CompletionRequest { context, dialect };
    match request.read(content_length, stream).await {
        Ok(decoded) => request.respond(decoded).await,
        Err(problem) => request.context.fail(&problem, 0),
    }
}

struct CompletionRequest {
    context: RequestContext,
    dialect: &'static dyn Dialect,
}

impl CompletionRequest {
    async fn read<S, B>(&mut self, content_length: Option<u64>, stream: S) -> Result<Decoded, ProxyError>
    where
        S: Stream<Item = Result<B, warp::Error>>,
        B: Buf,
    {
        let body = self.context.proxy.read_body(content_length, stream).await?;
        self.context.entry.record_request_body(&body);
        let (dialect, large) = (self.dialect, body.len() > MAX_INLINE_WORK_BYTES);
        let reply = ReplyMeta {
            id: self.context.caller.request_id.to_string(),
            created: unix_seconds(SystemTime::now()),
        };
        let decode =
            move || dialect.decode(&body, reply).map_err(|invalid| (invalid, PartialRequest::parse(&body)));
        let decoded = if large {
            tokio::task::spawn_blocking(decode).await.map_err(|_| ProxyError::Internal)?
        } else {
            decode()
        };
        decoded.map_err(|(invalid, named)| {
            named.record(&mut self.context.entry);
            ProxyError::Invalid(invalid)
        })
    }

    async fn respond(mut self, decoded: Decoded) -> Response {
        let load_only = decoded.load_only;
        let mut prepared = match self.prepare(decoded).await {
            Ok(prepared) => prepared,
            Err(problem) => return self.context.fail(&problem, 0),
        };
        if load_only {
            return load_response(self.context, prepared.encoder);
        }
        let client = &self.context.caller.client;
        let previous_turn = prepared.previous_turn.take();
        let state = prepared.encoder.responses_state();
        let pending = PendingResponse::new(client, &prepared.request, state.as_deref(), previous_turn);
        let PreparedRequest { ref request, ref model, conversation, .. } = prepared;
        let proxy = Arc::clone(&self.context.proxy);
        match retry::start_reply(&proxy, request, model, conversation, &mut self.context.entry).await {
            Ok(started) => self.deliver(prepared, started, pending).await,
            Err((problem, attempts)) => self.context.fail(&problem, attempts),
        }
    }

    /// Completes a decoded request: checks the key's limits, adds the stored conversation and resolves the model.
    async fn prepare(&mut self, decoded: Decoded) -> Result<PreparedRequest, ProxyError> {
        let Decoded { mut request, ignored, mut api_only_params, load_only: _, mut encoder } = decoded;
        let (proxy, caller) = (&self.context.proxy, &self.context.caller);
        self.context.entry.set_requested_model(&request.model, request.stream);
        let name_len = model_routing::without_claude_code_suffix(&request.model).len();
        if name_len < request.model.len() {
            request.model.truncate(name_len);
            // The client's fields name the model with the suffix.
            request.raw_fields = None;
        }
        if let Some(problem) = proxy.key_limit_error(&caller.client, &request.model) {
            return Err(problem);
        }
        let previous_turn = match encoder.responses_state() {
            Some(state) => proxy.responses.resume(&caller.client, &mut request, state, Instant::now())?,
            None => None,
        };
        let model_name = request.model.clone();
        // The first catalog of this run may still be loading.
        proxy.parts.models.catalog().wait_for_first().await;
        let model = model_routing::resolve_model(&proxy.parts.models, &mut request);
        if request.model != model_name {
            api_only_params.push(model_routing::EFFORT_IN_MODEL_NAME);
        }
        let conversation = conversation_hash(&caller.client, caller.origin.session.as_deref(), &request);
        Ok(PreparedRequest {
            request: Arc::new(request),
            model,
            conversation,
            previous_turn,
            ignored,
            api_only_params,
            encoder,
        })
    }

    /// The response of a reply whose first event has arrived.
    async fn deliver(
        self,
        prepared: PreparedRequest,
        started: StartedReply,
        pending: Option<PendingResponse>,
    ) -> Response {
        let Self { mut context, dialect } = self;
        let PreparedRequest { request, model, ignored, api_only_params, encoder, .. } = prepared;
        let streamed = request.stream;
        drop(request);
        let name =
            started.response.served_model().unwrap_or_else(|| model.id_at(started.lease.account.upstream));
        context.entry.set_served_model(name);
        context.entry.record_first_byte();
        let response_headers =
            ResponseHeaders::new(&started, name, &ignored_params_for(&started, ignored, api_only_params));
        let StartedReply { response: answer, lease, attempts } = started;
        let follow_up = answer.follow_up();
        context.entry.defer_attempt(attempts::follow_up_attempt(&lease, &follow_up));
        let proxy = Arc::clone(&context.proxy);
        let model = model.at(lease.account.upstream).and_then(|model| model.info.clone());
        let active_reply = ActiveReply { context, lease, model, encoder, follow_up: follow_up.clone() };
        let mut response = match answer {
            upstreams::UpstreamResponse::Events(reply) if streamed => {
                proxy.metrics.record_response(200);
                streaming_response(dialect, EncodedBody::new(reply.events, active_reply, pending))
            }
            upstreams::UpstreamResponse::Events(reply) => {
                complete_response(reply.events, active_reply, pending, attempts).await
            }
            upstreams::UpstreamResponse::Passthrough(relay) => {
                proxy.metrics.record_response(200);
                streaming_response(dialect, PassthroughBody::new(relay, active_reply))
            }
            upstreams::UpstreamResponse::Complete(whole) => passthrough_response(&whole, active_reply),
        };
        response_headers.insert_into(&mut response, &follow_up);
        response
    }
}

/// A request that is ready to be sent upstream, and what its response needs.
struct PreparedRequest {
    request: Arc<Request>,
    model: ResolvedModel,
    conversation: u64,
    /// The end of the stored conversation that the request continues.
    previous_turn: Option<Arc<StoredTurn>>,
    ignored: Vec<String>,
    api_only_params: Vec<&'static str>,
    encoder: Box<dyn Encode>,
}

/// The response to an Ollama request without a prompt, with which clients load a model. There is nothing to load.
fn load_response(context: RequestContext, mut encoder: Box<dyn Encode>) -> Response {
    let body = encoder.encode_complete(&CompleteReply::default());
    context.finish();
    json_response(200, body)
}

fn passthrough_response(complete: &CompleteResponse, mut reply: ActiveReply) -> Response {
    reply.complete(complete.observed.usage);
    reply.record_sent(&complete.body);
    reply.context.finish();
    bytes_response(200, "application/json", complete.body.clone())
}

async fn complete_response(
    events: BoxEventStream,
    mut reply: ActiveReply,
    pending: Option<PendingResponse>,
    attempts: usize,
) -> Response {
    let first_event_after = reply.context.started_at.elapsed();
    let collected = tokio::select! {
        collected = collect_reply(events) => collected,
        () = reply.context.caller.closing.cancelled() => {
            return reply.context.fail(&ProxyError::Stopping, attempts);
        }
    };
    let attempts = total_calls(attempts, &reply.follow_up);
    let complete = match collected {
        Ok(answer) => answer,
        Err(failure) => {
            reply.record_failure(&failure);
            return reply.context.fail(&ProxyError::Upstream(failure), attempts);
        }
    };
    reply.complete(Some(complete.usage));
    reply.encoder.set_timings(first_event_after, reply.context.started_at.elapsed());
    let body = reply.encoder.encode_complete(&complete);
    reply.store_response(pending);
    reply.record_sent(body.as_bytes());
    reply.context.finish();
    json_response(200, body)
}

fn streaming_response<S>(dialect: &dyn Dialect, stream: S) -> Response
where
    S: Stream<Item = Result<Bytes, std::convert::Infallible>> + Send + 'static,
{
    let body = warp::reply::stream(sync_wrapper::SyncStream::new(stream));
    let mut response = warp::Reply::into_response(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(dialect.stream_type()));
    response
}

/// Request parameters that were ignored. Empty for passthrough replies; an API upstream ignores fewer.
fn ignored_params_for(
    started: &StartedReply,
    ignored_params: Vec<String>,
    api_only_params: Vec<&'static str>,
) -> Vec<String> {
    let steering = api_only_params.into_iter().map(str::to_owned);
    match (&started.response, started.lease.account.upstream.can(Capability::ApiParams)) {
        (upstreams::UpstreamResponse::Passthrough(_) | upstreams::UpstreamResponse::Complete(_), _) => {
            Vec::new()
        }
        (upstreams::UpstreamResponse::Events(_), true) => ignored_params,
        (upstreams::UpstreamResponse::Events(_), false) => {
            ignored_params.into_iter().chain(steering).collect()
        }
    }
}

/// The largest reply that is collected for a client that does not stream, bytes.
const MAX_COMPLETE_REPLY_BYTES: usize = 64 * 1024 * 1024;

async fn collect_reply(mut events: BoxEventStream) -> Result<CompleteReply, UpstreamError> {
    let mut complete = CompleteReply::default();
    while let Some(event) = events.next().await {
        if complete.push(event?) {
            return Ok(complete);
        }
        if complete.bytes() > MAX_COMPLETE_REPLY_BYTES {
            let detail = "the reply is larger than 64 MB; ask for a stream";
            return Err(UpstreamError::new(UpstreamErrorKind::BadResponse, detail));
        }
    }
    Err(missing_end_error())
}

/// The proxy's own response headers of a reply.
struct ResponseHeaders {
    account: HeaderValue,
    attempts: usize,
    model: HeaderValue,
    ignored: Option<HeaderValue>,
}

impl ResponseHeaders {
    fn new(started: &StartedReply, model: &str, ignored: &[String]) -> Self {
        Self {
            account: header_value(&started.lease.account.label),
            attempts: started.attempts,
            model: header_value(model),
            ignored: (!ignored.is_empty()).then(|| HeaderValue::from_str(&ignored.join(", ")).ok()).flatten(),
        }
    }

    /// Adds the response headers. Call it after the first event: the attempt count is known only then.
    fn insert_into(self, response: &mut Response, follow_up: &FollowUpCall) {
        let headers = response.headers_mut();
        headers.insert(ACCOUNT_HEADER, self.account);
        headers.insert(ATTEMPTS_HEADER, HeaderValue::from(total_calls(self.attempts, follow_up)));
        headers.insert(MODEL_HEADER, self.model);
        if let Some(ignored) = self.ignored {
            headers.insert(IGNORED_HEADER, ignored);
        }
    }
}

/// The number of upstream calls so far, including the follow-up call.
fn total_calls(attempts: usize, follow_up: &FollowUpCall) -> usize {
    attempts + usize::from(follow_up.status().is_some())
}

/// The prefix of a text that is hashed, bytes. Hashing all of a very long text would delay other requests.
const MAX_HASHED_TEXT_BYTES: usize = 64 * 1024;

/// A hash that identifies a conversation by the client's session id; else by its beginning, which later requests repeat.
fn conversation_hash(client: &str, session: Option<&str>, request: &Request) -> u64 {
    let mut hash = DefaultHasher::new();
    client.hash(&mut hash);
    if session.is_some() {
        session.hash(&mut hash);
        return hash.finish();
    }
    let first_user = request.messages.iter().position(|message| message.role == Role::User);
    let opening = &request.messages[..first_user.map_or(0, |index| index + 1)];
    for Message { role, parts } in opening {
        (*role == Role::User).hash(&mut hash);
        for part in parts {
            hash_part(part, &mut hash);
        }
    }
    hash.finish()
}

fn hash_part(part: &Part, hash: &mut DefaultHasher) {
    match part {
        Part::Text(text) | Part::Reasoning(text) => {
            text.len().hash(hash);
            text.as_bytes()[..text.len().min(MAX_HASHED_TEXT_BYTES)].hash(hash);
        }
        Part::Image(image) => image.bytes().len().hash(hash),
        Part::ImageLink(link) => link.url.as_str().hash(hash),
        Part::File(file) => file.data.len().hash(hash),
        Part::Call(call) => call.arguments.hash(hash),
        Part::Result(result) => result.parts.iter().for_each(|part| hash_part(part, hash)),
    }
}
