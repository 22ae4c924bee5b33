//! Value of a setting, as exchanged by the file, the window and the command line.

use serde::{Deserialize, Serialize};
use toml_edit::{Item, Value};

/// Kind of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum SettingKind {
    Text,
    Number,
    Switch,
    /// One of a fixed set of words.
    Choice,
    List,
}

/// Value of a setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[derive(ts_rs::TS)]
pub enum SettingValue {
    Switch(bool),
    Number(i64),
    Text(String),
    List(Vec<String>),
}

impl SettingValue {
    /// Returns the value of an item of the settings file; `None` if the item is of another kind.
    pub(super) fn from_item(item: &Item, kind: SettingKind) -> Option<Self> {
        match kind {
            SettingKind::Switch => item.as_bool().map(Self::Switch),
            SettingKind::Number => item.as_integer().map(Self::Number),
            SettingKind::Text | SettingKind::Choice => item.as_str().map(|text| Self::Text(text.to_owned())),
            SettingKind::List => {
                let texts = item.as_array()?.iter().map(|value| value.as_str().map(str::to_owned));
                texts.collect::<Option<_>>().map(Self::List)
            }
        }
    }

    /// Parses the value of a variable. Entries of a list are separated by commas or lines.
    pub(super) fn from_variable(text: &str, kind: SettingKind) -> Self {
        match kind {
            SettingKind::List => Self::List(text.split([',', '\n']).map(str::to_owned).collect()),
            SettingKind::Switch | SettingKind::Number | SettingKind::Text | SettingKind::Choice => {
                Self::Text(text.to_owned())
            }
        }
    }

    pub(super) fn number(value: impl TryInto<i64>) -> Self {
        Self::Number(value.try_into().unwrap_or(i64::MAX))
    }

    pub(super) fn text(value: impl ToString) -> Self {
        Self::Text(value.to_string())
    }

    pub(super) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Switch(_) | Self::Number(_) | Self::List(_) => None,
        }
    }

    pub(super) fn into_list(self) -> Option<Vec<String>> {
        match self {
            Self::List(list) => Some(list),
            Self::Switch(_) | Self::Number(_) | Self::Text(_) => None,
        }
    }
}

impl From<SettingValue> for Value {
    fn from(value: SettingValue) -> Self {
        match value {
            SettingValue::Switch(on) => on.into(),
            SettingValue::Number(number) => number.into(),
            SettingValue::Text(text) => text.into(),
            SettingValue::List(list) => list.into_iter().collect(),
        }
    }
}

/// Default of a setting, as a constant.
#[derive(Debug, Clone, Copy)]
pub(super) enum DefaultValue {
    Switch(bool),
    Number(i64),
    Text(&'static str),
    EmptyList,
    /// A list of the program, which the file replaces.
    BuiltInList,
}

impl From<DefaultValue> for SettingValue {
    fn from(default: DefaultValue) -> Self {
        match default {
            DefaultValue::Switch(on) => Self::Switch(on),
            DefaultValue::Number(number) => Self::Number(number),
            DefaultValue::Text(text) => Self::text(text),
            DefaultValue::EmptyList | DefaultValue::BuiltInList => Self::List(Vec::new()),
        }
    }
}
