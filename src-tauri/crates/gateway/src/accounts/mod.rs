//! Account pool: decides which account may serve a model now.
//!
//! The module keeps a state for each account and model family, selects the account for the next upstream call, and
//! updates the state from the outcome. It makes no calls itself: `proxy` makes the calls and reports the outcomes, so
//! every rule here is a function of its arguments, time and chance included.
//!
//! A limit always ends by itself, at the latest after [`QUOTA_WINDOW`].

mod account;
mod admin;
mod affinity;
mod circuit_breaker;
mod clock;
mod jitter;
mod pending_secret;
mod pool;
mod selection;
mod selection_request;
mod state;
mod store;
mod strategy;
mod upstream_health;
mod view;
mod write_guard;

pub use account::{Account, AccountOrigin};
pub use admin::{SelectionExplanation, SkipReason};
pub use clock::{Clock, Timestamp};
pub use jitter::jitter;
pub use pending_secret::{AccountWithoutSecret, HostChange, MissingSecret};
pub use pool::{Accounts, Lease};
pub use selection_request::{CallOutcome, SelectionRequest, Unavailable};
pub use state::{Availability, LimitReason, QUOTA_WINDOW};
pub use store::AccountStore;
pub use upstreams::{CredentialKind, UpstreamId};
pub use view::{AccountState, AccountView, Advice, LimitView};
