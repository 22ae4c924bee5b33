//! Reason why a value is not valid against its schema: references into both, formatted as a sentence only
//! when needed.

use std::fmt;
use std::rc::Rc;

use serde_json::Value;

use super::keywords;

/// Maximum number of allowed values in a sentence, and the maximum length of each in bytes.
const MAX_NAMED_VALUES: usize = 20;
const MAX_NAMED_VALUE_BYTES: usize = 200;
/// Maximum length in bytes of a member's name in a path.
const MAX_SEGMENT_BYTES: usize = 100;

/// The first mismatch of a value. The sentence is for the model: its path may contain names that the model wrote, but
/// the value is not part of it.
#[derive(Debug, Clone)]
pub(super) struct Misfit<'s> {
    path: Option<Rc<PathSegment>>,
    kind: MisfitKind<'s>,
}

#[derive(Debug)]
struct PathSegment {
    name: String,
    inner: Option<Rc<PathSegment>>,
}

/// The kind of a mismatch.
#[derive(Debug, Clone, Copy)]
pub(super) enum MisfitKind<'s> {
    Forbidden,
    /// The type is none of this schema's.
    Type(&'s Value),
    /// The value is none of those that this schema allows.
    Value(&'s Value),
    MissingProperty(&'s str),
    UnknownProperty,
    Bounds,
}

impl<'s> Misfit<'s> {
    pub(super) fn new(kind: MisfitKind<'s>) -> Self {
        Self { path: None, kind }
    }

    /// The mismatch with its path prefixed by the member `name`.
    pub(super) fn within_member(self, name: &str) -> Self {
        let name = name[..name.floor_char_boundary(MAX_SEGMENT_BYTES)].to_owned();
        Self { path: Some(Rc::new(PathSegment { name, inner: self.path })), kind: self.kind }
    }
}

impl fmt::Display for Misfit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut next = self.path.as_deref();
        if next.is_none() {
            f.write_str("the whole")?;
        }
        while let Some(segment) = next {
            write!(f, "/{}", segment.name)?;
            next = segment.inner.as_deref();
        }
        match self.kind {
            MisfitKind::Forbidden => f.write_str(" is not allowed"),
            MisfitKind::Type(schema) => write!(f, " has to be of type {}", types(schema)),
            MisfitKind::Value(schema) => write!(f, " has to be one of {}", allowed(schema)),
            MisfitKind::MissingProperty(name) => {
                write!(f, " lacks the required property {:?}", truncated(name))
            }
            MisfitKind::UnknownProperty => f.write_str(" is not a property of this tool"),
            MisfitKind::Bounds => f.write_str(" is outside the bounds that its schema sets"),
        }
    }
}

fn types(schema: &Value) -> String {
    keywords::types(schema).take(MAX_NAMED_VALUES).map(truncated).collect::<Vec<_>>().join(" or ")
}

fn allowed(schema: &Value) -> String {
    let names = keywords::allowed(schema)
        .take(MAX_NAMED_VALUES)
        .map(|value| truncated(&value.to_string()).to_owned());
    names.collect::<Vec<_>>().join(", ")
}

fn truncated(name: &str) -> &str {
    &name[..name.floor_char_boundary(MAX_NAMED_VALUE_BYTES)]
}
