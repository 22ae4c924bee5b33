//! A setting as it is shown.

use serde::{Deserialize, Serialize};

/// How a setting is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum SettingKind {
    Text,
    Number,
    Switch,
    /// One of [`SettingView::choices`].
    Choice,
    List,
}

/// What a setting is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[derive(ts_rs::TS)]
pub enum SettingValue {
    Switch(bool),
    Number(i64),
    Text(String),
    List(Vec<String>),
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum SettingFrom {
    Default,
    File,
    /// A variable, which the file cannot overrule.
    Environment,
    /// The command line, likewise.
    Flag,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct SettingView {
    pub name: String,
    pub kind: SettingKind,
    pub value: SettingValue,
    pub default: SettingValue,
    pub choices: Vec<String>,
    pub from: SettingFrom,
    /// A change counts at once; else from the next start on.
    pub live: bool,
}
