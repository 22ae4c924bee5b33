//! Observer of passed-through lines: finds the model, the usage, the end and errors. Pure.
//!
//! A line is parsed only if it contains one of a few quoted words. Quotes inside a JSON string are escaped, so a quoted
//! word can occur in text only as a whole value; the parser then finds no such field.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::error_mapping;
use protocol::{Usage, is_model_name};

/// Facts observed in a reply.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// The model that answered, by the host's name.
    pub model: Option<String>,
    pub usage: Option<Usage>,
}

const ERROR_KEY: &str = "\"error\"";
const USAGE_KEY: &str = "\"usage\"";
/// Approximate size of a token, for estimates.
const BYTES_PER_TOKEN: u64 = 4;

/// Role of a line in the stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum LineKind {
    /// A chunk that opens the reply, without output.
    Opening,
    Content,
    /// The chunk that holds only the usage.
    Usage,
    Done,
    Error(Value),
    /// A `data:` line that is not a JSON object.
    Malformed,
}

/// The observed fields of a chunk. A field of an unexpected type counts as missing.
#[derive(Deserialize)]
struct ObservedChunk {
    #[serde(default)]
    model: Value,
    #[serde(default)]
    usage: Value,
    #[serde(default)]
    choices: Value,
    #[serde(default)]
    error: Value,
}

/// Observer of a stream, line by line.
#[derive(Debug)]
pub(super) struct UsageObserver {
    finders: &'static KeyFinders,
    observed: Observed,
    prompt_bytes: u64,
    output_bytes: u64,
    started: bool,
}

impl UsageObserver {
    /// Creates an observer for the reply to a prompt of `bytes` bytes.
    pub(super) fn for_prompt(bytes: usize) -> Self {
        Self {
            finders: &KEY_FINDERS,
            observed: Observed::default(),
            prompt_bytes: bytes as u64,
            output_bytes: 0,
            started: false,
        }
    }

    /// The model, if a line has named it.
    pub(super) fn model(&self) -> Option<&str> {
        self.observed.model.as_deref()
    }

    /// The facts so far. The usage is estimated if none was reported.
    pub(super) fn observed(&self) -> Observed {
        let estimate = || Usage {
            prompt_tokens: self.prompt_bytes.div_ceil(BYTES_PER_TOKEN),
            completion_tokens: self.output_bytes.div_ceil(BYTES_PER_TOKEN),
            estimated: true,
            ..Usage::default()
        };
        let usage = self.observed.usage.or_else(|| Some(estimate()));
        Observed { usage, model: self.observed.model.clone() }
    }

    /// Observes the payload of the next line.
    pub(super) fn observe_line(&mut self, payload: &[u8]) -> LineKind {
        if payload == b"[DONE]" {
            return LineKind::Done;
        }
        let finders = self.finders;
        if self.started && finders.error.find(payload).is_none() && !finders.has_usage(payload) {
            self.output_bytes += finders.text_bytes(payload);
            return LineKind::Content;
        }
        let Ok(chunk) = serde_json::from_slice::<ObservedChunk>(payload) else { return LineKind::Malformed };
        self.observe_chunk(chunk, payload)
    }

    fn observe_chunk(&mut self, chunk: ObservedChunk, payload: &[u8]) -> LineKind {
        if error_mapping::is_error_value(&chunk.error) {
            return LineKind::Error(chunk.error);
        }
        if self.observed.model.is_none() {
            self.observed.model = parse_model(&chunk.model);
        }
        let usage = parse_usage(&chunk.usage);
        self.observed.usage = usage.or(self.observed.usage);
        let choices = chunk.choices.as_array().map(Vec::as_slice).unwrap_or_default();
        if choices.is_empty() && usage.is_some() {
            return LineKind::Usage;
        }
        if !self.started && choices.iter().all(is_opening) {
            return LineKind::Opening;
        }
        self.started = true;
        self.output_bytes += self.finders.text_bytes(payload);
        LineKind::Content
    }
}

impl Observed {
    /// Observes a complete response; `None` if it is an error or not a JSON object with a list `field`.
    pub(super) fn from_body(body: &[u8], field: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(default)]
            model: Value,
            #[serde(default)]
            usage: Value,
            #[serde(default)]
            error: Value,
            choices: Option<Vec<IgnoredAny>>,
            data: Option<Vec<IgnoredAny>>,
        }
        let body: Body = serde_json::from_slice(body).ok()?;
        let list = if field == "choices" { body.choices } else { body.data };
        let good = list.is_some_and(|list| !list.is_empty()) && !error_mapping::is_error_value(&body.error);
        good.then(|| Self { model: parse_model(&body.model), usage: parse_usage(&body.usage) })
    }
}

/// The model's name, if it is valid.
pub(super) fn parse_model(value: &Value) -> Option<String> {
    let name = value.as_str()?;
    is_model_name(name).then(|| name.to_owned())
}

/// The usage; `None` if it has no number.
pub(super) fn parse_usage(value: &Value) -> Option<Usage> {
    let number = |name: &str| value[name].as_u64();
    let detail = |of: &str, name: &str| value[of][name].as_u64();
    let prompt = number("prompt_tokens").or_else(|| number("input_tokens"));
    let completion = number("completion_tokens").or_else(|| number("output_tokens"));
    if prompt.is_none() && completion.is_none() {
        return None;
    }
    Some(Usage {
        prompt_tokens: prompt.unwrap_or_default(),
        cached_tokens: detail("prompt_tokens_details", "cached_tokens").unwrap_or_default(),
        completion_tokens: completion.unwrap_or_default(),
        reasoning_tokens: detail("completion_tokens_details", "reasoning_tokens").unwrap_or_default(),
        ..Usage::default()
    })
}

fn is_opening(choice: &Value) -> bool {
    let delta = &choice["delta"];
    let silent = |name: &str| match &delta[name] {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    };
    let all =
        ["content", "reasoning_content", "reasoning", "tool_calls", "images", "refusal", "function_call"];
    choice["finish_reason"].is_null() && all.into_iter().all(silent)
}

/// The searches of all streams, since preparing them would cost more than the first lines of a stream.
static KEY_FINDERS: LazyLock<KeyFinders> = LazyLock::new(|| {
    let text = ["content\":\"", "reasoning\":\"", "arguments\":\""];
    KeyFinders { error: Finder::new(ERROR_KEY), usage: Finder::new(USAGE_KEY), text: text.map(Finder::new) }
});

/// Prepared searches for the words that make a line worth parsing.
#[derive(Debug)]
struct KeyFinders {
    error: Finder<'static>,
    usage: Finder<'static>,
    text: [Finder<'static>; 3],
}

impl KeyFinders {
    /// Whether the line has a usage that is not null.
    fn has_usage(&self, payload: &[u8]) -> bool {
        let Some(at) = self.usage.find(payload) else { return false };
        let rest = payload[at + USAGE_KEY.len()..].trim_ascii_start();
        let value = rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start);
        !value.is_some_and(|value| value.starts_with(b"null"))
    }

    /// Number of bytes of text in the line.
    fn text_bytes(&self, payload: &[u8]) -> u64 {
        let length = |key: &Finder<'_>| {
            let text = &payload[key.find(payload)? + key.needle().len()..];
            let mut end = 0;
            while end < text.len() && text[end] != b'"' {
                end += if text[end] == b'\\' { 2 } else { 1 };
            }
            Some(end as u64)
        };
        self.text.iter().find_map(length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(observer: &mut UsageObserver, text: &str) -> LineKind {
        observer.observe_line(text.as_bytes())
    }

    #[test]
    fn the_lines_of_a_reply_are_classified() {
        let mut observer = UsageObserver::for_prompt(0);
        let opening = r#"{"model":"m-1","choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#;
        assert_eq!(line(&mut observer, opening), LineKind::Opening);
        assert_eq!(
            line(&mut observer, r#"{"choices":[{"delta":{"content":"hello \"x\""}}]}"#),
            LineKind::Content
        );
        assert_eq!(line(&mut observer, r#"{"choices":[{"delta":{"content":"error"}}]}"#), LineKind::Content);
        assert_eq!(observer.observed().usage.unwrap().completion_tokens, 4, "11 bytes and 5");
        let usage = r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":1}}}"#;
        assert_eq!(line(&mut observer, usage), LineKind::Usage);
        assert_eq!(line(&mut observer, "[DONE]"), LineKind::Done);
        let seen = observer.observed();
        assert_eq!(seen.model.as_deref(), Some("m-1"));
        assert_eq!(
            seen.usage.map(|u| (u.prompt_tokens, u.cached_tokens, u.completion_tokens)),
            Some((3, 1, 2))
        );
    }

    #[test]
    fn f11_errors_are_found_wherever_they_are() {
        for text in [r#"{"error":{"message":"x"}}"#, r#"{"id":"1","choices":[],"error":"boom"}"#] {
            let mut observer = UsageObserver { started: true, ..UsageObserver::for_prompt(0) };
            assert!(matches!(line(&mut observer, text), LineKind::Error(_)), "{text}");
        }
        let mut observer = UsageObserver::for_prompt(0);
        let fine = r#"{"error":null,"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#;
        assert_eq!(line(&mut observer, fine), LineKind::Content);
        assert_eq!(line(&mut UsageObserver::for_prompt(0), "not json"), LineKind::Malformed);
    }

    #[test]
    fn f12_a_truncated_complete_response_is_rejected() {
        let body = br#"{"model":"m","choices":[{}],"usage":{"prompt_tokens":1,"total_tokens":1}}"#;
        assert_eq!(Observed::from_body(body, "choices").unwrap().usage.unwrap().prompt_tokens, 1);
        for end in 0..body.len() {
            assert_eq!(Observed::from_body(&body[..end], "choices"), None);
        }
        assert_eq!(Observed::from_body(br#"{"choices":[]}"#, "choices"), None);
        assert!(Observed::from_body(br#"{"data":[{}]}"#, "data").is_some());
    }
}
