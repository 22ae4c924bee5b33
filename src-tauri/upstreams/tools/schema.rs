//! Checks a value against the part of JSON Schema that tools use, and puts right what can only be meant in one way.
//!
//! Known: `type`, `properties`, `required`, `additionalProperties`, `items`, `prefixItems`, `enum`, `const`, `anyOf`,
//! `oneOf`, `allOf`, local `$ref`, the bounds of numbers, texts and lists. What is not known forbids nothing: the client
//! checks for itself, and a call that it refuses can be tried again by the model. A whole validator would weigh more than
//! all the rest of this room.

use serde_json::{Number, Value};

const DEEPEST: usize = 64;

/// A schema with the document that its references mean.
#[derive(Clone, Copy)]
pub(super) struct Schema<'a> {
    root: &'a Value,
    /// Properties that the schema does not name are a mistake.
    strict: bool,
}

/// What a check found: whether the value was changed, or one sentence about the first misfit.
type Fit = Result<bool, String>;

impl<'a> Schema<'a> {
    pub(super) fn new(root: &'a Value, strict: bool) -> Self {
        Self { root, strict }
    }

    /// Makes a value fit.
    ///
    /// # Errors
    /// Where it does not fit and nothing certain would help.
    pub(super) fn fit(self, value: &mut Value) -> Fit {
        self.check(value, self.root, "", 0)
    }

    /// The schema of a property of the whole.
    pub(super) fn property(self, name: &str) -> Option<&'a Value> {
        self.resolve(self.root).get("properties")?.get(name).map(|schema| self.resolve(schema))
    }

    /// Whether a schema takes a text.
    pub(super) fn takes_text(self, schema: &Value) -> bool {
        self.check(&mut Value::String("x".into()), schema, "", DEEPEST - 8) == Ok(false)
            || (has_type(schema, "string") && !has_type(schema, "object") && !has_type(schema, "array"))
    }

    fn resolve(self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _ in 0..8 {
            let target = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
            match target.and_then(|path| self.root.pointer(path)) {
                Some(found) => schema = found,
                None => break,
            }
        }
        schema
    }

    fn check(self, value: &mut Value, schema: &Value, path: &str, depth: usize) -> Fit {
        if depth > DEEPEST || !schema.is_object() {
            return if schema == &Value::Bool(false) { Err(at(path, "is not allowed")) } else { Ok(false) };
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let found = target.strip_prefix('#').and_then(|path| self.root.pointer(path));
            return found.map_or(Ok(false), |found| self.check(value, found, path, depth + 1));
        }
        let mut changed = as_typed(value, schema, path)?;
        changed |= self.members(value, schema, path, depth)?;
        changed |= self.elements(value, schema, path, depth)?;
        choices(value, schema, path)?;
        bounds(value, schema, path)?;
        changed |= self.combined(value, schema, path, depth)?;
        Ok(changed)
    }

    fn members(self, value: &mut Value, schema: &Value, path: &str, depth: usize) -> Fit {
        let Some(map) = value.as_object_mut() else { return Ok(false) };
        let properties = schema.get("properties").and_then(Value::as_object);
        let required: Vec<&str> = list(schema, "required").filter_map(Value::as_str).collect();
        let mut changed = false;
        // `null` for what may be left out means that it is left out.
        let left_out: Vec<String> = map
            .iter()
            .filter(|(key, value)| value.is_null() && !required.contains(&key.as_str()))
            .filter(|(key, _)| {
                properties.and_then(|all| all.get(*key)).is_some_and(|schema| !takes_null(schema))
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in left_out {
            changed |= map.remove(&key).is_some();
        }
        if let Some(missing) = required.iter().find(|key| !map.contains_key(**key)) {
            return Err(at(path, &format!("lacks the required property {missing:?}")));
        }
        let others = schema.get("additionalProperties");
        for (key, value) in map.iter_mut() {
            let inner = format!("{path}/{key}");
            match (properties.and_then(|all| all.get(key)), others) {
                (Some(schema), _) => changed |= self.check(value, schema, &inner, depth + 1)?,
                (None, Some(Value::Bool(false))) if self.strict => {
                    return Err(at(&inner, "is not a property of this tool"));
                }
                (None, Some(schema)) if schema.is_object() => {
                    changed |= self.check(value, schema, &inner, depth + 1)?;
                }
                (None, _) => {}
            }
        }
        Ok(changed)
    }

    fn elements(self, value: &mut Value, schema: &Value, path: &str, depth: usize) -> Fit {
        let Some(elements) = value.as_array_mut() else { return Ok(false) };
        let first: Vec<&Value> = list(schema, "prefixItems").collect();
        let mut changed = false;
        for (place, element) in elements.iter_mut().enumerate() {
            if let Some(schema) = first.get(place).copied().or_else(|| schema.get("items")) {
                changed |= self.check(element, schema, &format!("{path}/{place}"), depth + 1)?;
            }
        }
        Ok(changed)
    }

    fn combined(self, value: &mut Value, schema: &Value, path: &str, depth: usize) -> Fit {
        let mut changed = false;
        for schema in list(schema, "allOf") {
            changed |= self.check(value, schema, path, depth + 1)?;
        }
        for kind in ["anyOf", "oneOf"] {
            let choices: Vec<&Value> = list(schema, kind).collect();
            if !choices.is_empty() {
                changed |= self.any_of(value, &choices, path, depth)?;
            }
        }
        Ok(changed)
    }

    /// As it is before changed: a text that one choice takes is not made a number for another.
    fn any_of(self, value: &mut Value, choices: &[&Value], path: &str, depth: usize) -> Fit {
        let mut repaired = None;
        let mut why = None;
        for schema in choices {
            let mut candidate = value.clone();
            match self.check(&mut candidate, schema, path, depth + 1) {
                Ok(false) => return Ok(false),
                Ok(true) => repaired = repaired.or(Some(candidate)),
                Err(error) => why = why.or(Some(error)),
            }
        }
        match repaired {
            Some(candidate) => {
                *value = candidate;
                Ok(true)
            }
            None => Err(why.unwrap_or_else(|| at(path, "fits none of the choices"))),
        }
    }
}

/// Checks the type, and makes of a text what the schema wants where the text says it.
fn as_typed(value: &mut Value, schema: &Value, path: &str) -> Fit {
    let types = types(schema);
    if types.is_empty() || types.iter().any(|name| is_of(value, name)) {
        return Ok(false);
    }
    if schema.get("nullable") == Some(&Value::Bool(true)) && value.is_null() {
        return Ok(false);
    }
    match types.iter().find_map(|name| converted(value, name)) {
        Some(better) => {
            *value = better;
            Ok(true)
        }
        None => Err(at(path, &format!("has to be of type {}", types.join(" or ")))),
    }
}

fn converted(value: &Value, name: &str) -> Option<Value> {
    if let Some(text) = value.as_str() {
        let text = text.trim();
        let read = match name {
            "boolean" => match text {
                "true" | "True" => Some(Value::Bool(true)),
                "false" | "False" => Some(Value::Bool(false)),
                _ => None,
            },
            "integer" | "number" => text.parse::<Number>().ok().map(Value::Number),
            "null" => (text == "null").then_some(Value::Null),
            "array" | "object" => super::repair::value(text),
            _ => None,
        };
        return read.filter(|read| is_of(read, name));
    }
    match (name, value) {
        ("string", Value::Number(number)) => Some(Value::String(number.to_string())),
        ("string", Value::Bool(truth)) => Some(Value::String(truth.to_string())),
        _ => None,
    }
}

fn is_of(value: &Value, name: &str) -> bool {
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

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    }
}

fn has_type(schema: &Value, name: &str) -> bool {
    types(schema).contains(&name)
}

fn takes_null(schema: &Value) -> bool {
    let some_choice = |kind| list(schema, kind).any(takes_null);
    has_type(schema, "null")
        || schema.get("nullable") == Some(&Value::Bool(true))
        || (types(schema).is_empty() && schema.get("anyOf").is_none() && schema.get("oneOf").is_none())
        || some_choice("anyOf")
        || some_choice("oneOf")
        || list(schema, "enum").any(Value::is_null)
}

fn choices(value: &Value, schema: &Value, path: &str) -> Result<(), String> {
    let allowed: Vec<&Value> = list(schema, "enum").chain(schema.get("const")).collect();
    if allowed.is_empty() || allowed.iter().any(|choice| same(choice, value)) {
        return Ok(());
    }
    let names: Vec<String> = allowed.iter().take(20).map(ToString::to_string).collect();
    Err(at(path, &format!("has to be one of {}", names.join(", "))))
}

fn same(one: &Value, other: &Value) -> bool {
    one == other || (one.is_number() && one.as_f64() == other.as_f64())
}

fn bounds(value: &Value, schema: &Value, path: &str) -> Result<(), String> {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let within = |size: f64, least: &str, most: &str| {
        bound(least).is_none_or(|least| size >= least) && bound(most).is_none_or(|most| size <= most)
    };
    let fits = match value {
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            within(number, "minimum", "maximum")
                && bound("exclusiveMinimum").is_none_or(|least| number > least)
                && bound("exclusiveMaximum").is_none_or(|most| number < most)
        }
        Value::String(text) => within(text.chars().count() as f64, "minLength", "maxLength"),
        Value::Array(elements) => within(elements.len() as f64, "minItems", "maxItems"),
        Value::Object(map) => within(map.len() as f64, "minProperties", "maxProperties"),
        Value::Null | Value::Bool(_) => true,
    };
    if fits { Ok(()) } else { Err(at(path, "is outside the bounds that its schema sets")) }
}

fn list<'a>(schema: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    schema.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// A sentence for the model, so the path may hold its own words; the value never.
fn at(path: &str, what: &str) -> String {
    if path.is_empty() { format!("the whole {what}") } else { format!("{path} {what}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fit(schema: &Value, mut value: Value, strict: bool) -> Result<(Value, bool), String> {
        Schema::new(schema, strict).fit(&mut value).map(|changed| (value, changed))
    }

    #[test]
    fn what_fits_is_left_alone() {
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
    fn what_does_not_fit_is_named() {
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
    fn a_schema_that_means_itself_ends() {
        let endless = json!({"$ref": "#"});
        assert!(fit(&endless, json!({"a": 1}), false).is_ok());
        let tree = json!({"type": "object", "properties": {"next": {"$ref": "#"}}});
        assert!(fit(&tree, json!({"next": {"next": 1}}), false).is_err());
        assert!(Schema::new(&endless, false).property("a").is_none());
    }

    #[test]
    fn whether_a_property_is_a_text_is_known() {
        let schema = json!({"properties": {"s": {"type": "string"}, "n": {"type": "integer"}, "any": {},
            "e": {"type": "string", "enum": ["a"]}, "o": {"anyOf": [{"type": "string"}, {"type": "null"}]}}});
        let schema = Schema::new(&schema, false);
        let text = |name| schema.takes_text(schema.property(name).unwrap());
        assert!(text("s") && text("e") && text("o") && text("any") && !text("n"));
    }
}
