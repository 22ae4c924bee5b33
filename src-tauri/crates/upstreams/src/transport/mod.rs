//! Shared by both upstreams: HTTP client, body reader with limits, mapping of client errors, sanitising of foreign texts.

pub(super) mod body;
pub(super) mod challenge;
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
