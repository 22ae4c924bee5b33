//! Recursive check of a value against a schema.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use serde_json::{Map, Value};

use super::super::budget::StepBudget;
use super::misfit::{Misfit, MisfitKind};
use super::{MAX_DEPTH, Schema, coercion, keywords};
use keywords::list;

/// The result of a check.
#[derive(Debug, Clone)]
pub(super) enum CheckOutcome<'s> {
    Fits,
    /// The repaired value that is valid in place of the original.
    Repaired(Rc<Value>),
    Misfit(Misfit<'s>),
}

/// Checker of values. It never changes values in place, so each pair of a schema and a value has one outcome.
pub(super) struct Checker<'s, 'b> {
    schema: Schema<'s>,
    budget: &'b mut StepBudget,
    /// Outcomes by the addresses of schema and value.
    outcomes: HashMap<(usize, usize), CheckOutcome<'s>>,
    /// All repaired values that were checked, kept alive so that their addresses stay unique.
    repaired: Vec<Rc<Value>>,
}

type Check<'s, 'b> = fn(&mut Checker<'s, 'b>, &'s Value, &Value, usize) -> CheckOutcome<'s>;

impl<'s, 'b> Checker<'s, 'b> {
    pub(super) fn new(schema: Schema<'s>, budget: &'b mut StepBudget) -> Self {
        Self { schema, budget, outcomes: HashMap::new(), repaired: Vec::new() }
    }

    /// Checks a value. Everything is valid once the budget is exhausted.
    pub(super) fn check(&mut self, schema: &'s Value, value: &Value, depth: usize) -> CheckOutcome<'s> {
        if schema == &Value::Bool(false) {
            return CheckOutcome::Misfit(Misfit::new(MisfitKind::Forbidden));
        }
        if depth > MAX_DEPTH || !schema.is_object() || !self.budget.try_consume(1) {
            return CheckOutcome::Fits;
        }
        if !is_cached(schema, value) {
            return self.check_keywords(schema, value, depth);
        }
        let pair = (std::ptr::from_ref(schema).addr(), std::ptr::from_ref(value).addr());
        if let Some(known) = self.outcomes.get(&pair) {
            return known.clone();
        }
        // A schema that refers to itself for the same value adds no condition.
        self.outcomes.insert(pair, CheckOutcome::Fits);
        let outcome = self.check_keywords(schema, value, depth);
        self.outcomes.insert(pair, outcome.clone());
        outcome
    }

    fn check_keywords(&mut self, schema: &'s Value, value: &Value, depth: usize) -> CheckOutcome<'s> {
        if let Some(reference) = keywords::reference(schema) {
            self.budget.try_consume_bytes(reference.len());
            let found = self.schema.resolve_reference(reference);
            return found.map_or(CheckOutcome::Fits, |found| self.check(found, value, depth + 1));
        }
        let checks: [Check<'s, 'b>; 5] = [
            Self::check_type,
            Self::check_properties,
            Self::check_items,
            Self::check_bounds,
            Self::check_combinators,
        ];
        self.check_in_sequence(checks, value, |checker, check, value| check(checker, schema, value, depth))
    }

    /// Runs checks in sequence, each on the value as the earlier ones repaired it.
    fn check_in_sequence<T>(
        &mut self,
        checks: impl IntoIterator<Item = T>,
        value: &Value,
        check: impl Fn(&mut Self, T, &Value) -> CheckOutcome<'s>,
    ) -> CheckOutcome<'s> {
        let mut repaired: Option<Rc<Value>> = None;
        for next in checks {
            if self.budget.is_exhausted() {
                return CheckOutcome::Fits;
            }
            match check(self, next, repaired.as_deref().unwrap_or(value)) {
                CheckOutcome::Fits => {}
                CheckOutcome::Repaired(better) => {
                    self.repaired.push(Rc::clone(&better));
                    repaired = Some(better);
                }
                misfit @ CheckOutcome::Misfit(_) => return misfit,
            }
        }
        repaired.map_or(CheckOutcome::Fits, CheckOutcome::Repaired)
    }

    fn check_type(&mut self, schema: &'s Value, value: &Value, _: usize) -> CheckOutcome<'s> {
        self.budget.try_consume(list(schema, "type").count());
        let mut types = keywords::types(schema).peekable();
        let fits = types.peek().is_none() || types.any(|name| keywords::is_of_type(value, name));
        if fits || (value.is_null() && keywords::is_nullable(schema)) {
            return CheckOutcome::Fits;
        }
        match coercion::coerce(value, schema, self.budget) {
            Some(better) => CheckOutcome::Repaired(Rc::new(better)),
            None => CheckOutcome::Misfit(Misfit::new(MisfitKind::Type(schema))),
        }
    }

    fn check_properties(&mut self, schema: &'s Value, value: &Value, depth: usize) -> CheckOutcome<'s> {
        let Some(map) = value.as_object() else { return CheckOutcome::Fits };
        if !self.budget.try_consume(list(schema, "required").count()) {
            return CheckOutcome::Fits;
        }
        let mut required = list(schema, "required").filter_map(Value::as_str);
        if let Some(missing) = required.find(|key| !map.contains_key(*key)) {
            return CheckOutcome::Misfit(Misfit::new(MisfitKind::MissingProperty(missing)));
        }
        let left_out = self.omitted_nulls(schema, map);
        let mut better = Vec::new();
        for (key, member) in map.iter().filter(|(key, _)| !left_out.contains(key.as_str())) {
            if self.budget.is_exhausted() {
                return CheckOutcome::Fits;
            }
            match self.check_property(schema, key, member, depth) {
                CheckOutcome::Fits => {}
                CheckOutcome::Repaired(repaired) => better.push((key, repaired)),
                CheckOutcome::Misfit(misfit) => return CheckOutcome::Misfit(misfit.within_member(key)),
            }
        }
        if left_out.is_empty() && better.is_empty() {
            return CheckOutcome::Fits;
        }
        self.repaired_copy(value, |copy| {
            let Some(map) = copy.as_object_mut() else { return };
            map.retain(|key, _| !left_out.contains(key.as_str()));
            map.extend(better.into_iter().map(|(key, member)| (key.clone(), member.as_ref().clone())));
        })
    }

    /// Optional members whose `null` means that they are absent.
    fn omitted_nulls<'v>(&mut self, schema: &'s Value, map: &'v Map<String, Value>) -> HashSet<&'v str> {
        let nulls = map.iter().filter(|(_, member)| member.is_null());
        let mut left_out: HashSet<&str> = nulls.map(|(key, _)| key.as_str()).collect();
        if left_out.is_empty() {
            return left_out;
        }
        for key in list(schema, "required").filter_map(Value::as_str) {
            left_out.remove(key);
        }
        let properties = schema.get("properties");
        left_out.retain(|key| {
            let property = properties.and_then(|all| all.get(*key));
            property.is_some_and(|schema| !keywords::accepts_null(schema, self.budget))
        });
        left_out
    }

    fn check_property(
        &mut self,
        schema: &'s Value,
        key: &str,
        member: &Value,
        depth: usize,
    ) -> CheckOutcome<'s> {
        self.budget.try_consume(1);
        let known = schema.get("properties").and_then(|all| all.get(key));
        match (known, schema.get("additionalProperties")) {
            (Some(schema), _) => self.check(schema, member, depth + 1),
            (None, Some(Value::Bool(false))) if self.schema.strict => {
                CheckOutcome::Misfit(Misfit::new(MisfitKind::UnknownProperty))
            }
            (None, Some(schema)) if schema.is_object() => self.check(schema, member, depth + 1),
            (None, _) => CheckOutcome::Fits,
        }
    }

    fn check_items(&mut self, schema: &'s Value, value: &Value, depth: usize) -> CheckOutcome<'s> {
        let Some(elements) = value.as_array() else { return CheckOutcome::Fits };
        let first = list(schema, "prefixItems").map(Some);
        let schemas = first.chain(std::iter::repeat(schema.get("items")));
        let mut better = Vec::new();
        for (place, (element, schema)) in elements.iter().zip(schemas).enumerate() {
            let Some(schema) = schema.filter(|_| !self.budget.is_exhausted()) else { break };
            match self.check(schema, element, depth + 1) {
                CheckOutcome::Fits => {}
                CheckOutcome::Repaired(repaired) => better.push((place, repaired)),
                CheckOutcome::Misfit(misfit) => {
                    return CheckOutcome::Misfit(misfit.within_member(&place.to_string()));
                }
            }
        }
        if better.is_empty() {
            return CheckOutcome::Fits;
        }
        self.repaired_copy(value, |copy| {
            for (place, repaired) in better {
                if let Some(element) = copy.get_mut(place) {
                    *element = repaired.as_ref().clone();
                }
            }
        })
    }

    /// A changed copy, which costs steps in proportion to its size.
    fn repaired_copy(&mut self, value: &Value, change: impl FnOnce(&mut Value)) -> CheckOutcome<'s> {
        let limit = self.budget.remaining();
        if !self.budget.try_consume(keywords::weight(value, limit)) {
            return CheckOutcome::Fits;
        }
        let mut copy = value.clone();
        change(&mut copy);
        CheckOutcome::Repaired(Rc::new(copy))
    }

    fn check_bounds(&mut self, schema: &'s Value, value: &Value, _: usize) -> CheckOutcome<'s> {
        let what = if !keywords::is_allowed(schema, value, self.budget) {
            MisfitKind::Value(schema)
        } else if !keywords::is_within_bounds(schema, value, self.budget) {
            MisfitKind::Bounds
        } else {
            return CheckOutcome::Fits;
        };
        CheckOutcome::Misfit(Misfit::new(what))
    }

    fn check_combinators(&mut self, schema: &'s Value, value: &Value, depth: usize) -> CheckOutcome<'s> {
        self.check_in_sequence(["allOf", "anyOf", "oneOf"], value, |checker, kind, value| match kind {
            "allOf" => checker.check_in_sequence(list(schema, kind), value, |checker, schema, value| {
                checker.check(schema, value, depth + 1)
            }),
            _ => checker.check_any_of(list(schema, kind), value, depth),
        })
    }

    /// Checks the alternatives. One that accepts the value unchanged is preferred to one that repairs it.
    fn check_any_of(
        &mut self,
        choices: impl Iterator<Item = &'s Value>,
        value: &Value,
        depth: usize,
    ) -> CheckOutcome<'s> {
        let (mut repaired, mut misfit) = (None, None);
        for schema in choices {
            if self.budget.is_exhausted() {
                return CheckOutcome::Fits;
            }
            match self.check(schema, value, depth + 1) {
                CheckOutcome::Fits => return CheckOutcome::Fits,
                CheckOutcome::Repaired(better) => repaired = repaired.or(Some(better)),
                CheckOutcome::Misfit(why) => misfit = misfit.or(Some(why)),
            }
        }
        match (repaired, misfit) {
            (Some(better), _) => CheckOutcome::Repaired(better),
            (None, Some(why)) => CheckOutcome::Misfit(why),
            (None, None) => CheckOutcome::Fits,
        }
    }
}

/// Whether a pair may recur and costs more than its lookup.
fn is_cached(schema: &Value, value: &Value) -> bool {
    let combines = ["$ref", "anyOf", "oneOf", "allOf"];
    value.is_object() || value.is_array() || combines.iter().any(|name| schema.get(*name).is_some())
}
