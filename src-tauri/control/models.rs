//! `models.…`: what can be asked for, by which names.

use serde::{Deserialize, Serialize};

use crate::accounts::Kind;

/// A name that clients can send as `model`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ModelView {
    pub id: String,
    pub owner: String,
    /// The kinds of account that can serve it.
    pub by: Vec<Kind>,
    pub served_now: bool,
    /// Why it is served now, or not.
    pub why: String,
    /// The model behind a name of the user's own.
    pub alias_of: Option<String>,
    /// Tokens.
    pub context: Option<u64>,
    /// Tokens.
    pub max_output: Option<u64>,
    /// US dollars a million tokens.
    pub input_cost: Option<f64>,
    /// US dollars a million tokens.
    pub output_cost: Option<f64>,
    pub vision: Option<bool>,
    pub tools: Option<bool>,
    pub reasoning: Option<bool>,
}
