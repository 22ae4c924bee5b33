//! Check of a value against the part of JSON Schema that tools use, with repairs where only one reading is
//! possible.
//!
//! Supported: `type`, `properties`, `required`, `additionalProperties`, `items`, `prefixItems`, `enum`, `const`, `anyOf`,
//! `oneOf`, `allOf`, local `$ref`, the bounds of numbers, strings and arrays. Other keywords are ignored: the client
//! checks the arguments itself, and the model can repeat a call that the client rejects.
//!
//! The work is bounded: each pair of a schema and a value is checked once, so that choices inside choices cost at most
//! their product, and past a [`StepBudget`] a value counts as unchecked.

mod checker;
mod coercion;
mod keywords;
mod misfit;

#[cfg(test)]
mod complexity_tests;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use serde_json::Value;

use self::checker::{CheckOutcome, Checker};
use super::budget::StepBudget;

/// Maximum depth of schemas and values; deeper values count as valid.
const MAX_DEPTH: usize = 64;
/// Maximum number of references followed to find a property.
const MAX_REFERENCE_CHAIN: usize = 8;

/// A schema and the document that its references point into.
#[derive(Clone, Copy)]
pub(super) struct Schema<'a> {
    root: &'a Value,
    /// Whether properties that the schema does not name are errors.
    strict: bool,
}

/// The result of a check without a mismatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FitResult {
    Unchanged,
    /// The value was changed and is valid now.
    Repaired,
    /// The budget was exhausted before the end of the check. The value is unchanged.
    Unchecked,
}

impl<'a> Schema<'a> {
    pub(super) fn new(root: &'a Value, strict: bool) -> Self {
        Self { root, strict }
    }

    /// Checks a value, and repairs it where that is unambiguous.
    ///
    /// # Errors
    /// A sentence for the model, if the value is not valid and has no unambiguous repair.
    pub(super) fn fit(self, value: &mut Value, budget: &mut StepBudget) -> Result<FitResult, String> {
        let outcome = Checker::new(self, budget).check(self.root, value, 0);
        if budget.is_exhausted() {
            return Ok(FitResult::Unchecked);
        }
        match outcome {
            CheckOutcome::Fits => Ok(FitResult::Unchanged),
            CheckOutcome::Repaired(repaired) => {
                *value = Rc::unwrap_or_clone(repaired);
                Ok(FitResult::Repaired)
            }
            CheckOutcome::Misfit(misfit) => Err(misfit.to_string()),
        }
    }

    /// The schema of a property of the root object.
    pub(super) fn property(self, name: &str) -> Option<&'a Value> {
        self.resolve(self.root).get("properties")?.get(name).map(|schema| self.resolve(schema))
    }

    /// Whether a schema accepts a string.
    pub(super) fn accepts_string(self, schema: &'a Value, budget: &mut StepBudget) -> bool {
        let text = Value::String("x".into());
        let outcome = Checker::new(self, budget).check(schema, &text, MAX_DEPTH - MAX_REFERENCE_CHAIN);
        let has_type = |name| keywords::types(schema).any(|other| other == name);
        matches!(outcome, CheckOutcome::Fits)
            || (has_type("string") && !has_type("object") && !has_type("array"))
    }

    fn resolve(self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _ in 0..MAX_REFERENCE_CHAIN {
            match keywords::reference(schema).and_then(|path| self.resolve_reference(path)) {
                Some(found) => schema = found,
                None => break,
            }
        }
        schema
    }

    /// Resolves a reference within the document.
    fn resolve_reference(self, reference: &str) -> Option<&'a Value> {
        self.root.pointer(reference.strip_prefix('#')?)
    }
}
