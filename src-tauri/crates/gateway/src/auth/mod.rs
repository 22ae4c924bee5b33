//! Authorization: one guard checks every request before its route.
//!
//! [`Guard::admit`] checks a request by its head alone, in a fixed order: sizes, Host, Origin, route, method, key,
//! content type. The default is to reject, so a path that is missing from the route table cannot be reached. The result
//! contains the route and its canonical path, so that the router behind the guard uses the path that was checked.
//!
//! The module reads no body and writes no response. Its only state is the client keys, the sessions, the pause switch
//! and the counts of rejections. Status and text of error responses are in `proxy`; limits on connections and time are
//! in `server`.

mod allow_list;
pub mod authority;
mod client_keys;
mod content_type;
mod credential;
mod guard;
mod head;
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
pub use client_keys::{KeyDigests, KeyLifetime, digest, generate_key, is_generated_key, is_secret_of};
pub use guard::{Authorized, Caller, Guard};
pub use key_limits::{KeyLimitTable, KeyLimits};
pub use pause_switch::PauseSwitch;
pub use rejection::{BadRequestReason, Preflight, RejectReason, Rejection, add_cors_headers};
pub use rejection_counts::RejectionCount;
pub use route::{Route, Scope};
pub use sessions::{NewSession, SESSION_COOKIE, SESSION_IDLE_TIMEOUT, SESSION_TOKEN_HEADER, Sessions};
