//! One question to a model, from its body to its answer.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use warp::reply::Response;

use super::answer::{ACCOUNT, ATTEMPTS, Answer, IGNORED, MODEL, header};
use super::exchange::{Exchange, Serving, without_end};
use super::local;
use super::models::{self, id};
use super::named::Named;
use super::problem::Problem;
use super::relay::RelayStream;
use super::retry::{self, Served};
use super::stream::ReplyStream;
use super::threads::Pending;
use super::{Caller, Inner};
use crate::accounts::AccountKind;
use crate::chat::{CompleteReply, Message, Part, Request, Role};
use crate::dialects::{Decoded, Dialect, ReplyContext};
use crate::upstreams::api::CompleteResponse;
use crate::upstreams::{self, BoxEventStream, FollowUpCall, UpstreamError, UpstreamErrorKind};

/// Bodies above this are decoded away from the threads that serve others.
const LARGE_BODY: usize = 256 * 1024;

/// Answers a request of one of the dialects. `announced` is the length that its head names.
pub(super) async fn ask<S, B>(
    proxy: Arc<Inner>,
    dialect: Dialect,
    caller: Caller,
    announced: Option<u64>,
    stream: S,
) -> Response
where
    S: Stream<Item = Result<B, warp::Error>> + Send + 'static,
    B: Buf,
{
    let exchange = Exchange::begin(proxy, caller, dialect.name());
    let mut question = Question { exchange, dialect };
    match question.read(announced, stream).await {
        Ok(decoded) => question.answer(decoded).await,
        Err(problem) => question.exchange.fail(&problem, 0),
    }
}

struct Question {
    exchange: Exchange,
    dialect: Dialect,
}

impl Question {
    async fn read<S, B>(&mut self, announced: Option<u64>, stream: S) -> Result<Decoded, Problem>
    where
        S: Stream<Item = Result<B, warp::Error>>,
        B: Buf,
    {
        let body = local::read(&self.exchange.proxy, announced, stream).await?;
        self.exchange.entry.received(&body);
        let (dialect, large) = (self.dialect, body.len() > LARGE_BODY);
        let decode = move || dialect.decode(&body).map_err(|invalid| (invalid, Named::in_body(&body)));
        let decoded = if large {
            tokio::task::spawn_blocking(decode).await.map_err(|_| Problem::Internal)?
        } else {
            decode()
        };
        decoded.map_err(|(invalid, named)| {
            named.note(&mut self.exchange.entry);
            Problem::Invalid(invalid)
        })
    }

    async fn answer(self, decoded: Decoded) -> Response {
        let Self { mut exchange, dialect } = self;
        let Decoded { mut request, ignored, api_only_params: mut steering, options: remember } = decoded;
        let (proxy, client) = (Arc::clone(&exchange.proxy), Arc::clone(&exchange.caller.client));
        exchange.entry.asked(&request.model, request.stream);
        if let Some(problem) = proxy.client_limit(&client, &request.model) {
            return exchange.fail(&problem, 0);
        }
        let memory = remember.responses.as_deref();
        if memory.is_some_and(|memory| !proxy.threads.go_on(&client, &mut request, memory, Instant::now())) {
            return exchange.fail(&Problem::NoPrevious, 0);
        }
        let asked = request.model.clone();
        // The catalogue may be on its way for the first time in this run.
        proxy.parts.names.catalog().wait_for_first().await;
        let model = models::meant(&proxy.parts.names, &mut request);
        if request.model != asked {
            steering.push(models::EFFORT_IN_NAME);
        }
        let conversation = conversation(&client, &request);
        let about = ReplyContext {
            id: exchange.caller.request_id.to_string(),
            created: unix_seconds(),
            model: asked,
            options: remember,
        };
        if about.options.load_only {
            return loaded(exchange, dialect, about);
        }
        let streamed = request.stream;
        let request = Arc::new(request);
        let pending = Pending::of(&client, &request, about.options.responses.as_deref());
        let served = match retry::serve(&proxy, &request, &model, conversation, &mut exchange.entry).await {
            Ok(served) => served,
            Err((problem, attempts)) => return exchange.fail(&problem, attempts),
        };
        drop(request);
        let name =
            served.answer.served_model().unwrap_or_else(|| id(&model, served.lease.account.kind).to_owned());
        exchange.entry.served(&name);
        exchange.entry.first_byte();
        let marks = Marks::new(&served, &name, &unheard(&served, ignored, steering));
        let Served { answer, lease, attempts } = served;
        let second = answer.follow_up();
        exchange.entry.attempt_later(retry::second_attempt(&lease, &second));
        let encoder = dialect.encoder(about);
        let serving = Serving { exchange, lease, model, encoder, second: second.clone() };
        let mut response = match answer {
            upstreams::UpstreamResponse::Events(reply) if streamed => {
                proxy.metrics.answered(200);
                streaming(dialect, ReplyStream::new(reply.events, serving, pending))
            }
            upstreams::UpstreamResponse::Events(reply) => {
                whole(reply.events, serving, pending, attempts).await
            }
            upstreams::UpstreamResponse::Passthrough(relay) => {
                proxy.metrics.answered(200);
                streaming(dialect, RelayStream::new(relay, serving))
            }
            upstreams::UpstreamResponse::Complete(whole) => relay_whole(&whole, serving),
        };
        marks.put(&mut response, &second);
        response
    }
}

/// There is nothing to load, and nothing was asked.
fn loaded(exchange: Exchange, dialect: Dialect, about: ReplyContext) -> Response {
    let body = dialect.encoder(about).encode_complete(&CompleteReply::default());
    exchange.answered();
    Answer::json(200, body)
}

fn relay_whole(whole: &CompleteResponse, mut serving: Serving) -> Response {
    serving.complete(whole.observed.usage);
    serving.sent(&whole.body);
    serving.exchange.answered();
    Answer::bytes(200, "application/json", whole.body.clone())
}

async fn whole(
    events: BoxEventStream,
    mut serving: Serving,
    pending: Option<Pending>,
    attempts: usize,
) -> Response {
    let first = serving.exchange.began.elapsed();
    let collected = tokio::select! {
        collected = collect(events) => collected,
        () = serving.exchange.caller.closing.cancelled() => {
            return serving.exchange.fail(&Problem::Stopping, attempts);
        }
    };
    let attempts = calls(attempts, &serving.second);
    let answer = match collected {
        Ok(answer) => answer,
        Err(failure) => {
            serving.failed(&failure);
            return serving.exchange.fail(&Problem::Upstream(failure), attempts);
        }
    };
    serving.complete(Some(answer.usage));
    serving.encoder.set_timings(first, serving.exchange.began.elapsed());
    let body = serving.encoder.encode_complete(&answer);
    serving.keep(pending);
    serving.sent(body.as_bytes());
    serving.exchange.answered();
    Answer::json(200, body)
}

fn streaming<S>(dialect: Dialect, stream: S) -> Response
where
    S: Stream<Item = Result<Bytes, std::convert::Infallible>> + Send + 'static,
{
    let body = warp::reply::stream(sync_wrapper::SyncStream::new(stream));
    let mut response = warp::Reply::into_response(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(dialect.stream_type()));
    response
}

/// What the client wished for in vain: nothing where its own bytes went on, and less where the upstream has an API.
fn unheard(served: &Served, ignored: Vec<String>, steering: Vec<&'static str>) -> Vec<String> {
    let steering = steering.into_iter().map(str::to_owned);
    match (&served.answer, served.lease.account.kind) {
        (upstreams::UpstreamResponse::Passthrough(_) | upstreams::UpstreamResponse::Complete(_), _) => {
            Vec::new()
        }
        (upstreams::UpstreamResponse::Events(_), AccountKind::Api) => ignored,
        (upstreams::UpstreamResponse::Events(_), AccountKind::Web) => {
            ignored.into_iter().chain(steering).collect()
        }
    }
}

/// The largest reply that is held back for a client that does not stream, bytes.
const LARGEST_WHOLE: usize = 64 * 1024 * 1024;

async fn collect(mut events: BoxEventStream) -> Result<CompleteReply, UpstreamError> {
    let mut answer = CompleteReply::default();
    while let Some(event) = events.next().await {
        if answer.push(event?) {
            return Ok(answer);
        }
        if answer.bytes() > LARGEST_WHOLE {
            let detail = "the reply is larger than 64 MB; ask for a stream";
            return Err(UpstreamError::new(UpstreamErrorKind::BadResponse, detail));
        }
    }
    Err(without_end())
}

/// Our own headers of a reply.
struct Marks {
    account: HeaderValue,
    attempts: usize,
    model: HeaderValue,
    ignored: Option<HeaderValue>,
}

impl Marks {
    fn new(served: &Served, model: &str, ignored: &[String]) -> Self {
        Self {
            account: header(&served.lease.account.label),
            attempts: served.attempts,
            model: header(model),
            ignored: (!ignored.is_empty()).then(|| HeaderValue::from_str(&ignored.join(", ")).ok()).flatten(),
        }
    }

    /// Not before as much of the reply is made as the head waits for.
    fn put(self, response: &mut Response, second: &FollowUpCall) {
        let headers = response.headers_mut();
        headers.insert(ACCOUNT, self.account);
        headers.insert(ATTEMPTS, HeaderValue::from(calls(self.attempts, second)));
        headers.insert(MODEL, self.model);
        if let Some(ignored) = self.ignored {
            headers.insert(IGNORED, ignored);
        }
    }
}

/// All upstream calls so far.
fn calls(attempts: usize, second: &FollowUpCall) -> usize {
    attempts + usize::from(second.status().is_some())
}

/// How much of a text tells it from others, bytes; reading all of a very long one would hold up other requests.
const OPENING_BYTES: usize = 64 * 1024;

/// Recognises a conversation by how it began, which its later requests repeat.
fn conversation(client: &str, request: &Request) -> u64 {
    let mut hash = DefaultHasher::new();
    client.hash(&mut hash);
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
            text.as_bytes()[..text.len().min(OPENING_BYTES)].hash(hash);
        }
        Part::Image(image) => image.bytes().len().hash(hash),
        Part::ImageLink(link) => link.url.as_str().hash(hash),
        Part::File(file) => file.data.len().hash(hash),
        Part::Call(call) => call.arguments.hash(hash),
        Part::Result(result) => result.parts.iter().for_each(|part| hash_part(part, hash)),
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
