//! What is looked at in bytes that pass by: the model, the usage, the end, and errors. Pure.
//!
//! A line is parsed only where one of a few words stands in it. The quotes of text inside a JSON string are escaped, so
//! the words with their quotes can stand there only by being a whole value; the parse then shows that it was nothing.

use memchr::memmem::Finder;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::refusal;
use crate::chat::{Usage, is_model_name};

/// What was seen of a reply.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// The model that answered, as the host calls it.
    pub model: Option<String>,
    pub usage: Option<Usage>,
}

const ERROR: &str = "\"error\"";
const USAGE: &str = "\"usage\"";
/// Roughly; for estimates only.
const BYTES_A_TOKEN: u64 = 4;

/// What a line means for the stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning {
    /// A chunk that opens the reply and says nothing.
    Opening,
    Content,
    /// The chunk that holds the usage and nothing else.
    Usage,
    Done,
    Error(Value),
    /// A `data:` line that is no JSON object.
    Nonsense,
}

/// The parts of a chunk that matter here. What is of another type than expected counts as missing.
#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    model: Value,
    #[serde(default)]
    usage: Value,
    #[serde(default)]
    choices: Value,
    #[serde(default)]
    error: Value,
}

/// Watches a stream line by line.
#[derive(Debug, Default)]
pub(super) struct Observer {
    words: Words,
    seen: Seen,
    prompt_bytes: u64,
    said_bytes: u64,
    begun: bool,
}

impl Observer {
    /// For the reply to a prompt of this much text.
    pub(super) fn of_prompt(bytes: usize) -> Self {
        Self { prompt_bytes: bytes as u64, ..Self::default() }
    }

    /// What was seen so far. Where no usage was told there is an estimate.
    pub(super) fn seen(&self) -> Seen {
        let estimate = || Usage {
            prompt_tokens: self.prompt_bytes.div_ceil(BYTES_A_TOKEN),
            completion_tokens: self.said_bytes.div_ceil(BYTES_A_TOKEN),
            estimated: true,
            ..Usage::default()
        };
        let usage = self.seen.usage.or_else(|| Some(estimate()));
        Seen { usage, model: self.seen.model.clone() }
    }

    /// Takes the next line.
    pub(super) fn line(&mut self, payload: &[u8]) -> Meaning {
        if payload == b"[DONE]" {
            return Meaning::Done;
        }
        let words = &self.words;
        if self.begun && words.error.find(payload).is_none() && !words.tell_usage(payload) {
            self.said_bytes += words.said(payload);
            return Meaning::Content;
        }
        let Ok(chunk) = serde_json::from_slice::<Chunk>(payload) else { return Meaning::Nonsense };
        self.chunk(chunk, payload)
    }

    fn chunk(&mut self, chunk: Chunk, payload: &[u8]) -> Meaning {
        if refusal::holds_error(&chunk.error) {
            return Meaning::Error(chunk.error);
        }
        if self.seen.model.is_none() {
            self.seen.model = model(&chunk.model);
        }
        let usage = usage(&chunk.usage);
        self.seen.usage = usage.or(self.seen.usage);
        let choices = chunk.choices.as_array().map(Vec::as_slice).unwrap_or_default();
        if choices.is_empty() && usage.is_some() {
            return Meaning::Usage;
        }
        if !self.begun && choices.iter().all(is_opening) {
            return Meaning::Opening;
        }
        self.begun = true;
        self.said_bytes += self.words.said(payload);
        Meaning::Content
    }
}

impl Seen {
    /// What a whole answer says of itself; `None` if it is no JSON object with a list `field`, or an error.
    pub(super) fn of(body: &[u8], field: &str) -> Option<Self> {
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
        let good = list.is_some_and(|list| !list.is_empty()) && !refusal::holds_error(&body.error);
        good.then(|| Self { model: model(&body.model), usage: usage(&body.usage) })
    }
}

/// The model's name, if it is fit to be shown.
pub(super) fn model(value: &Value) -> Option<String> {
    let name = value.as_str()?;
    is_model_name(name).then(|| name.to_owned())
}

/// The usage, where it names at least one number.
pub(super) fn usage(value: &Value) -> Option<Usage> {
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

/// The words that are looked for in each line; a search is prepared once for the whole stream.
#[derive(Debug)]
struct Words {
    error: Finder<'static>,
    usage: Finder<'static>,
    said: [Finder<'static>; 3],
}

impl Default for Words {
    fn default() -> Self {
        let said = ["content\":\"", "reasoning\":\"", "arguments\":\""];
        Self { error: Finder::new(ERROR), usage: Finder::new(USAGE), said: said.map(Finder::new) }
    }
}

impl Words {
    /// Whether a usage stands in the line that is not null.
    fn tell_usage(&self, payload: &[u8]) -> bool {
        let Some(at) = self.usage.find(payload) else { return false };
        let rest = payload[at + USAGE.len()..].trim_ascii_start();
        let value = rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start);
        !value.is_some_and(|value| value.starts_with(b"null"))
    }

    /// How many bytes of text the line holds.
    fn said(&self, payload: &[u8]) -> u64 {
        let length = |key: &Finder<'_>| {
            let text = &payload[key.find(payload)? + key.needle().len()..];
            let mut end = 0;
            while end < text.len() && text[end] != b'"' {
                end += if text[end] == b'\\' { 2 } else { 1 };
            }
            Some(end as u64)
        };
        self.said.iter().find_map(length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(observer: &mut Observer, text: &str) -> Meaning {
        observer.line(text.as_bytes())
    }

    #[test]
    fn the_lines_of_a_reply_are_told_apart() {
        let mut observer = Observer::default();
        let opening = r#"{"model":"m-1","choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#;
        assert_eq!(line(&mut observer, opening), Meaning::Opening);
        assert_eq!(
            line(&mut observer, r#"{"choices":[{"delta":{"content":"hello \"x\""}}]}"#),
            Meaning::Content
        );
        assert_eq!(line(&mut observer, r#"{"choices":[{"delta":{"content":"error"}}]}"#), Meaning::Content);
        assert_eq!(observer.seen().usage.unwrap().completion_tokens, 4, "11 bytes and 5");
        let usage = r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":1}}}"#;
        assert_eq!(line(&mut observer, usage), Meaning::Usage);
        assert_eq!(line(&mut observer, "[DONE]"), Meaning::Done);
        let seen = observer.seen();
        assert_eq!(seen.model.as_deref(), Some("m-1"));
        assert_eq!(
            seen.usage.map(|u| (u.prompt_tokens, u.cached_tokens, u.completion_tokens)),
            Some((3, 1, 2))
        );
    }

    #[test]
    fn f11_errors_are_seen_wherever_they_stand() {
        for text in [r#"{"error":{"message":"x"}}"#, r#"{"id":"1","choices":[],"error":"boom"}"#] {
            let mut observer = Observer { begun: true, ..Observer::default() };
            assert!(matches!(line(&mut observer, text), Meaning::Error(_)), "{text}");
        }
        let mut observer = Observer::default();
        let fine = r#"{"error":null,"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#;
        assert_eq!(line(&mut observer, fine), Meaning::Content);
        assert_eq!(line(&mut Observer::default(), "not json"), Meaning::Nonsense);
    }

    #[test]
    fn f12_a_whole_answer_is_whole_or_nothing() {
        let body = br#"{"model":"m","choices":[{}],"usage":{"prompt_tokens":1,"total_tokens":1}}"#;
        assert_eq!(Seen::of(body, "choices").unwrap().usage.unwrap().prompt_tokens, 1);
        for end in 0..body.len() {
            assert_eq!(Seen::of(&body[..end], "choices"), None);
        }
        assert_eq!(Seen::of(br#"{"choices":[]}"#, "choices"), None);
        assert!(Seen::of(br#"{"data":[{}]}"#, "data").is_some());
    }
}
