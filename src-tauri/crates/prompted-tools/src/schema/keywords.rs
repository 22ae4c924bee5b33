//! Keywords of a schema that concern a value itself and not its members.

use serde_json::Value;

use super::super::budget::StepBudget;

/// The types that a schema names.
pub(super) fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let one = schema.get("type").and_then(Value::as_str);
    one.into_iter().chain(list(schema, "type").filter_map(Value::as_str))
}

/// The values that a schema allows by `enum` and `const`.
pub(super) fn allowed(schema: &Value) -> impl Iterator<Item = &Value> {
    list(schema, "enum").chain(schema.get("const"))
}

/// The elements of a keyword that holds a list.
pub(super) fn list<'a>(schema: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    schema.get(name).and_then(Value::as_array).into_iter().flatten()
}

pub(super) fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref").and_then(Value::as_str)
}

pub(super) fn is_nullable(schema: &Value) -> bool {
    schema.get("nullable") == Some(&Value::Bool(true))
}

pub(super) fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0),
        _ => true,
    }
}

/// Whether a schema accepts `null`; references are not followed.
pub(super) fn accepts_null(schema: &Value, budget: &mut StepBudget) -> bool {
    let choices = || list(schema, "anyOf").chain(list(schema, "oneOf"));
    if !budget.try_consume(1 + types(schema).count() + list(schema, "enum").count()) {
        return true;
    }
    types(schema).any(|name| name == "null")
        || is_nullable(schema)
        || (types(schema).next().is_none() && schema.get("anyOf").is_none() && schema.get("oneOf").is_none())
        || choices().any(|choice| accepts_null(choice, budget))
        || list(schema, "enum").any(Value::is_null)
}

/// Whether `enum` and `const` allow a value.
pub(super) fn is_allowed(schema: &Value, value: &Value, budget: &mut StepBudget) -> bool {
    let mut values = allowed(schema).peekable();
    if values.peek().is_none() {
        return true;
    }
    values.any(|choice| {
        let weight = shared_weight(choice, value, budget.remaining());
        !budget.try_consume(1 + weight) || is_equal(choice, value)
    })
}

fn is_equal(one: &Value, other: &Value) -> bool {
    one == other || (one.is_number() && one.as_f64() == other.as_f64())
}

/// Upper bound of the steps for comparing two values; values of different types are not compared further.
fn shared_weight(one: &Value, other: &Value, limit: usize) -> usize {
    match (one, other) {
        (Value::Array(one_list), Value::Array(list)) if one_list.len() == list.len() => weight(one, limit),
        (Value::Object(one_map), Value::Object(map)) if one_map.len() == map.len() => weight(one, limit),
        _ => 0,
    }
}

/// The number of values in a value, and a step for each kilobyte of text; not counted beyond `limit`.
pub(super) fn weight(value: &Value, limit: usize) -> usize {
    let inner = |weight: usize, value: &Value| {
        if weight > limit { weight } else { weight.saturating_add(self::weight(value, limit - weight)) }
    };
    match value {
        Value::Array(list) => list.iter().fold(1, inner),
        Value::Object(map) => map.values().fold(1 + map.len(), inner),
        Value::String(text) => 1 + text.len() / 1024,
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}

/// Whether a value is within the bounds of its number, length or size.
pub(super) fn is_within_bounds(schema: &Value, value: &Value, budget: &mut StepBudget) -> bool {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let within = |least: &str, most: &str, size: &mut dyn FnMut() -> f64| {
        let (least, most) = (bound(least), bound(most));
        if least.is_none() && most.is_none() {
            return true;
        }
        let size = size();
        least.is_none_or(|least| size >= least) && most.is_none_or(|most| size <= most)
    };
    match value {
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            within("minimum", "maximum", &mut || number)
                && bound("exclusiveMinimum").is_none_or(|least| number > least)
                && bound("exclusiveMaximum").is_none_or(|most| number < most)
        }
        Value::String(text) => within("minLength", "maxLength", &mut || {
            if budget.try_consume_bytes(text.len()) { text.chars().count() as f64 } else { 0.0 }
        }),
        Value::Array(elements) => within("minItems", "maxItems", &mut || elements.len() as f64),
        Value::Object(map) => within("minProperties", "maxProperties", &mut || map.len() as f64),
        Value::Null | Value::Bool(_) => true,
    }
}
