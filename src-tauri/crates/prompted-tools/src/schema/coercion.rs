//! Conversion of a value to a type of its schema where only one reading is possible.

use serde_json::{Number, Value};

use super::super::budget::StepBudget;
use super::super::lenient_json;
use super::keywords::{is_of_type, types};

/// Converts a value to one of the schema's types; `None` if that is not unambiguous.
pub(super) fn coerce(value: &Value, schema: &Value, budget: &mut StepBudget) -> Option<Value> {
    types(schema).find_map(|name| convert(value, name, budget))
}

fn convert(value: &Value, name: &str, budget: &mut StepBudget) -> Option<Value> {
    match (name, value) {
        (_, Value::String(text)) => parse_text(text, name, budget).filter(|read| is_of_type(read, name)),
        ("string", Value::Number(number)) => Some(Value::String(number.to_string())),
        ("string", Value::Bool(truth)) => Some(Value::String(truth.to_string())),
        _ => None,
    }
}

/// Parses a string as a value of the type `name`.
fn parse_text(text: &str, name: &str, budget: &mut StepBudget) -> Option<Value> {
    if !budget.try_consume_bytes(text.len()) {
        return None;
    }
    let text = text.trim();
    match name {
        "boolean" => match text {
            "true" | "True" => Some(Value::Bool(true)),
            "false" | "False" => Some(Value::Bool(false)),
            _ => None,
        },
        "integer" | "number" => text.parse::<Number>().ok().map(Value::Number),
        "null" => (text == "null").then_some(Value::Null),
        // The text has at most one value per four bytes; each value is one step.
        "array" | "object" if budget.try_consume(text.len() / 4) => lenient_json::parse_single(text),
        _ => None,
    }
}
