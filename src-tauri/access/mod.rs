//! Who may call: one guard before every route.
//!
//! [`Guard::admit`] judges a request by its head alone, in one fixed order: sizes, Host, Origin, route, method, key,
//! content type. It denies by default, so a path that is missing from the route table cannot be reached. It also says
//! which route was meant and by which canonical path, so that the router behind it judges the same path as the guard.
//!
//! It reads no body, writes no answer and keeps no state but the client keys and a count of whom it turned away: the texts
//! and statuses of answers are in the proxy's one table, limits on connections and time are the server's.

pub mod authority;
mod content;
mod credential;
mod guard;
mod keys;
mod limits;
mod origin;
mod path;
mod policy;
mod refusal;
mod route;
mod serving;
mod sessions;
#[cfg(test)]
mod tests;
mod turned_away;

pub use guard::{Authorized, Caller, Guard};
pub use keys::{ClientKeys, digest, generate_key, is_generated_key, is_secret_of};
pub use limits::{KeyLimitTable, KeyLimits};
pub use policy::{Policy, PolicyError};
pub use refusal::{BadRequestReason, Preflight, RejectReason, Rejection, add_cors_headers};
pub use route::{ApiFamily, Route, Scope};
pub use serving::PauseSwitch;
pub use sessions::{NewSession, SESSION_COOKIE, SESSION_IDLE_TIMEOUT, SESSION_TOKEN_HEADER, Sessions};
pub use turned_away::RejectionCount;
