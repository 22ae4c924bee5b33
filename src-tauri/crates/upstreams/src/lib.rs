//! The upstreams: the trait [`Upstream`], the registry [`UPSTREAMS`] and a client for each. The only crate that opens
//! outbound connections.
//!
//! An upstream takes a [`Credential`] and a [`Request`](protocol::Request). It returns an [`EventReply`] once the first
//! event has arrived, or an [`UpstreamError`] that the retry loop can act on. It does not retry or select accounts; `proxy`
//! and `accounts` of the gateway do.

#![cfg_attr(
    test,
    allow(clippy::wildcard_enum_match_arm, reason = "a test that meets another variant fails anyway")
)]

pub mod api_key;
pub mod download;
mod error;
mod follow_up;
mod model_registry;
mod registry;
mod resolved_model;
mod transport;
mod upstream;
mod upstream_id;
pub mod web_session;

pub use error::{UpstreamError, UpstreamErrorKind};
pub use follow_up::{FollowUpCall, FollowUpStatus};
pub use model_registry::{ListedModel, ModelRegistry, ModelSettings};
pub use registry::{UPSTREAMS, Upstreams};
pub use resolved_model::{ModelQuery, ResolvedModel, UpstreamModel};
pub use transport::client::HttpSettings;
pub use transport::offload::MAX_INLINE_WORK_BYTES;
pub use transport::outbound::{Outbound, ProxyChoice, ProxyServer};
pub use upstream::{
    BuildSettings, CompletionCall, EmbeddingsCall, Upstream, UpstreamBuildError, UpstreamFuture,
};
pub use upstream_id::{Capability, CredentialKind, UpstreamId, UpstreamInfo, UpstreamSet};

use std::pin::Pin;
use std::time::SystemTime;

use error::check_model;
use futures_util::Stream;
use serde::{Deserialize, Serialize};

use protocol::Event;
use storage::secrets::Secret;

/// Credential of one account. `account` is the stable id of the account: it separates caches and is safe to
/// log.
#[derive(Debug, Clone)]
pub struct Credential {
    pub account: String,
    pub secret: Secret,
}

/// The events of a running reply. Dropping it ends the upstream call.
pub type BoxEventStream = Pin<Box<dyn Stream<Item = Result<Event, UpstreamError>> + Send>>;

/// A reply whose first event has arrived: the first poll of `events` is ready at once.
pub struct EventReply {
    /// The model that answered, if the upstream names it.
    pub served_model: Option<String>,
    pub events: BoxEventStream,
    /// The call that the reply may make in addition to its first.
    pub follow_up: FollowUpCall,
}

/// Response of an upstream that has begun to answer.
pub enum UpstreamResponse {
    /// Events, to be encoded in the client's dialect.
    Events(EventReply),
    /// The bytes of a stream that is already in the client's dialect.
    Passthrough(Box<api_key::Passthrough>),
    /// The body of a response that is already in the client's dialect.
    Complete(api_key::CompleteResponse),
}

impl UpstreamResponse {
    /// Returns the call that the reply may make in addition to its first.
    pub fn follow_up(&self) -> FollowUpCall {
        match self {
            Self::Events(reply) => reply.follow_up.clone(),
            Self::Passthrough(_) | Self::Complete(_) => FollowUpCall::default(),
        }
    }

    /// Returns the model that answered, if the upstream names it.
    pub fn served_model(&self) -> Option<&str> {
        match self {
            Self::Events(reply) => reply.served_model.as_deref(),
            Self::Passthrough(relay) => relay.model(),
            Self::Complete(whole) => whole.observed.model.as_deref(),
        }
    }
}

/// Owner of a credential, as far as the upstream reports it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    pub email: Option<String>,
    pub name: Option<String>,
    pub plan: Option<String>,
}

/// Used quota of an account, as far as the upstream reports it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quota {
    /// Share of the window's quota that is used, 0 to 100.
    pub percent: Option<f64>,
    /// Whether `percent` was computed from the spend and the plan instead of reported.
    pub estimated: bool,
    /// Spend in the current window, US cents.
    pub spend_cents: Option<f64>,
    /// The plan that the quota belongs to.
    pub plan: Option<String>,
    /// Share of the use by model family, percent (the upstream's own brand names, lower case).
    pub by_family: Vec<(String, f64)>,
    /// Budget of a key until its next reset, US dollars.
    pub budget_usd: Option<f64>,
    /// Spent part of `budget_usd`, US dollars.
    pub spent_usd: Option<f64>,
    pub budget_reset: Option<SystemTime>,
}
