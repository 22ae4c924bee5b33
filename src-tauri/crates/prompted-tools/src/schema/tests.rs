use serde_json::json;

use super::super::budget::OFFLOADED_STEPS;
use super::*;

fn fit(schema: &Value, mut value: Value, strict: bool) -> Result<(Value, bool), String> {
    let mut budget = StepBudget::new(OFFLOADED_STEPS);
    let fitted = Schema::new(schema, strict).fit(&mut value, &mut budget)?;
    assert_ne!(fitted, FitResult::Unchecked);
    Ok((value, fitted == FitResult::Repaired))
}

#[test]
fn fitting_values_are_unchanged() {
    let schema = json!({"type": "object", "required": ["path"], "properties": {
        "path": {"type": "string"}, "limit": {"type": ["integer", "null"]}, "mode": {"enum": ["r", "w"]},
        "edits": {"type": "array", "items": {"$ref": "#/$defs/edit"}}},
        "$defs": {"edit": {"type": "object", "required": ["old"], "properties": {"old": {"type": "string"}}}}});
    for value in [
        json!({"path": "a"}),
        json!({"path": "12", "limit": null, "mode": "r"}),
        json!({"path": "a", "limit": 3, "edits": [{"old": "x"}], "new": 1}),
    ] {
        assert_eq!(fit(&schema, value.clone(), false), Ok((value, false)));
    }
}

#[test]
fn values_in_quotes_become_what_the_schema_says() {
    let schema = json!({"properties": {"n": {"type": "integer"}, "b": {"type": "boolean"}, "s": {"type": "string"},
        "l": {"type": "array", "items": {"type": "number"}}, "o": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}});
    let given = json!({"n": "5", "b": "true", "s": 7, "l": "[1, \"2\"]", "o": "3"});
    let wanted = json!({"n": 5, "b": true, "s": "7", "l": [1, 2], "o": 3});
    assert_eq!(fit(&schema, given, false), Ok((wanted, true)));
    let optional = json!({"n": null, "s": "x"});
    assert_eq!(fit(&schema, optional, false), Ok((json!({"s": "x"}), true)));
}

#[test]
fn misfits_are_named() {
    let schema = json!({"type": "object", "required": ["a"], "additionalProperties": false, "properties": {
        "a": {"type": "integer", "minimum": 1}, "b": {"type": "string", "enum": ["x"]}, "c": {"maxItems": 1}}});
    for (value, sentence) in [
        (json!({}), "the whole lacks the required property \"a\""),
        (json!({"a": "one"}), "/a has to be of type integer"),
        (json!({"a": 0}), "/a is outside the bounds that its schema sets"),
        (json!({"a": 1, "b": "y"}), "/b has to be one of \"x\""),
        (json!({"a": 1, "c": [1, 2]}), "/c is outside the bounds that its schema sets"),
        (json!([1]), "the whole has to be of type object"),
    ] {
        assert_eq!(fit(&schema, value, false), Err(sentence.to_owned()));
    }
    let more = json!({"a": 1, "z": 2});
    assert!(fit(&schema, more.clone(), false).is_ok());
    assert_eq!(fit(&schema, more, true), Err("/z is not a property of this tool".to_owned()));
}

#[test]
fn a_recursive_schema_terminates() {
    let endless = json!({"$ref": "#"});
    assert!(fit(&endless, json!({"a": 1}), false).is_ok());
    let tree = json!({"type": "object", "properties": {"next": {"$ref": "#"}}});
    assert!(fit(&tree, json!({"next": {"next": 1}}), false).is_err());
    assert!(Schema::new(&endless, false).property("a").is_none());
}

#[test]
fn string_properties_are_recognized() {
    let schema = json!({"properties": {"s": {"type": "string"}, "n": {"type": "integer"}, "any": {},
        "e": {"type": "string", "enum": ["a"]}, "o": {"anyOf": [{"type": "string"}, {"type": "null"}]}}});
    let schema = Schema::new(&schema, false);
    let text =
        |name| schema.accepts_string(schema.property(name).unwrap(), &mut StepBudget::new(OFFLOADED_STEPS));
    assert!(text("s") && text("e") && text("o") && text("any") && !text("n"));
}
