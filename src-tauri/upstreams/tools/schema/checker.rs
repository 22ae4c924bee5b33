//! The walk through a schema and a value together.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use serde_json::{Map, Value};

use super::super::budget::StepBudget;
use super::misfit::{Misfit, What};
use super::{DEEPEST, Schema, coercion, keywords};
use keywords::list;

/// What a check found.
#[derive(Debug, Clone)]
pub(super) enum Outcome<'s> {
    Fits,
    /// This value fits in its place.
    Repaired(Rc<Value>),
    Misfit(Misfit<'s>),
}

/// Checks values, which are never changed in place: so each pair of a schema and a value has one outcome.
pub(super) struct Checker<'s, 'b> {
    schema: Schema<'s>,
    budget: &'b mut StepBudget,
    /// By the addresses of schema and value.
    outcomes: HashMap<(usize, usize), Outcome<'s>>,
    /// Every repaired value that was checked: as long as it lives, its address means nothing else.
    repaired: Vec<Rc<Value>>,
}

type Check<'s, 'b> = fn(&mut Checker<'s, 'b>, &'s Value, &Value, usize) -> Outcome<'s>;

impl<'s, 'b> Checker<'s, 'b> {
    pub(super) fn new(schema: Schema<'s>, budget: &'b mut StepBudget) -> Self {
        Self { schema, budget, outcomes: HashMap::new(), repaired: Vec::new() }
    }

    /// Once the budget is spent, everything fits.
    pub(super) fn check(&mut self, schema: &'s Value, value: &Value, depth: usize) -> Outcome<'s> {
        if schema == &Value::Bool(false) {
            return Outcome::Misfit(Misfit::here(What::Forbidden));
        }
        if depth > DEEPEST || !schema.is_object() || !self.budget.spend(1) {
            return Outcome::Fits;
        }
        if !is_remembered(schema, value) {
            return self.keywords(schema, value, depth);
        }
        let pair = (std::ptr::from_ref(schema).addr(), std::ptr::from_ref(value).addr());
        if let Some(known) = self.outcomes.get(&pair) {
            return known.clone();
        }
        // A schema that means itself for the same value forbids nothing by that.
        self.outcomes.insert(pair, Outcome::Fits);
        let outcome = self.keywords(schema, value, depth);
        self.outcomes.insert(pair, outcome.clone());
        outcome
    }

    fn keywords(&mut self, schema: &'s Value, value: &Value, depth: usize) -> Outcome<'s> {
        if let Some(reference) = keywords::reference(schema) {
            self.budget.spend_bytes(reference.len());
            let found = self.schema.target(reference);
            return found.map_or(Outcome::Fits, |found| self.check(found, value, depth + 1));
        }
        let checks: [Check<'s, 'b>; 5] =
            [Self::typed, Self::members, Self::elements, Self::limits, Self::combined];
        self.in_turn(checks, value, |checker, check, value| check(checker, schema, value, depth))
    }

    /// Checks one after the other, each on what those before it made of the value.
    fn in_turn<T>(
        &mut self,
        checks: impl IntoIterator<Item = T>,
        value: &Value,
        check: impl Fn(&mut Self, T, &Value) -> Outcome<'s>,
    ) -> Outcome<'s> {
        let mut repaired: Option<Rc<Value>> = None;
        for next in checks {
            if self.budget.is_spent() {
                return Outcome::Fits;
            }
            match check(self, next, repaired.as_deref().unwrap_or(value)) {
                Outcome::Fits => {}
                Outcome::Repaired(better) => {
                    self.repaired.push(Rc::clone(&better));
                    repaired = Some(better);
                }
                misfit @ Outcome::Misfit(_) => return misfit,
            }
        }
        repaired.map_or(Outcome::Fits, Outcome::Repaired)
    }

    fn typed(&mut self, schema: &'s Value, value: &Value, _: usize) -> Outcome<'s> {
        self.budget.spend(list(schema, "type").count());
        let mut types = keywords::types(schema).peekable();
        let fits = types.peek().is_none() || types.any(|name| keywords::is_of(value, name));
        if fits || (value.is_null() && keywords::is_nullable(schema)) {
            return Outcome::Fits;
        }
        match coercion::coerced(value, schema, self.budget) {
            Some(better) => Outcome::Repaired(Rc::new(better)),
            None => Outcome::Misfit(Misfit::here(What::Type(schema))),
        }
    }

    fn members(&mut self, schema: &'s Value, value: &Value, depth: usize) -> Outcome<'s> {
        let Some(map) = value.as_object() else { return Outcome::Fits };
        if !self.budget.spend(list(schema, "required").count()) {
            return Outcome::Fits;
        }
        let mut required = list(schema, "required").filter_map(Value::as_str);
        if let Some(missing) = required.find(|key| !map.contains_key(*key)) {
            return Outcome::Misfit(Misfit::here(What::Lacks(missing)));
        }
        let left_out = self.left_out(schema, map);
        let mut better = Vec::new();
        for (key, member) in map.iter().filter(|(key, _)| !left_out.contains(key.as_str())) {
            if self.budget.is_spent() {
                return Outcome::Fits;
            }
            match self.member(schema, key, member, depth) {
                Outcome::Fits => {}
                Outcome::Repaired(repaired) => better.push((key, repaired)),
                Outcome::Misfit(misfit) => return Outcome::Misfit(misfit.under(key)),
            }
        }
        if left_out.is_empty() && better.is_empty() {
            return Outcome::Fits;
        }
        self.copied(value, |copy| {
            let Some(map) = copy.as_object_mut() else { return };
            map.retain(|key, _| !left_out.contains(key.as_str()));
            map.extend(better.into_iter().map(|(key, member)| (key.clone(), member.as_ref().clone())));
        })
    }

    /// `null` for what may be left out means that it is left out.
    fn left_out<'v>(&mut self, schema: &'s Value, map: &'v Map<String, Value>) -> HashSet<&'v str> {
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
            property.is_some_and(|schema| !keywords::takes_null(schema, self.budget))
        });
        left_out
    }

    fn member(&mut self, schema: &'s Value, key: &str, member: &Value, depth: usize) -> Outcome<'s> {
        self.budget.spend(1);
        let known = schema.get("properties").and_then(|all| all.get(key));
        match (known, schema.get("additionalProperties")) {
            (Some(schema), _) => self.check(schema, member, depth + 1),
            (None, Some(Value::Bool(false))) if self.schema.strict => {
                Outcome::Misfit(Misfit::here(What::UnknownProperty))
            }
            (None, Some(schema)) if schema.is_object() => self.check(schema, member, depth + 1),
            (None, _) => Outcome::Fits,
        }
    }

    fn elements(&mut self, schema: &'s Value, value: &Value, depth: usize) -> Outcome<'s> {
        let Some(elements) = value.as_array() else { return Outcome::Fits };
        let first = list(schema, "prefixItems").map(Some);
        let schemas = first.chain(std::iter::repeat(schema.get("items")));
        let mut better = Vec::new();
        for (place, (element, schema)) in elements.iter().zip(schemas).enumerate() {
            let Some(schema) = schema.filter(|_| !self.budget.is_spent()) else { break };
            match self.check(schema, element, depth + 1) {
                Outcome::Fits => {}
                Outcome::Repaired(repaired) => better.push((place, repaired)),
                Outcome::Misfit(misfit) => return Outcome::Misfit(misfit.under(&place.to_string())),
            }
        }
        if better.is_empty() {
            return Outcome::Fits;
        }
        self.copied(value, |copy| {
            for (place, repaired) in better {
                if let Some(element) = copy.get_mut(place) {
                    *element = repaired.as_ref().clone();
                }
            }
        })
    }

    /// A copy with changes, which costs as many steps as there is to copy.
    fn copied(&mut self, value: &Value, change: impl FnOnce(&mut Value)) -> Outcome<'s> {
        let limit = self.budget.left();
        if !self.budget.spend(keywords::weight(value, limit)) {
            return Outcome::Fits;
        }
        let mut copy = value.clone();
        change(&mut copy);
        Outcome::Repaired(Rc::new(copy))
    }

    fn limits(&mut self, schema: &'s Value, value: &Value, _: usize) -> Outcome<'s> {
        let what = if !keywords::is_allowed(schema, value, self.budget) {
            What::Value(schema)
        } else if !keywords::is_within_bounds(schema, value, self.budget) {
            What::Bounds
        } else {
            return Outcome::Fits;
        };
        Outcome::Misfit(Misfit::here(what))
    }

    fn combined(&mut self, schema: &'s Value, value: &Value, depth: usize) -> Outcome<'s> {
        self.in_turn(["allOf", "anyOf", "oneOf"], value, |checker, kind, value| match kind {
            "allOf" => checker.in_turn(list(schema, kind), value, |checker, schema, value| {
                checker.check(schema, value, depth + 1)
            }),
            _ => checker.any_of(list(schema, kind), value, depth),
        })
    }

    /// As it is before changed: a text that one choice takes is not made a number for another.
    fn any_of(
        &mut self,
        choices: impl Iterator<Item = &'s Value>,
        value: &Value,
        depth: usize,
    ) -> Outcome<'s> {
        let (mut repaired, mut misfit) = (None, None);
        for schema in choices {
            if self.budget.is_spent() {
                return Outcome::Fits;
            }
            match self.check(schema, value, depth + 1) {
                Outcome::Fits => return Outcome::Fits,
                Outcome::Repaired(better) => repaired = repaired.or(Some(better)),
                Outcome::Misfit(why) => misfit = misfit.or(Some(why)),
            }
        }
        match (repaired, misfit) {
            (Some(better), _) => Outcome::Repaired(better),
            (None, Some(why)) => Outcome::Misfit(why),
            (None, None) => Outcome::Fits,
        }
    }
}

/// Whether a pair can be met again and costs more than looking it up.
fn is_remembered(schema: &Value, value: &Value) -> bool {
    let combines = ["$ref", "anyOf", "oneOf", "allOf"];
    value.is_object() || value.is_array() || combines.iter().any(|name| schema.get(*name).is_some())
}
