//! Who may call: one guard before every route.
//!
//! [`Guard::admit`] judges a request by its head alone, in one fixed order: sizes, Host, Origin, route, method, key,
//! content type. It denies by default, so a path that is missing from the route table cannot be reached. It also says
//! which route was meant and by which canonical path, so that the router behind it judges the same path as the guard.
//!
//! It reads no body, writes no answer and keeps no state but the client keys and a count of rejections: the texts
//! and statuses of answers are in the proxy's one table, limits on connections and time are the server's.

mod allow_list;
pub mod authority;
mod client_keys;
mod content_type;
mod credential;
mod guard;
mod key_limits;
mod origin;
mod pause_switch;
mod rejection;
mod rejection_counts;
mod route;
mod route_match;
mod sessions;
#[cfg(test)]
mod tests;

pub use allow_list::{Policy, PolicyError};
pub use client_keys::{KeyDigests, digest, generate_key, is_generated_key, is_secret_of};
pub use guard::{Authorized, Caller, Guard};
pub use key_limits::{KeyLimitTable, KeyLimits};
pub use pause_switch::PauseSwitch;
pub use rejection::{BadRequestReason, Preflight, RejectReason, Rejection, add_cors_headers};
pub use rejection_counts::RejectionCount;
pub use route::{ApiFamily, Route, Scope};
pub use sessions::{NewSession, SESSION_COOKIE, SESSION_IDLE_TIMEOUT, SESSION_TOKEN_HEADER, Sessions};
