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

/// What an upstream needs to act for one account. `account` is the account's stable id: it separates caches, and it is
/// safe to log.
#[derive(Debug, Clone)]
pub struct Credential {
    pub account: String,
    pub secret: Secret,
}

/// The events of a running reply. Dropping it ends the upstream call.
pub type BoxEventStream = Pin<Box<dyn Stream<Item = Result<Event, UpstreamError>> + Send>>;

/// A reply whose first event has arrived: the first poll of `events` is ready at once.
pub struct EventReply {
    /// The model that answered, where the upstream names it.
    pub served_model: Option<String>,
    pub events: BoxEventStream,
    /// The call that the reply may make beside its first.
    pub follow_up: FollowUpCall,
}

/// What an upstream gives back once it has begun to answer.
pub enum UpstreamResponse {
    /// Events, to be put into the client's dialect.
    Events(EventReply),
    /// The bytes of a stream that is in the client's dialect already.
    Passthrough(Box<api_key::Passthrough>),
    /// The body of an answer that is in the client's dialect already.
    Complete(api_key::CompleteResponse),
}

impl UpstreamResponse {
    /// The call that the reply may make beside its first.
    pub fn follow_up(&self) -> FollowUpCall {
        match self {
            Self::Events(reply) => reply.follow_up.clone(),
            Self::Passthrough(_) | Self::Complete(_) => FollowUpCall::default(),
        }
    }

    /// The model that answered, where the upstream names it.
    pub fn served_model(&self) -> Option<String> {
        match self {
            Self::Events(reply) => reply.served_model.clone(),
            Self::Passthrough(relay) => relay.observed().model,
            Self::Complete(whole) => whole.observed.model.clone(),
        }
    }
}

/// Who a credential belongs to, as far as the upstream says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    pub email: Option<String>,
    pub name: Option<String>,
    pub plan: Option<String>,
}

/// How much of an account's quota is used, as far as the upstream says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quota {
    /// Share of the window's quota that is used, 0 to 100.
    pub percent: Option<f64>,
    /// `percent` was computed from the spend and the plan, not told.
    pub estimated: bool,
    /// Spend in the current window, US cents.
    pub spend_cents: Option<f64>,
    /// The plan that the quota belongs to.
    pub plan: Option<String>,
    /// Share of the use by model family, percent (the upstream's own brand names, lower case).
    pub by_family: Vec<(String, f64)>,
    /// What a key may spend until its budget begins anew, US dollars.
    pub budget_usd: Option<f64>,
    /// What it has spent of that.
    pub spent_usd: Option<f64>,
    pub budget_reset: Option<SystemTime>,
}
