//! Why a value does not fit its schema: kept as places in both, and made a sentence only where somebody reads it.

use std::fmt;
use std::rc::Rc;

use serde_json::Value;

use super::keywords;

/// How many allowed values a sentence names, and the longest of them, bytes.
const MOST_NAMED: usize = 20;
const LONGEST_NAMED: usize = 200;
/// The longest name of a member in a path, bytes.
const LONGEST_SEGMENT: usize = 100;

/// The first misfit of a value. The sentence is for the model: the path may hold its own words, the value never stands
/// in it.
#[derive(Debug, Clone)]
pub(super) struct Misfit<'s> {
    path: Option<Rc<Segment>>,
    what: What<'s>,
}

#[derive(Debug)]
struct Segment {
    name: String,
    inner: Option<Rc<Segment>>,
}

/// What is wrong at the place.
#[derive(Debug, Clone, Copy)]
pub(super) enum What<'s> {
    Forbidden,
    /// Of this schema.
    Type(&'s Value),
    /// It is none of the values that this schema allows.
    Value(&'s Value),
    Lacks(&'s str),
    UnknownProperty,
    Bounds,
}

impl<'s> Misfit<'s> {
    pub(super) fn here(what: What<'s>) -> Self {
        Self { path: None, what }
    }

    /// The same, seen from the list or object that holds the value under `name`.
    pub(super) fn under(self, name: &str) -> Self {
        let name = name[..name.floor_char_boundary(LONGEST_SEGMENT)].to_owned();
        Self { path: Some(Rc::new(Segment { name, inner: self.path })), what: self.what }
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
        match self.what {
            What::Forbidden => f.write_str(" is not allowed"),
            What::Type(schema) => write!(f, " has to be of type {}", types(schema)),
            What::Value(schema) => write!(f, " has to be one of {}", allowed(schema)),
            What::Lacks(name) => write!(f, " lacks the required property {:?}", cut(name)),
            What::UnknownProperty => f.write_str(" is not a property of this tool"),
            What::Bounds => f.write_str(" is outside the bounds that its schema sets"),
        }
    }
}

fn types(schema: &Value) -> String {
    keywords::types(schema).take(MOST_NAMED).map(cut).collect::<Vec<_>>().join(" or ")
}

fn allowed(schema: &Value) -> String {
    let names = keywords::allowed(schema).take(MOST_NAMED).map(|value| cut(&value.to_string()).to_owned());
    names.collect::<Vec<_>>().join(", ")
}

fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(LONGEST_NAMED)]
}
