//! One question to a model, from its body to its answer.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Buf;
use futures_util::{Stream, StreamExt};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use warp::reply::Response;

use super::answer::{self, ACCOUNT, ATTEMPTS, Answer, IGNORED, MODEL, header};
use super::local;
use super::models::Model;
use super::problem::Problem;
use super::retry::{self, Served};
use super::stream::ReplyStream;
use super::threads::Pending;
use super::{Caller, Inner};
use crate::chat::{Collected, Message, Part, Request, Role};
use crate::dialects::{About, Decoded, Dialect};
use crate::journal::{Entry, Outcome, Start};
use crate::upstreams::{Events, Failure, FailureKind};

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
        let Decoded { mut request, mut ignored, steering, remember } = decoded;
        self.entry.asked(&request.model, request.stream);
        if let Some(param) = request.native_only {
            return self.fail(&Problem::NativeOnly(param), 0);
        }
        let client = Arc::clone(&self.caller.client);
        let memory = remember.responses.as_deref();
        if memory
            .is_some_and(|memory| !self.proxy.threads.go_on(&client, &mut request, memory, Instant::now()))
        {
            return self.fail(&Problem::NoPrevious, 0);
        }
        ignored.extend(steering.into_iter().map(str::to_owned));
        let asked = request.model.clone();
        let model = self.proxy.parts.models.meant(&mut request);
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
        self.entry.served(served.reply.served_model.as_deref().unwrap_or(&model.id));
        let marks = Marks::new(&served, &model, &ignored);
        let mut response = if streamed {
            self.stream(served, model, about, pending)
        } else {
            self.whole(served, &model, about, pending).await
        };
        marks.put(&mut response);
        response
    }

    fn stream(mut self, served: Served, model: Model, about: About, pending: Option<Pending>) -> Response {
        self.entry.first_byte();
        self.proxy.metrics.answered(200);
        let closing = Box::pin(self.caller.closing.cancelled_owned());
        let dialect = self.dialect;
        let stream = ReplyStream {
            proxy: self.proxy,
            events: served.reply.events,
            encoder: self.dialect.encoder(about),
            pending,
            first: self.began.elapsed(),
            began: self.began,
            entry: self.entry,
            lease: served.lease,
            model,
            closing,
            ended: false,
        };
        let body = warp::reply::stream(sync_wrapper::SyncStream::new(stream));
        let mut response = warp::Reply::into_response(body);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(dialect.stream_type()));
        response
    }

    async fn whole(
        mut self,
        mut served: Served,
        model: &Model,
        about: About,
        pending: Option<Pending>,
    ) -> Response {
        self.entry.first_byte();
        let first = self.began.elapsed();
        let collecting = collect(served.reply.events);
        let collected = tokio::select! {
            collected = collecting => collected,
            () = self.caller.closing.cancelled() => return self.fail(&Problem::Stopping, served.attempts),
        };
        match collected {
            Ok(answer) => {
                retry::note_end(&self.proxy, &mut served.lease, model);
                let mut encoder = self.dialect.encoder(about);
                encoder.took(first, self.began.elapsed());
                let (body, usage) = (encoder.whole(&answer), answer.usage);
                if let Some((pending, kept)) = pending.zip(encoder.kept()) {
                    self.proxy.threads.keep(&pending, kept, Instant::now());
                }
                self.entry.tokens(usage.prompt_tokens, usage.completion_tokens, usage.estimated);
                usage.note.into_iter().for_each(|note| self.entry.note(note));
                self.entry.sent(body.as_bytes());
                self.close();
                Answer::json(200, body)
            }
            Err(failure) => {
                retry::note_failure(&self.proxy, &mut served.lease, model, &failure);
                if let Some(usage) = failure.so_far {
                    self.entry.tokens(usage.prompt_tokens, usage.completion_tokens, usage.estimated);
                }
                self.fail(&Problem::Upstream(failure), served.attempts)
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
    fn new(served: &Served, model: &Model, ignored: &[String]) -> Self {
        Self {
            account: header(&served.lease.account.label),
            attempts: HeaderValue::from(served.attempts),
            model: header(served.reply.served_model.as_deref().unwrap_or(&model.id)),
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
