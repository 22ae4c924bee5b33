//! Who may serve a model now.
//!
//! The room keeps a state for each account and model family, picks the account for the next upstream call, and learns
//! from what became of it. It calls nobody: `proxy` makes the calls and reports back, so every rule here is a function
//! of its arguments, time and chance included.
//!
//! A limit always ends by itself, at the latest after [`WINDOW`].

mod account;
mod admin;
mod affinity;
mod circuit_breaker;
mod clock;
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

pub use account::{Account, AccountKind, AccountOrigin};
pub use admin::{SelectionExplanation, SkipReason};
pub use clock::{Clock, Timestamp};
pub use pending_secret::{AccountWithoutSecret, HostChange, MissingSecret};
pub use pool::{Accounts, Lease};
pub use selection_request::{CallOutcome, KindSet, SelectionRequest, Unavailable};
pub use state::{Availability, LimitReason, QUOTA_WINDOW};
pub use store::AccountStore;
pub use view::{AccountState, AccountView, Advice, LimitView};
