//! Configuration values, independent of their format.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A value of a configuration file. Objects keep the order of their members; comparison ignores it.
///
/// `Debug` hides strings, because any of them may be a key.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    Null,
    Bool(bool),
    /// A number in its written form.
    Number(String),
    String(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
    /// A value that only one format has (a date, a tagged or aliased node), in its written form.
    Other(String),
}

impl Value {
    /// An object of these members.
    pub fn object<const N: usize>(members: [(&str, Value); N]) -> Self {
        Self::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    pub fn array(items: impl IntoIterator<Item = Value>) -> Self {
        Self::Array(items.into_iter().collect())
    }

    /// The member of this name; `None` if this is not an object.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    pub fn is_container(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Object(_))
    }

    pub(crate) fn is_empty_container(&self) -> bool {
        match self {
            Self::Array(items) => items.is_empty(),
            Self::Object(members) => members.is_empty(),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Other(_) => false,
        }
    }

    /// Compact JSON, which is also valid in YAML's flow style.
    pub fn to_json(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::Bool(flag) => flag.to_string(),
            Self::Number(digits) => digits.clone(),
            Self::String(text) | Self::Other(text) => quote(text),
            Self::Array(items) => {
                format!("[{}]", items.iter().map(Self::to_json).collect::<Vec<_>>().join(", "))
            }
            Self::Object(members) => {
                let members: Vec<_> = members
                    .iter()
                    .map(|(key, value)| format!("{}: {}", quote(key), value.to_json()))
                    .collect();
                format!("{{{}}}", members.join(", "))
            }
        }
    }
}

/// A JSON string literal. Its escapes of control characters are also valid in TOML and YAML.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(two)) => one == two,
            (Self::Number(one), Self::Number(two))
            | (Self::String(one), Self::String(two))
            | (Self::Other(one), Self::Other(two)) => one == two,
            (Self::Array(one), Self::Array(two)) => one == two,
            (Self::Object(one), Self::Object(two)) => same_members(one, two),
            _ => false,
        }
    }
}

fn same_members(one: &[(String, Value)], two: &[(String, Value)]) -> bool {
    let in_order = one.len() == two.len() && one.iter().zip(two).all(|(a, b)| a.0 == b.0 && a.1 == b.1);
    in_order
        || (one.len() == two.len()
            && one.iter().all(|(key, value)| two.iter().any(|(name, other)| name == key && other == value)))
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Number(digits) => f.write_str(digits),
            Self::String(_) | Self::Other(_) => f.write_str("\"…\""),
            Self::Array(items) => f.debug_list().entries(items).finish(),
            Self::Object(members) => f.debug_map().entries(members.iter().map(|(k, v)| (k, v))).finish(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number.to_string())
    }
}
