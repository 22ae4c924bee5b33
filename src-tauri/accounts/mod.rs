//! Who may serve a model now.
//!
//! The room keeps a state for each account and model family, picks the account for the next upstream call, and learns
//! from what became of it. It calls nobody: `proxy` makes the calls and reports back, so every rule here is a function
//! of its arguments, time and chance included.
//!
//! A limit always ends by itself, at the latest after [`WINDOW`].

mod absent;
mod account;
mod affinity;
mod ask;
mod book;
mod breaker;
mod change;
mod choice;
mod clock;
mod hosts;
mod manage;
mod pick;
mod state;
mod store;
mod view;

pub use absent::{AccountWithoutSecret, HostChange, MissingSecret};
pub use account::{Account, AccountKind, AccountOrigin};
pub use ask::{CallOutcome, KindSet, SelectionRequest, Unavailable};
pub use book::{Accounts, Lease};
pub use clock::{Clock, Timestamp};
pub use manage::{SelectionExplanation, SkipReason};
pub use state::{Availability, LimitReason, QUOTA_WINDOW};
pub use store::AccountStore;
pub use view::{AccountState, AccountView, Advice, LimitView};
