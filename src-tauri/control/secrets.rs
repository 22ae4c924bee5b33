//! `secrets.…`: whether what is kept can be read, and what to do where it cannot.

use serde::{Deserialize, Serialize};

use crate::secrets::Place;

/// Whether the place answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum SecretsState {
    Open,
    Locked,
    Missing,
    Denied,
    Hung,
}

/// Where secrets are kept, and how that place is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SecretsView {
    pub place: Place,
    pub state: SecretsState,
    pub advice: Option<String>,
}
