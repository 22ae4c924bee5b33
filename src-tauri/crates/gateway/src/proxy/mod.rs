//! The routes of the dialects, the one retry loop, and the one table from failures to answers.
//!
//! A request comes in here after `access` let it pass. It is read with a cap, decoded by its dialect, served by an
//! account's upstream and encoded again; its journal entry is closed exactly once, whatever happens. Who may call,
//! which account is next and how an upstream speaks are decided elsewhere.

mod body;
mod completion;
mod cost;
mod embeddings;
mod encoded_body;
mod error;
mod key_limits;
mod local;
mod metrics;
mod model_routing;
mod partial_request;
mod passthrough;
mod request_context;
mod response;
mod response_store;
mod retry;
mod retry_budget;
mod routes;
mod unserved;

pub use metrics::Metrics;
pub use response::{Answer, rejection_response};
pub use routes::{handle_rejection, internal_error_response, route_table, routes};

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::accounts::{Accounts, Clock};
use crate::auth::{ApiFamily as Form, KeyLimitTable};
use storage::request_log::RequestLog;
use upstreams::ModelRegistry;
use upstreams::api::ApiUpstream;
use upstreams::web::WebUpstream;

/// What the proxy works with. Everything in it is a cheap handle.
#[derive(Clone)]
pub struct ProxyParts {
    pub accounts: Accounts,
    pub web: Arc<WebUpstream>,
    pub request_log: RequestLog,
    pub api: Arc<ApiUpstream>,
    pub models: ModelRegistry,
    /// What client keys may ask for and use.
    pub limits: KeyLimitTable,
    pub clock: Clock,
    /// The largest body of a request, bytes.
    pub body_limit: usize,
}

/// The proxy. A cheap handle.
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

/// What the front door knows of a request, passed on in its extensions.
#[derive(Debug, Clone)]
pub struct CallerInfo {
    pub request_id: Arc<str>,
    /// The name of the client key; empty where none was needed.
    pub client: Arc<str>,
    /// The form in which its client reads errors and lists.
    pub api_family: Form,
    /// Cancelled when running replies must end.
    pub closing: CancellationToken,
}

/// The longest that a wait is announced for; a longer one would be out of date when it ends.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3 * 60 * 60);

impl Proxy {
    pub fn new(parts: ProxyParts) -> Self {
        let inner = ProxyInner {
            parts,
            body_memory: body::BodyMemoryLimit::default(),
            retry_budget: retry_budget::RetryBudget::default(),
            metrics: Metrics::default(),
            responses: response_store::ResponseStore::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Counters of this run.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }
}
