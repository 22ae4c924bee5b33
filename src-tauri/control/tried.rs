//! `try`: one real request through the proxy's own front door.

use serde::{Deserialize, Serialize};

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TryView {
    pub status: u16,
    /// The reply.
    pub text: String,
    /// The model that answered.
    pub model: Option<String>,
    /// The label of the account that answered.
    pub account: Option<String>,
    pub attempts: u32,
    pub first_byte_ms: u64,
    pub duration_ms: u64,
    /// Why there is no reply.
    pub error: Option<String>,
}
