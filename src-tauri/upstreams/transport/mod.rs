//! What the calls to both upstreams have in common: a client that follows, keeps and repeats nothing, bodies that are
//! read with limits, failures told from the client's own errors, and texts of others made fit to be shown.

pub(super) mod aside;
pub(super) mod body;
pub(super) mod client;
pub(super) mod error;
pub(super) mod media;
pub(super) mod outbound;
pub(super) mod prompt;
mod proxy_error;
pub(super) mod redact;
pub(super) mod resolver;
pub(super) mod retry_after;
