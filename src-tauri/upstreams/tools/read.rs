//! Reads the calls out of a block that looks like one or several: its JSON, or its markup, checked against the tools.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::budget::StepBudget;
use super::markup;
use super::offer::Offer;
use super::repair;
use super::schema::{Fitted, Schema};
use crate::chat::Tool;

/// What one call in a block came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    Good(Found),
    /// It was meant as a call and cannot be made; the sentence tells the model why.
    Bad(String),
}

/// A call of a tool that is offered, with arguments that fit its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) arguments: String,
}

/// A call as it is written, before anything of it is checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    pub(super) name: String,
    pub(super) arguments: Arguments,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Arguments {
    /// JSON text that parses.
    Exact(String),
    Value(Value),
    /// JSON text, perhaps a broken one.
    Text(String),
    /// Parameters as markup has them: what is a text and what is JSON says the schema.
    Fields(Vec<(String, String)>),
}

/// The longest name of an unknown tool that is repeated to the model, bytes.
const LONGEST_NAME: usize = 256;

/// How sure it is that a block is meant as a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meant {
    /// It stands in the marks of calls: what cannot be read is a broken call.
    Surely,
    /// It is a call only if it is one without any doubt.
    Perhaps,
}

/// The most calls in one block: each that cannot be made is answered with a sentence.
const MOST_CALLS: usize = 100;

/// The calls of a block; `None` if it is none. `whole` says that the block has its own end. Where the budget is spent
/// afterwards, arguments count as fitting.
pub(super) fn read(
    block: &str,
    whole: bool,
    meant: Meant,
    offer: &Offer,
    budget: &mut StepBudget,
) -> Option<Vec<Reading>> {
    let written = written(block, whole).filter(|written| !written.is_empty());
    let Some(written) = written else { return unreadable(block, meant, offer) };
    // A tag of another form with a name nobody offered is about something else.
    if block.trim_start().starts_with('<') && !written.iter().any(|call| offer.find(&call.name).is_some()) {
        return None;
    }
    if written.len() > MOST_CALLS {
        let why = format!("it holds more than {MOST_CALLS} calls");
        return (meant == Meant::Surely).then(|| vec![Reading::Bad(why)]);
    }
    let readings: Vec<Reading> = written.into_iter().map(|call| checked(call, offer, budget)).collect();
    let sure = meant == Meant::Surely || readings.iter().all(|reading| matches!(reading, Reading::Good(_)));
    sure.then_some(readings)
}

fn written(block: &str, whole: bool) -> Option<Vec<Written>> {
    if !block.trim_start().starts_with('<') {
        return json(block, whole).or_else(|| markup::written(block, whole));
    }
    match markup::wrapped(block) {
        Some(inner) => inner.into_iter().try_fold(Vec::new(), |mut all, inner| {
            all.extend(json(inner, true).or_else(|| markup::written(inner, true))?);
            Some(all)
        }),
        None => markup::written(block, whole),
    }
}

/// A block in the marks of a call that is no JSON: a broken call if it names a tool, and only talk if not.
fn unreadable(block: &str, meant: Meant, offer: &Offer) -> Option<Vec<Reading>> {
    let names_a_tool = || {
        let named = |key: &str| block.find(key).and_then(|at| word_after(&block[at + key.len()..]));
        ["\"name\"", "'name'", "name:"].into_iter().filter_map(named).any(|name| offer.find(name).is_some())
    };
    let broken = meant == Meant::Surely && names_a_tool();
    broken.then(|| vec![Reading::Bad("it is not valid JSON".to_owned())])
}

fn word_after(text: &str) -> Option<&str> {
    let text = text.trim_start_matches([':', ' ', '"', '\'', '\n']);
    let end = text.find(['"', '\'', ',', '\n', '}'])?;
    Some(text[..end].trim())
}

fn checked(call: Written, offer: &Offer, budget: &mut StepBudget) -> Reading {
    let Some(tool) = offer.find(&call.name) else {
        let names: Vec<&str> = offer.tools().iter().map(|tool| tool.name.as_str()).take(100).collect();
        let name = &call.name[..call.name.floor_char_boundary(LONGEST_NAME)];
        let sentence = format!("there is no tool {name:?}; the tools are {}", names.join(", "));
        return Reading::Bad(sentence);
    };
    match arguments(call.arguments, tool, budget) {
        Ok(arguments) => Reading::Good(Found { name: tool.name.clone(), arguments }),
        Err(why) => Reading::Bad(format!("the arguments of {}: {why}", tool.name)),
    }
}

fn arguments(given: Arguments, tool: &Tool, budget: &mut StepBudget) -> Result<String, String> {
    let schema = Schema::new(&tool.parameters, tool.strict);
    let (exact, mut value) = match given {
        Arguments::Exact(text) => {
            let value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            (Some(text), value)
        }
        Arguments::Value(value) => (None, value),
        Arguments::Text(text) => match serde_json::from_str(&text) {
            Ok(value) => (Some(text), value),
            Err(_) if text.trim().is_empty() => (None, Value::Object(serde_json::Map::new())),
            Err(_) => (None, repair::value(unfenced(&text)).ok_or("they are not valid JSON")?),
        },
        Arguments::Fields(fields) => (None, from_fields(fields, schema, budget)),
    };
    // Some models write the arguments as JSON in a text, as the wire forms of APIs do.
    let (exact, mut value) = match value.as_str() {
        Some(text) if text.trim().is_empty() => (None, Value::Null),
        Some(text) => (None, repair::value(text).ok_or("they are not a JSON object")?),
        None => (exact, std::mem::take(&mut value)),
    };
    if value.is_null() {
        value = Value::Object(serde_json::Map::new());
    }
    if !value.is_object() {
        return Err("they are not a JSON object".to_owned());
    }
    let fitted = schema.fit(&mut value, budget)?;
    let exact = exact.filter(|text| fitted != Fitted::Repaired && text.trim_start().starts_with('{'));
    Ok(exact.map_or_else(|| value.to_string(), |text| text.trim().to_owned()))
}

fn from_fields(fields: Vec<(String, String)>, schema: Schema<'_>, budget: &mut StepBudget) -> Value {
    let mut value = |name: &str, text: String| match schema.property(name) {
        Some(property) if schema.takes_text(property, budget) => Value::String(text),
        Some(_) | None => serde_json::from_str(text.trim()).unwrap_or(Value::String(text)),
    };
    Value::Object(fields.into_iter().map(|(name, text)| (name.clone(), value(&name, text))).collect())
}

/// The calls of a text that holds nothing but JSON, perhaps in a fence.
fn json(block: &str, whole: bool) -> Option<Vec<Written>> {
    let text = unfenced(block);
    if let Some(written) = documented(text) {
        return Some(written);
    }
    // What has its own end is complete, and a number at its end is not cut.
    let values = if whole {
        repair::values(&format!("{text}\n"), usize::MAX)?
    } else {
        repair::values(text, CUT_OPEN)?
    };
    let mut written = Vec::new();
    for value in values {
        collect(value, &mut written)?;
    }
    Some(written)
}

/// The documented form, whose arguments are kept as they are written.
fn documented(text: &str) -> Option<Vec<Written>> {
    #[derive(Deserialize)]
    struct Call<'a> {
        name: String,
        #[serde(borrow)]
        arguments: &'a RawValue,
    }
    let calls = serde_json::Deserializer::from_str(text).into_iter::<Call<'_>>();
    let written = calls.map(|call| {
        let call = call.ok()?;
        Some(Written { name: call.name, arguments: Arguments::Exact(call.arguments.get().to_owned()) })
    });
    written.collect()
}

/// Where a reply ends in a call, only its last bracket may be missing: of arguments that are cut nobody knows whether they
/// were complete.
const CUT_OPEN: usize = 1;
const NAME_KEYS: [&str; 6] = ["name", "tool_name", "tool", "function_name", "action", "recipient_name"];
const ARGUMENT_KEYS: [&str; 8] =
    ["arguments", "parameters", "input", "args", "params", "action_input", "tool_input", "tool_parameters"];
const LIST_KEYS: [&str; 3] = ["tool_calls", "tool_uses", "calls"];
const CALL_KEYS: [&str; 3] = ["function", "function_call", "tool_call"];

/// The calls of a value in any of the shapes that models know from APIs. `None` if it is something else.
fn collect(value: Value, written: &mut Vec<Written>) -> Option<()> {
    if let Value::Array(list) = value {
        return list.into_iter().try_for_each(|value| collect(value, written));
    }
    let Value::Object(mut map) = value else { return None };
    if let Some(list) = LIST_KEYS.iter().find_map(|key| map.remove(*key)) {
        return collect(list, written);
    }
    let arguments = ARGUMENT_KEYS.iter().find_map(|key| map.remove(*key));
    if let Some(key) = CALL_KEYS.iter().find(|key| map.get(**key).is_some_and(Value::is_object)) {
        return collect(map.remove(*key)?, written);
    }
    let mut keys = NAME_KEYS.iter().chain(&CALL_KEYS);
    let name = keys.find_map(|key| map.get(*key).and_then(Value::as_str))?.to_owned();
    let arguments = match arguments {
        Some(Value::String(text)) => Arguments::Text(text),
        Some(other) => Arguments::Value(other),
        // A tool without parameters may be called with its name alone.
        None if map.len() <= 3 => Arguments::Value(Value::Object(serde_json::Map::new())),
        None => return None,
    };
    written.push(Written { name, arguments });
    Some(())
}

/// A text without the code fence around it.
pub(super) fn unfenced(text: &str) -> &str {
    let inner = text.trim();
    let Some(opened) = inner.strip_prefix("```") else { return inner };
    let Some((info, body)) = opened.split_once('\n') else { return inner };
    if info.trim().contains(|c: char| !c.is_alphanumeric() && c != '_' && c != '-') {
        return inner;
    }
    body.trim_end().strip_suffix("```").unwrap_or(body).trim()
}
