//! One question to a model, from its body to its answer.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use warp::reply::Response;

use super::answer::{self, ACCOUNT, ATTEMPTS, Answer, IGNORED, MODEL, header};
use super::local;
use super::models::{self, id};
use super::problem::Problem;
use super::relay::RelayStream;
use super::retry::{self, Served};
use super::stream::ReplyStream;
use super::threads::Pending;
use super::{Caller, Inner, cost};
use crate::accounts::{Kind, Lease};
use crate::chat::{Collected, Message, Part, Request, Role};
use crate::dialects::{About, Decoded, Dialect};
use crate::journal::{Entry, Outcome, Start};
use crate::upstreams::api::{Relay, Whole};
use crate::upstreams::{self, Events, Failure, FailureKind, Model};

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
    let start = Start {
        request_id: caller.request_id.to_string(),
        client: caller.client.to_string(),
        dialect: dialect.name(),
        bytes_in: 0,
    };
    let (entry, began) = (proxy.parts.journal.begin(start), Instant::now());
    let mut question = Question { entry, proxy, dialect, caller, began };
    match question.read(announced, stream).await {
        Ok(decoded) => question.answer(decoded).await,
        Err(problem) => question.fail(&problem, 0),
    }
}

/// What goes with a reply on its way to the client.
struct Way {
    lease: Lease,
    model: Model,
    about: About,
    pending: Option<Pending>,
}

struct Question {
    proxy: Arc<Inner>,
    dialect: Dialect,
    caller: Caller,
    entry: Entry,
    began: Instant,
}

impl Question {
    async fn read<S, B>(&mut self, announced: Option<u64>, stream: S) -> Result<Decoded, Problem>
    where
        S: Stream<Item = Result<B, warp::Error>>,
        B: Buf,
    {
        let body = local::read(&self.proxy, announced, stream).await?;
        self.entry.received(&body);
        let dialect = self.dialect;
        let decoded = if body.len() > LARGE_BODY {
            let decoding = tokio::task::spawn_blocking(move || dialect.decode(&body));
            decoding.await.map_err(|_| Problem::Internal)?
        } else {
            dialect.decode(&body)
        };
        decoded.map_err(Problem::Invalid)
    }

    async fn answer(mut self, decoded: Decoded) -> Response {
        let Decoded { mut request, ignored, steering, remember } = decoded;
        self.entry.asked(&request.model, request.stream);
        let client = Arc::clone(&self.caller.client);
        if let Some(problem) = self.proxy.client_limit(&client, &request.model) {
            return self.fail(&problem, 0);
        }
        let memory = remember.responses.as_deref();
        if memory
            .is_some_and(|memory| !self.proxy.threads.go_on(&client, &mut request, memory, Instant::now()))
        {
            return self.fail(&Problem::NoPrevious, 0);
        }
        let asked = request.model.clone();
        // The catalogue may be on its way for the first time in this run.
        self.proxy.parts.names.shelf().soon().await;
        let model = models::meant(&self.proxy.parts.names, &mut request);
        let conversation = conversation(&self.caller.client, &request);
        let about =
            About { id: self.caller.request_id.to_string(), created: unix_seconds(), model: asked, remember };
        if about.remember.load {
            return self.loaded(about);
        }
        let streamed = request.stream;
        let request = Arc::new(request);
        let pending = Pending::of(&client, &request, about.remember.responses.as_deref());
        let served = match retry::serve(&self.proxy, &request, &model, conversation, &mut self.entry).await {
            Ok(served) => served,
            Err((problem, attempts)) => return self.fail(&problem, attempts),
        };
        drop(request);
        let name =
            served.answer.served_model().unwrap_or_else(|| id(&model, served.lease.account.kind).to_owned());
        self.entry.served(&name);
        let marks = Marks::new(&served, &name, &unheard(&served, ignored, steering));
        let Served { answer, lease, attempts } = served;
        let way = Way { lease, model, about, pending };
        let mut response = match answer {
            upstreams::Answer::Events(reply) if streamed => self.stream(reply.events, way),
            upstreams::Answer::Events(reply) => self.whole(reply.events, way, attempts).await,
            upstreams::Answer::Relay(relay) => self.relay(relay, way),
            upstreams::Answer::Whole(whole) => self.relay_whole(&whole, way),
        };
        marks.put(&mut response);
        response
    }

    fn stream(mut self, events: Events, way: Way) -> Response {
        self.entry.first_byte();
        self.proxy.metrics.answered(200);
        let stream = ReplyStream {
            proxy: self.proxy,
            events,
            encoder: self.dialect.encoder(way.about),
            pending: way.pending,
            first: self.began.elapsed(),
            began: self.began,
            entry: self.entry,
            lease: way.lease,
            model: way.model,
            closing: Box::pin(self.caller.closing.cancelled_owned()),
            ended: false,
        };
        streaming(self.dialect, stream)
    }

    fn relay(mut self, relay: Box<Relay>, way: Way) -> Response {
        self.entry.first_byte();
        self.proxy.metrics.answered(200);
        let stream = RelayStream {
            proxy: self.proxy,
            relay,
            encoder: self.dialect.encoder(way.about),
            entry: self.entry,
            lease: way.lease,
            model: way.model,
            closing: Box::pin(self.caller.closing.cancelled_owned()),
            noted: false,
            over: false,
        };
        streaming(self.dialect, stream)
    }

    fn relay_whole(mut self, whole: &Whole, mut way: Way) -> Response {
        self.entry.first_byte();
        retry::note_end(&self.proxy, &mut way.lease, &way.model);
        if let Some(usage) = whole.seen.usage {
            cost::note(&mut self.entry, &way.model, &way.lease, usage);
        }
        self.entry.sent(&whole.body);
        self.close();
        Answer::bytes(200, "application/json", whole.body.clone())
    }

    async fn whole(mut self, events: Events, way: Way, attempts: usize) -> Response {
        let Way { mut lease, model, about, pending } = way;
        self.entry.first_byte();
        let first = self.began.elapsed();
        let collected = tokio::select! {
            collected = collect(events) => collected,
            () = self.caller.closing.cancelled() => return self.fail(&Problem::Stopping, attempts),
        };
        match collected {
            Ok(answer) => {
                retry::note_end(&self.proxy, &mut lease, &model);
                let mut encoder = self.dialect.encoder(about);
                encoder.took(first, self.began.elapsed());
                let body = encoder.whole(&answer);
                if let Some((pending, kept)) = pending.zip(encoder.kept()) {
                    self.proxy.threads.keep(&pending, kept, Instant::now());
                }
                cost::note(&mut self.entry, &model, &lease, answer.usage);
                self.entry.sent(body.as_bytes());
                self.close();
                Answer::json(200, body)
            }
            Err(failure) => {
                retry::note_failure(&self.proxy, &mut lease, &model, &failure);
                if let Some(usage) = failure.so_far {
                    cost::note(&mut self.entry, &model, &lease, usage);
                }
                self.fail(&Problem::Upstream(failure), attempts)
            }
        }
    }

    fn fail(mut self, problem: &Problem, attempts: usize) -> Response {
        let (mut response, told) = answer::problem(problem, self.caller.form);
        if attempts > 0 {
            response.headers_mut().insert(ATTEMPTS, HeaderValue::from(attempts));
        }
        self.proxy.metrics.answered(told.status);
        let interrupted =
            matches!(problem, Problem::Upstream(Failure { kind: FailureKind::Interrupted, .. }));
        self.entry.close(Outcome {
            status: told.status,
            code: Some(told.code),
            fault: Some(told.fault),
            interrupted,
        });
        response
    }

    /// There is nothing to load, and nothing was asked.
    fn loaded(mut self, about: About) -> Response {
        let body = self.dialect.encoder(about).whole(&Collected::default());
        self.close();
        Answer::json(200, body)
    }

    fn close(&mut self) {
        self.proxy.metrics.answered(200);
        self.entry.close(Outcome { status: 200, code: None, fault: None, interrupted: false });
    }
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
        (upstreams::Answer::Relay(_) | upstreams::Answer::Whole(_), _) => Vec::new(),
        (upstreams::Answer::Events(_), Kind::Api) => ignored,
        (upstreams::Answer::Events(_), Kind::Web) => ignored.into_iter().chain(steering).collect(),
    }
}

/// The largest reply that is held back for a client that does not stream, bytes.
const LARGEST_WHOLE: usize = 64 * 1024 * 1024;

async fn collect(mut events: Events) -> Result<Collected, Failure> {
    let mut answer = Collected::default();
    while let Some(event) = events.next().await {
        if answer.add(event?) {
            return Ok(answer);
        }
        if answer.bytes() > LARGEST_WHOLE {
            let detail = "the reply is larger than 64 MB; ask for a stream";
            return Err(Failure::new(FailureKind::BadResponse, detail));
        }
    }
    Err(Failure::new(FailureKind::Interrupted, "the reply ended without its end"))
}

/// Our own headers of a reply.
struct Marks {
    account: HeaderValue,
    attempts: HeaderValue,
    model: HeaderValue,
    ignored: Option<HeaderValue>,
}

impl Marks {
    fn new(served: &Served, model: &str, ignored: &[String]) -> Self {
        Self {
            account: header(&served.lease.account.label),
            attempts: HeaderValue::from(served.attempts),
            model: header(model),
            ignored: (!ignored.is_empty()).then(|| HeaderValue::from_str(&ignored.join(", ")).ok()).flatten(),
        }
    }

    fn put(self, response: &mut Response) {
        let headers = response.headers_mut();
        headers.insert(ACCOUNT, self.account);
        headers.insert(ATTEMPTS, self.attempts);
        headers.insert(MODEL, self.model);
        if let Some(ignored) = self.ignored {
            headers.insert(IGNORED, ignored);
        }
    }
}

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
        Part::Text(text) | Part::Reasoning(text) => text.hash(hash),
        Part::Image(image) => image.bytes().len().hash(hash),
        Part::ImageLink(link) => link.as_str().hash(hash),
        Part::Call(call) => call.arguments.hash(hash),
        Part::Result(result) => result.parts.iter().for_each(|part| hash_part(part, hash)),
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
