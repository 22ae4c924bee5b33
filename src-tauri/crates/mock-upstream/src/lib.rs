//! Mock of Mammouth's two upstreams, for `--demo`, tests and benchmarks.
//!
//! The mock implements the protocol independently and uses no other crate of the workspace, because it tests
//! them. It is as strict as the real site: an invalid request is a 400 and is recorded in
//! [`RecordedCall::problem`]. The mock listens on a free port of 127.0.0.1 only, records requests (bounded),
//! and injects faults on request. Nothing is stored on disk.
//!
//! # Endpoints
//!
//! | request | answer |
//! |---|---|
//! | `POST /api/models/llms` | the reply as plain text, a chunk a word |
//! | `POST /api/attachments/saveFile` | `{"location": URL}`; the URL is good for the same account only |
//! | `GET /api/login/user` | `id`, `email`, `name`; in the older form `plan` |
//! | `GET /api/user/recentUsage` | `byBrand` (share by `brand`), `usedModels`; in the older form `percent`, spend by `name` |
//! | `GET /api/user/currentUsage` | `currentSpendCents`, `usagePlan`, `usageCounts`; in the older form the first alone |
//! | `GET /app/login` | an HTML page with a button for each web account |
//! | `POST /app/login` | by `account=LABEL`: sets the account's session cookie, and back to the page |
//! | `POST /v1/chat/completions` | the official API, by key: a chat completion, or a stream of its chunks |
//! | `POST /v1/embeddings` | vectors that depend on the text only |
//! | `GET /v1/models`, `/public/models`, `/public/model/info` | the models of the API and their metadata |
//! | `GET /key/info`, `/v1/key/info` | spend and budget of the key |
//! | `POST`, `DELETE /__sim/faults` | set the rules (a JSON array, see [`FaultRule`]), remove all |
//! | `GET`, `DELETE /__sim/calls` | recorded calls; clear them |
//! | `POST /__sim/release` | release as many held chunks as the number in the body |
//!
//! # Directives in the last user message
//!
//! - `echo: TEXT` at the start of a line: the reply is `TEXT`, the rest of the message.
//! - `echo-chunks: ["a", "b"]` on one line: the reply is exactly these chunks.
//! - `call: NAME {JSON}`, `edit: PATH :: OLD => NEW`, `create: PATH :: TEXT` on a line of its own, where the request
//!   offers tools: the calls of a coding agent's model, step by step.
//! - Over the API also `think: TEXT` for reasoning before the reply, and `image:` for an image after it.
//! - `sim: KEY=VALUE …` on a line of its own: faults for this request, from the table. The line is not echoed.
//!
//! # Faults
//!
//! A `sim:` line, a rule sent by HTTP and [`Fault`]'s `FromStr` use the same syntax. A value with spaces is a JSON
//! string. A chunk is a word of the reply, or a slice of it; `N` counts the chunks that are sent first.
//! A `sim:` line takes precedence over rules; of the rules, the first match is used.
//!
//! | key | what happens |
//! |---|---|
//! | `status=CODE` | this status, with a JSON message unless `body` or a 2xx says otherwise |
//! | `body=quota`, or `quota` | 403 and JSON: the usage limit is reached |
//! | `body=bad-cookie`, or `bad-cookie` | 401 and JSON, as for a session that has ended |
//! | `body=message`, `message=TEXT` | 500 and JSON with `statusMessage` and `message` |
//! | `body=leak` | 500 and JSON whose message repeats the request's `Cookie` header |
//! | `body=html` | 502 and an HTML page |
//! | `body=challenge` | 403, `cf-mitigated: challenge` and an HTML page |
//! | `body=portal` | 200 and the HTML page of a captive portal |
//! | `body=login` | 302 to `/app/login` |
//! | `redirect=URL` | 302 to there |
//! | `text=TEXT` | 200 and this text |
//! | `body=empty` | 200 and no chunk at all |
//! | `body=json` | 200 and the reply as `{"content": …}` |
//! | `body=json-string` | 200 and the reply as a JSON string |
//! | `body=json-error` | 200 and a JSON error |
//! | `body=cut-json` | 200 and a JSON text that ends too early |
//! | `downgrade=MODEL` | 200 and the reply as JSON that names another model |
//! | `header=NAME:VALUE` | one more response header; may be repeated; `Content-Type` replaces |
//! | `delay=TIME` | wait before the head: milliseconds, `2s`, or `forever` |
//! | `first=TIME` | wait between the head and the first byte of the body |
//! | `stall=N` | after N chunks send nothing more, for ever |
//! | `reset=N` | after N chunks reset the connection (`SO_LINGER` 0); 0 = before the head |
//! | `cut=N` | after N chunks close the connection without the end of the body |
//! | `eof=N` | after N chunks end the body as if it were complete |
//! | `slice=N` | send the reply in slices of N bytes, through the middle of characters |
//! | `size=N` | a reply of N bytes |
//! | `endless` | a reply that never ends |
//! | `error=N` | over the API: after N chunks an error in the stream, and nothing more |
//! | `utf8=invalid`, `utf8=cut` | bytes in the middle that are no UTF-8; an end inside a character |
//! | `length=N` | announce N bytes more than are sent |
//! | `gzip` | `Content-Encoding: gzip` and bytes that are no gzip |
//! | `tool=broken-json`, `tool=fenced`, `tool=prose` | the web side's model writes its call wrongly, in a fence, or only talks |
//! | `gate` | hold each chunk until [`MockUpstream::release`] |
//! | `raw=TEXT` | write exactly this to the socket instead of an answer, and close |

#![cfg_attr(
    test,
    allow(clippy::wildcard_enum_match_arm, reason = "a test that meets another variant fails anyway")
)]

mod accounts;
mod agent;
mod api;
mod body_stream;
mod call_log;
mod chunks;
mod control;
mod fault;
mod fault_parser;
mod fault_rules;
mod login;
mod multipart;
mod reply;
mod request;
mod response;
mod routes;
mod serve;
mod shared;
mod socket;
#[cfg(test)]
mod tests;
mod tool_prompt;
mod uploads;
mod web_api;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

pub use accounts::{MockAccount, MockUpstreamOptions, UsageFormat};
pub use api::{CHAT_PATH, EMBEDDINGS_PATH};
pub use call_log::{MockUpstreamState, RecordedCall, RecordedUpload};
pub use fault::{BadUtf8, Delay, Fault, FaultBody};
pub use fault_parser::FaultParseError;
pub use fault_rules::{FaultRule, LLMS_PATH, UPLOAD_PATH};
pub use tool_prompt::ToolMistake;

use shared::SharedState;

/// A running mock; dropping it stops the mock.
pub struct MockUpstream {
    address: SocketAddr,
    shared: Arc<SharedState>,
    tasks: TaskTracker,
}

impl MockUpstream {
    /// Starts the mock on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// The system's error if no port can be bound.
    pub async fn start(options: MockUpstreamOptions) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(SharedState::new(options));
        let tasks = TaskTracker::new();
        tasks.spawn(serve::accept_loop(listener, Arc::clone(&shared), tasks.clone()));
        Ok(Self { address, shared, tasks })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Labels and cookies of the preconfigured web accounts, in the order of the options.
    pub fn cookies(&self) -> Vec<(String, String)> {
        let web =
            self.shared.accounts.iter().filter(|account| account.key.is_none() && account.preconfigured);
        web.map(|account| (account.label(), account.cookie.clone())).collect()
    }

    /// Labels and keys of the API accounts, in the order of the options.
    pub fn keys(&self) -> Vec<(String, String)> {
        let keyed =
            self.shared.accounts.iter().filter_map(|account| Some((account.label(), account.key.clone()?)));
        keyed.collect()
    }

    /// The recorded calls, oldest first: at most the last 10,000, and fewer if they are large.
    pub fn calls(&self) -> Vec<RecordedCall> {
        self.shared.call_log.calls()
    }

    /// Number of running calls.
    pub fn active_calls(&self) -> usize {
        self.shared.call_log.active_calls()
    }

    /// Number of connections accepted since the start.
    pub fn connections(&self) -> u64 {
        self.shared.call_log.connections()
    }

    /// Clears the recorded calls.
    pub fn clear_calls(&self) {
        self.shared.call_log.clear();
    }

    /// Replaces all fault rules and resets unused releases of [`Self::release`].
    pub fn set_faults(&self, faults: Vec<FaultRule>) {
        self.shared.set_rules(faults);
    }

    /// Releases this many chunks of the `gate` fault, held now or later.
    pub fn release(&self, chunks: usize) {
        self.shared.release(chunks);
    }

    /// Waits until `predicate` is true of the mock's state. It must not call the mock.
    pub async fn wait_for(&self, predicate: impl Fn(&MockUpstreamState) -> bool) {
        self.shared.call_log.wait_for(predicate).await;
    }

    /// Stops the mock and waits until all connections are closed.
    pub async fn stop(self) {
        self.shared.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for MockUpstream {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}
