//! Tests of the work that a check takes, in steps.

use std::fmt::Write;

use proptest::prelude::*;
use serde_json::{Map, json};

use super::super::budget::{INLINE_STEPS, OFFLOADED_STEPS};
use super::*;

/// The result of a check within the larger budget, and the steps it took.
fn checked(schema: &Value, value: &Value) -> (Result<FitResult, String>, u64) {
    let mut budget = StepBudget::new(OFFLOADED_STEPS);
    let mut value = value.clone();
    let fitted = Schema::new(schema, false).fit(&mut value, &mut budget);
    (fitted, budget.used())
}

/// A tree of blocks, of 20 kinds that differ in a constant, as page builders and notebooks describe it.
fn blocks() -> Value {
    let kind = |n: usize| {
        let properties = json!({"kind": {"const": format!("kind{n}")}, "text": {"type": "string"},
            "blocks": {"type": "array", "items": {"$ref": "#/$defs/block"}}});
        json!({"type": "object", "required": ["kind"], "additionalProperties": false, "properties": properties})
    };
    let kinds: Map<String, Value> = (0..20).map(|n| (format!("kind{n}"), kind(n))).collect();
    let any: Vec<Value> = kinds.keys().map(|name| json!({"$ref": format!("#/$defs/{name}")})).collect();
    let mut schema =
        json!({"type": "object", "properties": {"root": {"$ref": "#/$defs/block"}}, "$defs": kinds});
    schema["$defs"]["block"] = json!({"anyOf": any});
    schema
}

/// Blocks of one kind, nested two in each.
fn nested(kind: &str, depth: usize) -> Value {
    let blocks: Vec<Value> = (0..2).filter(|_| depth > 0).map(|_| nested(kind, depth - 1)).collect();
    json!({"kind": kind, "text": "x", "blocks": blocks})
}

#[test]
fn a_tree_of_20_kinds_costs_at_most_blocks_times_kinds() {
    let schema = blocks();
    for depth in 5..=9 {
        let many = (2_u64 << depth) - 1;
        for (kind, fits) in [("kind19", true), ("unknown", false)] {
            let value = json!({"root": nested(kind, depth)});
            let (found, steps) = checked(&schema, &value);
            assert!(steps <= many * 20 * 12, "{steps} steps at depth {depth}");
            if fits {
                assert_eq!(found, Ok(FitResult::Unchanged));
            } else {
                assert!(found.unwrap_err().ends_with("has to be one of \"kind0\""));
            }
        }
    }
}

#[test]
fn a_tree_with_values_in_quotes_is_repaired_within_the_same_bound() {
    let schema = blocks();
    let mut inner = nested("kind19", 5);
    inner["blocks"] = Value::String(inner["blocks"].to_string());
    let mut value = json!({"root": inner});
    let mut budget = StepBudget::new(OFFLOADED_STEPS);
    assert_eq!(Schema::new(&schema, false).fit(&mut value, &mut budget), Ok(FitResult::Repaired));
    assert_eq!(value["root"]["blocks"], nested("kind19", 5)["blocks"]);
}

#[test]
fn a_schema_that_references_itself_twice_is_checked_once() {
    let schema = json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]});
    let (found, steps) = checked(&schema, &json!({"a": {"b": [1]}}));
    assert_eq!(found, Ok(FitResult::Unchanged));
    assert!(steps <= 10, "{steps}");
    let everywhere = json!({"additionalProperties": {"$ref": "#"}, "anyOf": [{"$ref": "#"}, {"$ref": "#"}]});
    let (found, steps) = checked(&everywhere, &json!({"a": {"b": {"c": {}}}}));
    assert_eq!(found, Ok(FitResult::Unchanged));
    assert!(steps <= 100, "{steps}");
}

#[test]
fn thirty_chained_definitions_are_checked_once_each() {
    for kind in ["allOf", "anyOf", "oneOf"] {
        let name = |n: usize| json!({"$ref": format!("#/$defs/d{n}")});
        let mut defs: Map<String, Value> =
            (1..30).map(|n| (format!("d{n}"), json!({kind: [name(n - 1), name(n - 1)]}))).collect();
        defs.insert("d0".into(), json!({"type": "integer"}));
        let schema = json!({"$ref": "#/$defs/d29", "$defs": defs});
        let (found, steps) = checked(&schema, &json!({"a": 1}));
        assert!(found.unwrap_err().ends_with("type integer"), "{kind}");
        assert!(steps <= 200, "{steps} steps for {kind}");
    }
}

#[test]
fn long_lists_of_types_required_names_and_allowed_values_are_part_of_the_bound() {
    let names: Vec<String> = (0..50_000).map(|n| format!("n{n}")).collect();
    let nulls: Map<String, Value> = names.iter().map(|name| (name.clone(), Value::Null)).collect();
    let items: Vec<Value> = (0..50_000).map(Value::from).collect();
    for (schema, value) in [
        (json!({"items": {"type": names}}), json!(items)),
        (json!({"items": {"enum": names}}), json!(items)),
        (json!({"required": names, "additionalProperties": {"required": names}}), json!(nulls)),
        (
            json!({"items": {"anyOf": [{"type": "array"}, {"type": "object"}]}}),
            json!(vec!["[[[[[[[["; 50_000]),
        ),
        (json!({"items": {"items": {"const": items}}}), json!(vec![json!([items]); 20])),
    ] {
        let mut budget = StepBudget::new(INLINE_STEPS);
        let _ = Schema::new(&schema, true).fit(&mut value.clone(), &mut budget);
        assert!(budget.used() <= 60_000, "{} steps", budget.used());
    }
}

#[test]
fn past_the_budget_a_value_is_left_as_it_is_and_counts_as_unchecked() {
    let schema = blocks();
    let mut value = json!({"root": nested("kind19", 9)});
    let before = value.clone();
    let mut budget = StepBudget::new(INLINE_STEPS);
    assert_eq!(Schema::new(&schema, false).fit(&mut value, &mut budget), Ok(FitResult::Unchecked));
    assert_eq!(value, before);
    assert_eq!(
        Schema::new(&json!({"type": "array"}), false).fit(&mut value, &mut budget),
        Ok(FitResult::Unchecked)
    );
}

/// Arbitrary schemas whose parts refer to each other.
fn any_schema() -> impl Strategy<Value = Value> {
    let reference = (0usize..4).prop_map(|n| json!({"$ref": format!("#/$defs/d{n}")}));
    let leaf = prop_oneof![
        3 => reference,
        1 => Just(json!({"$ref": "#"})),
        1 => prop::sample::select(vec!["string", "integer", "object", "array", "null"]).prop_map(|name| json!({"type": name})),
        1 => Just(json!({"enum": ["a", 1]})),
    ];
    let part = leaf.prop_recursive(3, 16, 3, |inner| {
        let list = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            (prop::sample::select(vec!["anyOf", "oneOf", "allOf"]), list)
                .prop_map(|(kind, list)| json!({kind: list})),
            inner.clone().prop_map(|items| json!({"items": items})),
            inner.clone().prop_map(|a| json!({"properties": {"a": a}, "required": ["a"]})),
            inner.prop_map(|other| json!({"additionalProperties": other})),
        ]
    });
    prop::collection::vec(part, 5).prop_map(|mut parts| {
        let mut schema = parts.pop().unwrap_or_default();
        let defs: Map<String, Value> =
            parts.into_iter().enumerate().map(|(n, part)| (format!("d{n}"), part)).collect();
        schema["$defs"] = Value::Object(defs);
        schema
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop::sample::select(vec![json!(1), json!("1"), json!("a"), json!(null), json!("[1, \"2\"]")]);
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[ab]", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn steps_stay_below_the_product_of_schema_and_value(schema in any_schema(), value in any_value()) {
        let (found, steps) = checked(&schema, &value);
        let size = |value: &Value| keywords::weight(value, usize::MAX) as u64;
        let bound = 20 * size(&schema) * size(&value);
        prop_assert!(steps <= bound, "{} steps, above {}", steps, bound);
        prop_assert_ne!(found, Ok(FitResult::Unchecked));
    }
}

#[test]
fn a_sentence_about_a_misfit_is_short_whatever_the_schema_and_the_value_hold() {
    let long = "x".repeat(100_000);
    let mut names = String::new();
    (0..1000).for_each(|n| write!(names, "{n}{long}").unwrap_or_default());
    for (schema, value) in [
        (json!({"enum": vec![long.clone(); 100]}), json!({})),
        (json!({"required": [names]}), json!({})),
        (json!({"type": vec![long.clone(); 100]}), json!({})),
        (json!({"additionalProperties": {"type": "integer"}}), json!({long: "a"})),
    ] {
        assert!(checked(&schema, &value).0.map_or_else(|why| why.len(), |_| 0) < 10_000);
    }
}
