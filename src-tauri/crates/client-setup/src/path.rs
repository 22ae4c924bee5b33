//! Path of a value in a configuration file.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::value::Value;

/// One step from a value to a nested one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// The member of an object.
    Key(String),
    /// The first item of an array that is an object with these members. Positions may change, names do not.
    Item(Vec<(String, Value)>),
}

impl Segment {
    pub(crate) fn matches(&self, value: &Value) -> bool {
        let Self::Item(fields) = self else { return false };
        fields.iter().all(|(key, wanted)| value.get(key) == Some(wanted))
    }
}

/// The steps from the root of a file to a value, displayed as `env.ANTHROPIC_BASE_URL`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Path(pub Vec<Segment>);

impl Path {
    /// A path of object members.
    pub fn keys(names: &[&str]) -> Self {
        Self(names.iter().map(|name| Segment::Key((*name).to_owned())).collect())
    }

    /// Appends the member `name`.
    #[must_use]
    pub fn key(mut self, name: &str) -> Self {
        self.0.push(Segment::Key(name.to_owned()));
        self
    }

    /// Appends the array item whose member `field` is `value`.
    #[must_use]
    pub fn item(self, field: &str, value: impl Into<Value>) -> Self {
        self.item_of([(field, value.into())])
    }

    /// Appends the array item with these members.
    #[must_use]
    pub fn item_of<const N: usize>(mut self, fields: [(&str, Value); N]) -> Self {
        self.0.push(Segment::Item(fields.map(|(field, value)| (field.to_owned(), value)).to_vec()));
        self
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(name) if index == 0 => f.write_str(name)?,
                Segment::Key(name) => write!(f, ".{name}")?,
                Segment::Item(fields) => write_item(f, fields)?,
            }
        }
        Ok(())
    }
}

fn write_item(f: &mut fmt::Formatter<'_>, fields: &[(String, Value)]) -> fmt::Result {
    let fields: Vec<_> = fields.iter().map(|(key, value)| format!("{key}={}", value.to_json())).collect();
    write!(f, "[{}]", fields.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_the_client_documents_it() {
        assert_eq!(Path::keys(&["env", "A"]).to_string(), "env.A");
        assert_eq!(Path::keys(&["models"]).item("name", "Mammouth").to_string(), "models[name=\"Mammouth\"]");
    }
}
