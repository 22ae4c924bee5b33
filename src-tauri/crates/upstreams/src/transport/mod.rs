//! What the calls to both upstreams have in common: a client that follows, keeps and repeats nothing, bodies that are
//! read with limits, failures told from the client's own errors, and texts of others made fit to be shown.

pub(super) mod body;
pub(super) mod client;
pub(super) mod content_type;
pub(super) mod error;
pub(super) mod offload;
pub(super) mod outbound;
pub(super) mod prompt_tokens;
mod proxy_error;
pub(super) mod resolver;
pub(super) mod retry_after;
pub(super) mod sanitize;
