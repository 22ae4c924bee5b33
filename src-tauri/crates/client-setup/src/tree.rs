//! Access to nested values by path.

use crate::path::Segment;
use crate::value::Value;

/// The value at `path` inside `value`.
pub(crate) fn lookup<'a>(value: &'a Value, path: &[Segment]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, segment| match (segment, value) {
        (Segment::Key(name), _) => value.get(name),
        (Segment::Item(_), Value::Array(items)) => items.iter().find(|item| segment.matches(item)),
        (Segment::Item(_), _) => None,
    })
}

/// Wraps a value in the containers of a path: an object for a key, an array for an item.
pub(crate) fn wrap(path: &[Segment], value: &Value) -> Value {
    path.iter().rev().fold(value.clone(), |inner, segment| match segment {
        Segment::Key(name) => Value::Object(vec![(name.clone(), inner)]),
        Segment::Item(_) => Value::Array(vec![inner]),
    })
}

/// Sets or removes the value at `path` inside `value`; missing containers are created.
pub(crate) fn put(value: &mut Value, path: &[Segment], new: Option<&Value>) {
    let Some((segment, below)) = path.split_first() else {
        if let Some(new) = new {
            *value = new.clone();
        }
        return;
    };
    match segment {
        Segment::Key(name) => put_member(value, name, below, new),
        Segment::Item(_) => put_item(value, segment, below, new),
    }
}

fn put_member(value: &mut Value, name: &str, below: &[Segment], new: Option<&Value>) {
    if matches!(value, Value::Null) {
        *value = Value::Object(Vec::new());
    }
    let Value::Object(members) = value else { return };
    let at = members.iter().position(|(key, _)| key == name);
    match (at, new) {
        (Some(at), None) if below.is_empty() => {
            members.remove(at);
        }
        (Some(at), _) => put(&mut members[at].1, below, new),
        (None, Some(new)) => members.push((name.to_owned(), wrap(below, new))),
        (None, None) => {}
    }
}

fn put_item(value: &mut Value, segment: &Segment, below: &[Segment], new: Option<&Value>) {
    if matches!(value, Value::Null) || value.is_empty_container() {
        *value = Value::Array(Vec::new());
    }
    let Value::Array(items) = value else { return };
    let at = items.iter().position(|item| segment.matches(item));
    match (at, new) {
        (Some(at), None) if below.is_empty() => {
            items.remove(at);
        }
        (Some(at), _) => put(&mut items[at], below, new),
        (None, Some(new)) => items.push(wrap(below, new)),
        (None, None) => {}
    }
}

/// A copy of `value` without the value at `path`, for comparison.
pub(crate) fn without(value: &Value, path: &[Segment]) -> Value {
    let mut value = value.clone();
    if path.is_empty() {
        return Value::Null;
    }
    put(&mut value, path, None);
    value
}
