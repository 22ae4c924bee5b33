//! What a call may begin with, judged by as little of the text as possible.

use super::markup::{self, WRAPPERS};
use super::offer::Offer;

/// The beginning of something that may be a call. Offsets count from its first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Opener {
    /// A tag. The content from `body` on is what is read; its end is looked for from `scan` on.
    Tag { body: usize, scan: usize, json: bool, close: Option<String> },
    /// JSON without any mark around it.
    Json,
    /// A code fence of calls: `body` is where its content begins.
    Fence { body: usize, mark: char, length: usize },
    /// A code fence of something else.
    OtherFence { body: usize, mark: char, length: usize },
    /// The model plays the tool itself.
    Result,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Yes(Opener),
    No,
    /// More of the text is needed to tell.
    Open,
}

/// Tags that say themselves what is called.
const NAMED: [&str; 5] = ["invoke name=", "function=", "function name=", "tool_call name=", "tool_use name="];
/// Marks of other models: the beginning, and the end where they have one.
const MARKS: [(&str, Option<&str>); 5] = [
    ("<｜tool▁calls▁begin｜>", Some("<｜tool▁calls▁end｜>")),
    ("<|tool_calls_section_begin|>", Some("<|tool_calls_section_end|>")),
    ("<|tool_call|>", None),
    ("<|python_tag|>", None),
    ("[TOOL_CALLS]", None),
];
/// How results are written in the history.
const RESULT: &str = "<tool_result";
/// A namespace that a model family puts before its tags.
const NAMESPACE: &str = "antml:";
/// What fences of calls say of their content.
const INFOS: [&str; 12] = [
    "",
    "json",
    "jsonc",
    "json5",
    "xml",
    "tool_call",
    "tool_calls",
    "tool_code",
    "tool_use",
    "tool",
    "function",
    "function_call",
];
/// The longest first line of a fence that is waited for.
const LONGEST_INFO: usize = 64;
/// The longest beginning of a JSON value that is waited for.
const LONGEST_START: usize = 400;
/// First keys that only calls have, and those whose value must name a tool.
const CALL_KEYS: [&str; 7] =
    ["tool_calls", "tool_uses", "function_call", "tool_call", "function", "arguments", "parameters"];
const NAME_KEYS: [&str; 6] = ["name", "tool_name", "tool", "function_name", "action", "recipient_name"];
const KIND_KEYS: [&str; 1] = ["type"];
const KINDS: [&str; 5] = ["function", "tool_use", "tool_call", "function_call", "tool_calls"];

/// What stands at the beginning of `text`.
pub(super) fn opener(text: &str, offer: &Offer) -> Found {
    match text.as_bytes().first() {
        Some(b'<') => tag(text, offer),
        Some(b'`' | b'~') => fence(text, offer),
        Some(b'[') => match mark(text, offer) {
            Found::No => json(text, offer),
            found @ (Found::Yes(_) | Found::Open) => found,
        },
        Some(b'{') => json(text, offer),
        Some(_) => Found::No,
        None => Found::Open,
    }
}

/// A tag, wherever it stands.
pub(super) fn tag(text: &str, offer: &Offer) -> Found {
    let rest = &text[1..];
    if !matches!(rest.as_bytes().first(), None | Some(b't' | b'f' | b'i' | b'a' | b'|' | 0xef)) {
        return Found::No;
    }
    let mut open = match mark(text, offer) {
        Found::Yes(opener) => return Found::Yes(opener),
        Found::Open => true,
        Found::No => false,
    };
    match starts(text, RESULT) {
        Start::Yes => return Found::Yes(Opener::Result),
        Start::Open => open = true,
        Start::No => {}
    }
    open |= starts(rest, NAMESPACE) == Start::Open;
    let spaced = rest.strip_prefix(NAMESPACE).map(|inner| (NAMESPACE, inner));
    for (space, inner) in [("", rest)].into_iter().chain(spaced) {
        let before = 1 + space.len();
        for name in WRAPPERS {
            match starts(inner, name) {
                Start::Open => open = true,
                Start::No => {}
                Start::Yes if inner.len() == name.len() => open = true,
                Start::Yes if inner.as_bytes()[name.len()] != b'>' => {}
                Start::Yes => {
                    let at = before + name.len() + 1;
                    return content(text, at, Some(format!("</{space}{name}>")), offer);
                }
            }
        }
        for name in NAMED {
            match starts(inner, name) {
                Start::Open => open = true,
                Start::No => {}
                Start::Yes => return named(text, before, space, name, offer),
            }
        }
    }
    if open { Found::Open } else { Found::No }
}

/// The length of a closing tag that may be left over from a call: `None` while too little is there, `Some(None)` if it is
/// none.
pub(super) fn closing(text: &str) -> Option<Option<usize>> {
    let mut open = false;
    let inner = text.strip_prefix("</")?;
    let (space, inner) = inner.strip_prefix(NAMESPACE).map_or((0, inner), |inner| (NAMESPACE.len(), inner));
    for name in WRAPPERS.into_iter().chain(["invoke", "function"]) {
        match starts(inner, name) {
            Start::Yes if inner[name.len()..].starts_with('>') => return Some(Some(3 + space + name.len())),
            Start::Yes => open |= inner.len() == name.len(),
            Start::Open => open = true,
            Start::No => {}
        }
    }
    open |= space == 0 && starts(inner, NAMESPACE) == Start::Open;
    if open { None } else { Some(None) }
}

/// A tag that says what it calls: it is one if that is a tool.
fn named(text: &str, before: usize, space: &str, start: &str, offer: &Offer) -> Found {
    let tag = &start[..start.find([' ', '=']).unwrap_or(start.len())];
    let head = &text[before + tag.len()..];
    let head = &head[..head.floor_char_boundary(LONGEST_START)];
    let Some(end) = head.find('>') else {
        return if head.len() + 4 < LONGEST_START { Found::Open } else { Found::No };
    };
    if markup::name_in(&head[..end]).is_none_or(|name| offer.find(name).is_none()) {
        return Found::No;
    }
    let scan = before + tag.len() + end + 1;
    Found::Yes(Opener::Tag { body: 0, scan, json: false, close: Some(format!("</{space}{tag}>")) })
}

fn mark(text: &str, offer: &Offer) -> Found {
    let mut open = false;
    for (start, close) in MARKS {
        match starts(text, start) {
            Start::Yes => return content(text, start.len(), close.map(str::to_owned), offer),
            Start::Open => open = true,
            Start::No => {}
        }
    }
    if open { Found::Open } else { Found::No }
}

/// Whether what follows a mark can be a call: JSON, a fence, a tag, or the name of a tool.
fn content(text: &str, at: usize, close: Option<String>, offer: &Offer) -> Found {
    let window = &text[at..at + text[at..].floor_char_boundary(LONGEST_START)];
    let complete = text.len() - at >= LONGEST_START;
    let undecided = if complete { Found::No } else { Found::Open };
    let start = window.trim_start();
    let body = at + window.len() - start.len();
    let tag = |scan, json| Found::Yes(Opener::Tag { body, scan, json, close: close.clone() });
    match start.chars().next() {
        None => undecided,
        Some('{' | '[') => tag(body, true),
        Some('`' | '<') if close.is_some() => tag(body, false),
        Some(_) => match start.find(['\n', '<', '{', '[']) {
            None => undecided,
            Some(end) if offer.find(&start[..end]).is_none() => Found::No,
            Some(_) if close.is_some() => tag(body, false),
            Some(_) => match start.find('{') {
                Some(json) => tag(body + json, true),
                None => undecided,
            },
        },
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Yes,
    /// As far as there is text.
    Open,
    No,
}

fn starts(text: &str, start: &str) -> Start {
    if text.starts_with(start) {
        Start::Yes
    } else if start.starts_with(text) {
        Start::Open
    } else {
        Start::No
    }
}

fn fence(text: &str, offer: &Offer) -> Found {
    let mark = if text.starts_with('`') { '`' } else { '~' };
    let rest = text.trim_start_matches(mark);
    let length = text.len() - rest.len();
    if length > LONGEST_INFO {
        return Found::No;
    }
    if length < 3 {
        return if rest.is_empty() { Found::Open } else { Found::No };
    }
    let line = rest.find('\n').unwrap_or(rest.len());
    let info = &rest[..rest.floor_char_boundary(line.min(LONGEST_INFO))];
    if mark == '`' && info.contains('`') {
        return Found::No;
    }
    if line > LONGEST_INFO {
        return Found::Yes(Opener::OtherFence { body: length + info.len(), mark, length });
    }
    if line == rest.len() {
        return Found::Open;
    }
    let body = length + line + 1;
    let known = INFOS.contains(&info.trim().to_ascii_lowercase().as_str());
    let content = &text[body..];
    let start = content.trim_start_matches([' ', '\t', '\r', '\n']);
    let blank = content.len() - start.len();
    if !known || blank > LONGEST_INFO {
        return Found::Yes(Opener::OtherFence { body, mark, length });
    }
    let inner = match start.as_bytes().first() {
        Some(b'<') => tag(start, offer),
        Some(b'{' | b'[') => json(start, offer),
        Some(_) => Found::No,
        None => Found::Open,
    };
    match inner {
        Found::Yes(Opener::Result) | Found::No => Found::Yes(Opener::OtherFence { body, mark, length }),
        Found::Yes(_) => Found::Yes(Opener::Fence { body, mark, length }),
        Found::Open => Found::Open,
    }
}

/// Whether a JSON text begins as a call does: with a key that calls have, and with the name of a tool.
fn json(text: &str, offer: &Offer) -> Found {
    let window = &text[..text.floor_char_boundary(LONGEST_START)];
    let whole = text.len() < LONGEST_START;
    let start = window.trim_start_matches(['[', ' ', '\n', '\r', '\t']);
    let verdict = match start.strip_prefix('{') {
        Some(object) => begins_a_call(object, offer),
        None if start.is_empty() => None,
        None => Some(false),
    };
    match verdict {
        Some(true) => Found::Yes(Opener::Json),
        Some(false) => Found::No,
        None if whole => Found::Open,
        None => Found::No,
    }
}

/// `None` while too little is there.
fn begins_a_call(object: &str, offer: &Offer) -> Option<bool> {
    let (key, rest) = match word(object)? {
        Some(found) => found,
        None => return Some(false),
    };
    let certain = CALL_KEYS.contains(&key) || key == "id";
    if !certain && !NAME_KEYS.contains(&key) && !KIND_KEYS.contains(&key) {
        return Some(false);
    }
    let rest = rest.trim_start();
    if rest.is_empty() {
        return None;
    }
    let Some(rest) = rest.strip_prefix(':') else { return Some(false) };
    // `function` may hold a call or the name of one.
    if certain && (key != "function" || !rest.trim_start().starts_with(['"', '\''])) {
        return if rest.trim().is_empty() { None } else { Some(true) };
    }
    let (value, _) = match word(rest)? {
        Some(found) => found,
        None => return Some(false),
    };
    Some(if KIND_KEYS.contains(&key) { KINDS.contains(&value) } else { offer.find(value).is_some() })
}

/// The text in quotes at the beginning, and what follows; the outer `None` while it is not complete.
fn word(text: &str) -> Option<Option<(&str, &str)>> {
    let text = text.trim_start();
    let quote = text.chars().next()?;
    if quote != '"' && quote != '\'' {
        return Some(None);
    }
    text[1..].split_once(quote).map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::{Request, Tool};

    fn found(text: &str) -> Found {
        let tool = Tool { name: "read".into(), description: None, parameters: json!({}), strict: false };
        opener(text, &Offer::of(&Request { tools: vec![tool], ..Request::default() }))
    }

    #[test]
    fn each_form_is_known_once_it_can_be_nothing_else() {
        for text in [
            "<tool_call>\n{",
            "<tool_call name=\"read\">",
            "<function=read>",
            "<｜tool▁calls▁begin｜><",
            "[TOOL_CALLS]read{",
            "{\"name\": \"read\"",
            "{ 'tool_calls':[",
            "[\n  {\"type\": \"function\"",
            "```json\n{\"name\":\"read\"",
            "~~~\n\n<tool_call>[",
        ] {
            for (end, _) in text.char_indices().skip(1) {
                assert_eq!(found(&text[..end]), Found::Open, "{}", &text[..end]);
            }
            assert!(matches!(found(text), Found::Yes(_)), "{text}");
        }
    }

    #[test]
    fn other_text_is_let_go_early() {
        for text in [
            "<b",
            "<tool_box",
            "<tool_call> is the tag\n",
            "<function=f>",
            "{\"version\"",
            "{\"name\": \"express\"",
            "[1",
            "``x",
            "{}",
            "{ \"a",
        ] {
            let expected = if text == "{ \"a" { Found::Open } else { Found::No };
            assert_eq!(found(text), expected, "{text}");
        }
        assert!(matches!(found("```rust\n"), Found::Yes(Opener::OtherFence { .. })));
        assert!(matches!(found("```json\n{\"a\":"), Found::Yes(Opener::OtherFence { .. })));
        assert_eq!(found("```json``` is"), Found::No);
    }
}
