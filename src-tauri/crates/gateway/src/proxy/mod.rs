//! The proxy: the routes of all dialects, the retry loop, and the mapping of errors to responses.
//!
//! Requests arrive here after `auth` has authorized them. A request is read within a size limit, decoded by its
//! dialect, served by an account's upstream and encoded. Its request log record is closed exactly once on every path.
//! Authorization is decided by `auth`, the next account by `accounts`, and the upstream protocols by `upstreams`.

mod attempts;
mod body;
mod completion;
mod cost;
mod embeddings;
mod encoded_body;
mod error;
mod handlers;
mod key_limits;
mod metrics;
mod model_routing;
mod partial_request;
mod passthrough;
mod request_context;
mod request_origin;
mod response;
mod response_store;
mod retry;
mod retry_budget;
mod routes;
mod unserved;

pub use metrics::Metrics;
pub(crate) use request_origin::request_origin;
pub use response::rejection_response;
pub use routes::{handle_rejection, internal_error_response, route_table, routes};

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::accounts::{Accounts, Clock};
use crate::auth::KeyLimitTable;
use dialects::{ApiFamily, Dialect};
use storage::request_log::{RequestLog, RequestOrigin};
use upstreams::{ModelRegistry, Upstreams};

/// The dependencies of the proxy. All fields are cheap handles.
#[derive(Clone)]
pub struct ProxyParts {
    /// The dialects that are served.
    pub dialects: &'static [&'static dyn Dialect],
    pub accounts: Accounts,
    pub upstreams: Upstreams,
    pub request_log: RequestLog,
    pub models: ModelRegistry,
    /// The limits of client keys.
    pub limits: KeyLimitTable,
    pub clock: Clock,
    /// The largest request body, bytes.
    pub body_limit: usize,
    /// The most memory of all stored responses, bytes.
    pub stored_response_bytes: usize,
}

#[cfg(test)]
impl ProxyParts {
    /// Parts without accounts.
    pub(crate) fn for_tests() -> Self {
        let clock = Clock::default();
        Self {
            dialects: dialects::DIALECTS,
            accounts: Accounts::new(Vec::new(), Default::default(), None, clock.now()),
            upstreams: Upstreams::new(Vec::new()),
            request_log: RequestLog::in_memory(),
            models: ModelRegistry::default(),
            clock,
            limits: KeyLimitTable::default(),
            body_limit: 1_000,
            stored_response_bytes: 1_000,
        }
    }
}

/// The proxy. Clones are cheap handles to the same state.
#[derive(Clone)]
pub struct Proxy {
    inner: Arc<ProxyInner>,
}

struct ProxyInner {
    parts: ProxyParts,
    body_memory: body::BodyMemoryLimit,
    retry_budget: retry_budget::RetryBudget,
    metrics: Metrics,
    responses: response_store::ResponseStore,
}

/// Information about the caller, passed to the handlers as a request extension.
#[derive(Debug, Clone)]
pub struct CallerInfo {
    /// The id of the request in the log and in the response.
    pub request_id: Arc<str>,
    /// The name of the client key. Empty for routes without one.
    pub client: Arc<str>,
    /// The API family whose format is used for errors and lists.
    pub api_family: ApiFamily,
    /// The program and session of the request.
    pub origin: RequestOrigin,
    /// Cancelled when running replies must end.
    pub closing: CancellationToken,
}

/// The longest announced wait. A longer one would be out of date before it ends.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3 * 60 * 60);

impl Proxy {
    /// A proxy with empty counters and an empty response store.
    pub fn new(parts: ProxyParts) -> Self {
        let responses = response_store::ResponseStore::new(parts.stored_response_bytes);
        let inner = ProxyInner {
            parts,
            body_memory: body::BodyMemoryLimit::default(),
            retry_budget: retry_budget::RetryBudget::default(),
            metrics: Metrics::default(),
            responses,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Counters of this run.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Sets the most memory of all stored responses, bytes.
    pub fn set_stored_response_bytes(&self, max_bytes: usize) {
        self.inner.responses.set_max_bytes(max_bytes);
    }
}

#[cfg(test)]
mod tests;
