//! Extraction and check of the JSON value that a client requested, from a model's answer.

use serde_json::Value;

use super::budget::{OFFLOADED_STEPS, StepBudget};
use super::call_reader::strip_fence;
use super::json_scanner::{JsonScanner, ScanResult};
use super::lenient_json;
use super::schema::{FitResult, Schema};
use protocol::ResponseFormat;

/// The JSON value of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonOutput {
    /// The JSON text, as the model wrote it where that is valid.
    pub(super) text: String,
    /// Whether the value was too large to be checked against its schema.
    pub(super) unchecked: bool,
}

/// Extracts the JSON value of an answer. Slow where the answer or its schema is large.
///
/// # Errors
/// A sentence for the model that says what is wrong.
pub(super) fn extract_json(answer: &str, format: &ResponseFormat) -> Result<JsonOutput, String> {
    let (text, mut value) = find_value(answer).ok_or("there is no valid JSON in it")?;
    let mut budget = StepBudget::new(OFFLOADED_STEPS);
    let fitted = match format {
        ResponseFormat::Text => FitResult::Unchanged,
        ResponseFormat::JsonObject if value.is_object() => FitResult::Unchanged,
        ResponseFormat::JsonObject => return Err("it is not a JSON object".to_owned()),
        ResponseFormat::JsonSchema { schema, strict, .. } => {
            Schema::new(schema, *strict).fit(&mut value, &mut budget)?
        }
    };
    let text =
        text.filter(|_| fitted != FitResult::Repaired).map_or_else(|| value.to_string(), str::to_owned);
    Ok(JsonOutput { text, unchecked: fitted == FitResult::Unchecked })
}

/// The value, with its text where that is valid JSON.
fn find_value(answer: &str) -> Option<(Option<&str>, Value)> {
    let whole = answer.trim();
    let fenced = whole.find("```").map(|at| strip_fence(fenced_block(&whole[at..])));
    let candidates = [Some(whole), fenced, first_bracketed(whole)];
    for text in candidates.iter().flatten() {
        if let Ok(value) = serde_json::from_str(text) {
            return Some((Some(text), value));
        }
    }
    candidates
        .into_iter()
        .flatten()
        .find_map(|text| Some((None, lenient_json::parse_single(&format!("{text}\n"))?)))
}

/// The content of a code fence.
fn fenced_block(text: &str) -> &str {
    match text[3..].find("\n```") {
        Some(end) => &text[..end + 7],
        None => text,
    }
}

/// The first object or array in surrounding text.
fn first_bracketed(text: &str) -> Option<&str> {
    let text = &text[text.find(['{', '['])?..];
    match JsonScanner::lenient().feed(text.as_bytes()) {
        ScanResult::End(end) => Some(&text[..end]),
        ScanResult::NeedMore | ScanResult::Unexpected(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_found_inside_fences_and_prose() {
        for answer in [
            "{\"a\": 1}",
            "\n{\"a\": 1}\n",
            "```json\n{\"a\": 1}\n```",
            "Here it is:\n```json\n{\"a\": 1}\n```\nAnything else?",
            "Sure: {\"a\": 1} as you wished.",
        ] {
            assert_eq!(
                extract_json(answer, &ResponseFormat::JsonObject).unwrap().text,
                "{\"a\": 1}",
                "{answer}"
            );
        }
        assert_eq!(extract_json("{'a': 1,}", &ResponseFormat::JsonObject).unwrap().text, "{\"a\":1}");
    }

    #[test]
    fn a_schema_mismatch_is_reported() {
        assert!(extract_json("no", &ResponseFormat::JsonObject).is_err());
        assert!(extract_json("[1]", &ResponseFormat::JsonObject).is_err());
        let schema = json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}});
        let format = ResponseFormat::JsonSchema { name: "x".into(), schema, strict: true };
        assert!(extract_json("{}", &format).unwrap_err().contains("\"n\""));
        assert_eq!(extract_json("{\"n\": \"1\"}", &format).unwrap().text, "{\"n\":1}");
        let list =
            ResponseFormat::JsonSchema { name: "x".into(), schema: json!({"type": "array"}), strict: true };
        assert_eq!(extract_json("[1, 2]", &list).unwrap().text, "[1, 2]");
    }
}
