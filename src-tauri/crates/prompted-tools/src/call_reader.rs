//! Reader of the tool calls in a complete block, JSON or tags, with a check against the offered tools.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::budget::StepBudget;
use super::lenient_json;
use super::schema::{FitResult, Schema};
use super::tool_set::ToolSet;
use super::xml_calls;
use protocol::Tool;

/// The result of reading one call of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ParsedCall {
    Valid(ValidCall),
    /// A call that is not valid. The sentence is for the model and says why.
    Invalid(String),
}

/// A call of an offered tool, with arguments that are valid against its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ValidCall {
    pub(super) name: String,
    pub(super) arguments: String,
}

/// A call as the model wrote it, not checked yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RawCall {
    pub(super) name: String,
    pub(super) arguments: RawArguments,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum RawArguments {
    /// Arguments as valid JSON.
    Exact(String),
    Value(Value),
    /// Arguments as JSON that may be malformed.
    Text(String),
    /// Arguments as parameters from tags. The schema decides whether a value is a string or JSON.
    Fields(Vec<(String, String)>),
}

/// Maximum length in bytes of an unknown tool's name in a sentence for the model.
const MAX_REPEATED_NAME_BYTES: usize = 256;

/// Confidence that a block is a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Confidence {
    /// The block has the tags of calls: if it cannot be read, it is a broken call.
    Certain,
    /// The block has no tags: it is a call only if it is a valid one.
    Possible,
}

/// Maximum number of calls in a block; each invalid one gets a sentence.
const MAX_CALLS_PER_BLOCK: usize = 100;

/// Reads the calls of a block; `None` if it has none. `whole` is whether the block is closed. If the budget is
/// exhausted afterwards, the arguments were not checked and count as valid.
pub(super) fn read_calls(
    block: &str,
    whole: bool,
    confidence: Confidence,
    tools: &ToolSet,
    budget: &mut StepBudget,
) -> Option<Vec<ParsedCall>> {
    let raw_calls = parse_raw_calls(block, whole).filter(|written| !written.is_empty());
    let Some(written) = raw_calls else { return parse_unreadable(block, confidence, tools) };
    // A tag of another form without the name of an offered tool is not a call.
    if block.trim_start().starts_with('<') && !written.iter().any(|call| tools.find(&call.name).is_some()) {
        return None;
    }
    if written.len() > MAX_CALLS_PER_BLOCK {
        let why = format!("it holds more than {MAX_CALLS_PER_BLOCK} calls");
        return (confidence == Confidence::Certain).then(|| vec![ParsedCall::Invalid(why)]);
    }
    let parsed: Vec<ParsedCall> = written.into_iter().map(|call| check_call(call, tools, budget)).collect();
    let sure = confidence == Confidence::Certain
        || parsed.iter().all(|reading| matches!(reading, ParsedCall::Valid(_)));
    sure.then_some(parsed)
}

fn parse_raw_calls(block: &str, whole: bool) -> Option<Vec<RawCall>> {
    if !block.trim_start().starts_with('<') {
        return parse_json_calls(block, whole).or_else(|| xml_calls::parse_calls(block, whole));
    }
    match xml_calls::wrapper_contents(block) {
        Some(inner) => inner.into_iter().try_fold(Vec::new(), |mut all, inner| {
            all.extend(parse_json_calls(inner, true).or_else(|| xml_calls::parse_calls(inner, true))?);
            Some(all)
        }),
        None => xml_calls::parse_calls(block, whole),
    }
}

/// Handles a block in call tags that is no JSON: a broken call if it names a tool, otherwise text.
fn parse_unreadable(block: &str, confidence: Confidence, offer: &ToolSet) -> Option<Vec<ParsedCall>> {
    let names_a_tool = || {
        let found_after =
            |key: &str| block.find(key).and_then(|at| quoted_word_after(&block[at + key.len()..]));
        ["\"name\"", "'name'", "name:"]
            .into_iter()
            .filter_map(found_after)
            .any(|name| offer.find(name).is_some())
    };
    let broken = confidence == Confidence::Certain && names_a_tool();
    broken.then(|| vec![ParsedCall::Invalid("it is not valid JSON".to_owned())])
}

fn quoted_word_after(text: &str) -> Option<&str> {
    let text = text.trim_start_matches([':', ' ', '"', '\'', '\n']);
    let end = text.find(['"', '\'', ',', '\n', '}'])?;
    Some(text[..end].trim())
}

fn check_call(call: RawCall, offer: &ToolSet, budget: &mut StepBudget) -> ParsedCall {
    let Some(tool) = offer.find(&call.name) else {
        let names: Vec<&str> = offer.tools().iter().map(|tool| tool.name.as_str()).take(100).collect();
        let name = &call.name[..call.name.floor_char_boundary(MAX_REPEATED_NAME_BYTES)];
        let sentence = format!("there is no tool {name:?}; the tools are {}", names.join(", "));
        return ParsedCall::Invalid(sentence);
    };
    match check_arguments(call.arguments, tool, budget) {
        Ok(arguments) => ParsedCall::Valid(ValidCall { name: tool.name.clone(), arguments }),
        Err(why) => ParsedCall::Invalid(format!("the arguments of {}: {why}", tool.name)),
    }
}

fn check_arguments(given: RawArguments, tool: &Tool, budget: &mut StepBudget) -> Result<String, String> {
    let schema = Schema::new(&tool.parameters, tool.strict);
    let (exact, mut value) = match given {
        RawArguments::Exact(text) => {
            let value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            (Some(text), value)
        }
        RawArguments::Value(value) => (None, value),
        RawArguments::Text(text) => match serde_json::from_str(&text) {
            Ok(value) => (Some(text), value),
            Err(_) if text.trim().is_empty() => (None, Value::Object(serde_json::Map::new())),
            Err(_) => {
                (None, lenient_json::parse_single(strip_fence(&text)).ok_or("they are not valid JSON")?)
            }
        },
        RawArguments::Fields(fields) => (None, arguments_from_fields(fields, schema, budget)),
    };
    // Some models write the arguments as a string of JSON, as the vendors' APIs do.
    let (exact, mut value) = match value.as_str() {
        Some(text) if text.trim().is_empty() => (None, Value::Null),
        Some(text) => (None, lenient_json::parse_single(text).ok_or("they are not a JSON object")?),
        None => (exact, std::mem::take(&mut value)),
    };
    if value.is_null() {
        value = Value::Object(serde_json::Map::new());
    }
    if !value.is_object() {
        return Err("they are not a JSON object".to_owned());
    }
    let fitted = schema.fit(&mut value, budget)?;
    let exact = exact.filter(|text| fitted != FitResult::Repaired && text.trim_start().starts_with('{'));
    Ok(exact.map_or_else(|| value.to_string(), |text| text.trim().to_owned()))
}

fn arguments_from_fields(
    fields: Vec<(String, String)>,
    schema: Schema<'_>,
    budget: &mut StepBudget,
) -> Value {
    let mut value = |name: &str, text: String| match schema.property(name) {
        Some(property) if schema.accepts_string(property, budget) => Value::String(text),
        Some(_) | None => serde_json::from_str(text.trim()).unwrap_or(Value::String(text)),
    };
    Value::Object(fields.into_iter().map(|(name, text)| (name.clone(), value(&name, text))).collect())
}

/// Reads the calls of a text that is only JSON, with or without a code fence.
fn parse_json_calls(block: &str, whole: bool) -> Option<Vec<RawCall>> {
    let text = strip_fence(block);
    if let Some(written) = parse_documented_form(text) {
        return Some(written);
    }
    // A closed block is complete, so a number at its end is not truncated; the line break ends it.
    let values = if whole {
        lenient_json::parse_values(&format!("{text}\n"), usize::MAX)?
    } else {
        lenient_json::parse_values(text, MAX_MISSING_BRACKETS)?
    };
    let mut written = Vec::new();
    for value in values {
        collect_calls(value, &mut written)?;
    }
    Some(written)
}

/// Reads the documented form, whose arguments are kept as written.
fn parse_documented_form(text: &str) -> Option<Vec<RawCall>> {
    #[derive(Deserialize)]
    struct Call<'a> {
        name: String,
        #[serde(borrow)]
        arguments: &'a RawValue,
    }
    let calls = serde_json::Deserializer::from_str(text).into_iter::<Call<'_>>();
    let written = calls.map(|call| {
        let call = call.ok()?;
        Some(RawCall { name: call.name, arguments: RawArguments::Exact(call.arguments.get().to_owned()) })
    });
    written.collect()
}

/// Closing brackets that may be missing where a reply ends inside a call. With more missing, the arguments may be cut.
const MAX_MISSING_BRACKETS: usize = 1;
const NAME_KEYS: [&str; 6] = ["name", "tool_name", "tool", "function_name", "action", "recipient_name"];
const ARGUMENT_KEYS: [&str; 8] =
    ["arguments", "parameters", "input", "args", "params", "action_input", "tool_input", "tool_parameters"];
const LIST_KEYS: [&str; 3] = ["tool_calls", "tool_uses", "calls"];
const CALL_KEYS: [&str; 3] = ["function", "function_call", "tool_call"];

/// Collects the calls of a value in any of the shapes of the vendors' APIs. `None` for other values.
fn collect_calls(value: Value, written: &mut Vec<RawCall>) -> Option<()> {
    if let Value::Array(list) = value {
        return list.into_iter().try_for_each(|value| collect_calls(value, written));
    }
    let Value::Object(mut map) = value else { return None };
    if let Some(list) = LIST_KEYS.iter().find_map(|key| map.remove(*key)) {
        return collect_calls(list, written);
    }
    let arguments = ARGUMENT_KEYS.iter().find_map(|key| map.remove(*key));
    if let Some(key) = CALL_KEYS.iter().find(|key| map.get(**key).is_some_and(Value::is_object)) {
        return collect_calls(map.remove(*key)?, written);
    }
    let mut keys = NAME_KEYS.iter().chain(&CALL_KEYS);
    let name = keys.find_map(|key| map.get(*key).and_then(Value::as_str))?.to_owned();
    let arguments = match arguments {
        Some(Value::String(text)) => RawArguments::Text(text),
        Some(other) => RawArguments::Value(other),
        // A tool without parameters may be called with its name alone.
        None if map.len() <= 3 => RawArguments::Value(Value::Object(serde_json::Map::new())),
        None => return None,
    };
    written.push(RawCall { name, arguments });
    Some(())
}

/// Removes the code fence around a text.
pub(super) fn strip_fence(text: &str) -> &str {
    let inner = text.trim();
    let Some(opened) = inner.strip_prefix("```") else { return inner };
    let Some((info, body)) = opened.split_once('\n') else { return inner };
    if info.trim().contains(|c: char| !c.is_alphanumeric() && c != '_' && c != '-') {
        return inner;
    }
    body.trim_end().strip_suffix("```").unwrap_or(body).trim()
}
