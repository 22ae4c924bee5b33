//! Detection of the start of a tool call from as little text as possible.

use super::tool_set::ToolSet;
use super::xml_calls::{self, WRAPPER_TAGS};

/// The start of a possible call. Offsets count from its first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallStart {
    /// A tag. The content to read begins at `body`; the search for its end begins at `scan`.
    Tag { body: usize, scan: usize, json: bool, close: Option<String> },
    /// JSON without tags or fence.
    Json,
    /// A code fence of calls. Its content begins at `body`.
    Fence { body: usize, mark: char, length: usize },
    /// A code fence of other content.
    OtherFence { body: usize, mark: char, length: usize },
    /// A tool result, written by the model itself.
    ToolResult,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Match {
    Yes(CallStart),
    No,
    /// More text is needed to decide.
    NeedMore,
}

/// Tags that contain the tool's name.
const NAMED_TAGS: [&str; 5] =
    ["invoke name=", "function=", "function name=", "tool_call name=", "tool_use name="];
/// Start markers of other model families, with the end marker where there is one.
const CALL_MARKS: [(&str, Option<&str>); 5] = [
    ("<｜tool▁calls▁begin｜>", Some("<｜tool▁calls▁end｜>")),
    ("<|tool_calls_section_begin|>", Some("<|tool_calls_section_end|>")),
    ("<|tool_call|>", None),
    ("<|python_tag|>", None),
    ("[TOOL_CALLS]", None),
];
/// Opening tag of results in the history.
const RESULT_TAG: &str = "<tool_result";
/// Namespace before the tags of a model family.
const TAG_NAMESPACE: &str = "antml:";
/// Info strings of code fences that contain calls.
const CALL_FENCE_INFOS: [&str; 12] = [
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
/// Maximum length of a fence's first line, bytes.
const MAX_FENCE_INFO_BYTES: usize = 64;
/// Maximum length of the beginning of a JSON value that is needed to decide, bytes.
const MAX_LOOKAHEAD_BYTES: usize = 400;
/// First keys that only calls have. After the keys below, the value decides: the name of a tool, or a kind of call.
const CALL_KEYS: [&str; 7] =
    ["tool_calls", "tool_uses", "function_call", "tool_call", "function", "arguments", "parameters"];
const NAME_KEYS: [&str; 6] = ["name", "tool_name", "tool", "function_name", "action", "recipient_name"];
const KIND_KEYS: [&str; 1] = ["type"];
const CALL_KINDS: [&str; 5] = ["function", "tool_use", "tool_call", "function_call", "tool_calls"];

/// Matches a call start at the beginning of `text`.
pub(super) fn match_call_start(text: &str, tools: &ToolSet) -> Match {
    match text.as_bytes().first() {
        Some(b'<') => match_tag(text, tools),
        Some(b'`' | b'~') => match_fence(text, tools),
        Some(b'[') => match match_mark(text, tools) {
            Match::No => match_json(text, tools),
            found @ (Match::Yes(_) | Match::NeedMore) => found,
        },
        Some(b'{') => match_json(text, tools),
        Some(_) => Match::No,
        None => Match::NeedMore,
    }
}

/// Matches a tag, also in the middle of a line.
pub(super) fn match_tag(text: &str, offer: &ToolSet) -> Match {
    let rest = &text[1..];
    if !matches!(rest.as_bytes().first(), None | Some(b't' | b'f' | b'i' | b'a' | b'|' | 0xef)) {
        return Match::No;
    }
    let mut need_more = match match_mark(text, offer) {
        Match::Yes(opener) => return Match::Yes(opener),
        Match::NeedMore => true,
        Match::No => false,
    };
    match match_prefix(text, RESULT_TAG) {
        PrefixMatch::Yes => return Match::Yes(CallStart::ToolResult),
        PrefixMatch::NeedMore => need_more = true,
        PrefixMatch::No => {}
    }
    need_more |= match_prefix(rest, TAG_NAMESPACE) == PrefixMatch::NeedMore;
    let spaced = rest.strip_prefix(TAG_NAMESPACE).map(|inner| (TAG_NAMESPACE, inner));
    for (space, inner) in [("", rest)].into_iter().chain(spaced) {
        let before = 1 + space.len();
        for name in WRAPPER_TAGS {
            match match_prefix(inner, name) {
                PrefixMatch::NeedMore => need_more = true,
                PrefixMatch::No => {}
                PrefixMatch::Yes if inner.len() == name.len() => need_more = true,
                PrefixMatch::Yes if inner.as_bytes()[name.len()] != b'>' => {}
                PrefixMatch::Yes => {
                    let at = before + name.len() + 1;
                    return match_content(text, at, Some(format!("</{space}{name}>")), offer);
                }
            }
        }
        for name in NAMED_TAGS {
            match match_prefix(inner, name) {
                PrefixMatch::NeedMore => need_more = true,
                PrefixMatch::No => {}
                PrefixMatch::Yes => return match_named_tag(text, before, space, name, offer),
            }
        }
    }
    if need_more { Match::NeedMore } else { Match::No }
}

/// Length of a closing tag left over from a call. `None`: more text is needed. `Some(None)`: no closing tag.
pub(super) fn match_closing_tag(text: &str) -> Option<Option<usize>> {
    let mut need_more = false;
    let inner = text.strip_prefix("</")?;
    let (space, inner) =
        inner.strip_prefix(TAG_NAMESPACE).map_or((0, inner), |inner| (TAG_NAMESPACE.len(), inner));
    for name in WRAPPER_TAGS.into_iter().chain(["invoke", "function"]) {
        match match_prefix(inner, name) {
            PrefixMatch::Yes if inner[name.len()..].starts_with('>') => {
                return Some(Some(3 + space + name.len()));
            }
            PrefixMatch::Yes => need_more |= inner.len() == name.len(),
            PrefixMatch::NeedMore => need_more = true,
            PrefixMatch::No => {}
        }
    }
    need_more |= space == 0 && match_prefix(inner, TAG_NAMESPACE) == PrefixMatch::NeedMore;
    if need_more { None } else { Some(None) }
}

/// Matches a tag with a name, which must be that of an offered tool.
fn match_named_tag(text: &str, before: usize, space: &str, start: &str, offer: &ToolSet) -> Match {
    let tag = &start[..start.find([' ', '=']).unwrap_or(start.len())];
    let head = &text[before + tag.len()..];
    let head = &head[..head.floor_char_boundary(MAX_LOOKAHEAD_BYTES)];
    let Some(end) = head.find('>') else {
        return if head.len() + 4 < MAX_LOOKAHEAD_BYTES { Match::NeedMore } else { Match::No };
    };
    if xml_calls::name_attribute(&head[..end]).is_none_or(|name| offer.find(name).is_none()) {
        return Match::No;
    }
    let scan = before + tag.len() + end + 1;
    Match::Yes(CallStart::Tag { body: 0, scan, json: false, close: Some(format!("</{space}{tag}>")) })
}

fn match_mark(text: &str, offer: &ToolSet) -> Match {
    let mut need_more = false;
    for (start, close) in CALL_MARKS {
        match match_prefix(text, start) {
            PrefixMatch::Yes => return match_content(text, start.len(), close.map(str::to_owned), offer),
            PrefixMatch::NeedMore => need_more = true,
            PrefixMatch::No => {}
        }
    }
    if need_more { Match::NeedMore } else { Match::No }
}

/// Matches the content after a marker: JSON, a fence, a tag, or the name of a tool.
fn match_content(text: &str, at: usize, close: Option<String>, offer: &ToolSet) -> Match {
    let window = &text[at..at + text[at..].floor_char_boundary(MAX_LOOKAHEAD_BYTES)];
    let complete = text.len() - at >= MAX_LOOKAHEAD_BYTES;
    let undecided = if complete { Match::No } else { Match::NeedMore };
    let start = window.trim_start();
    let body = at + window.len() - start.len();
    let tag = |scan, json| Match::Yes(CallStart::Tag { body, scan, json, close: close.clone() });
    match start.chars().next() {
        None => undecided,
        Some('{' | '[') => tag(body, true),
        Some('`' | '<') if close.is_some() => tag(body, false),
        Some(_) => match start.find(['\n', '<', '{', '[']) {
            None => undecided,
            Some(end) if offer.find(&start[..end]).is_none() => Match::No,
            Some(_) if close.is_some() => tag(body, false),
            Some(_) => match start.find('{') {
                Some(json) => tag(body + json, true),
                None => undecided,
            },
        },
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PrefixMatch {
    Yes,
    /// Undecided, because the text ends too early.
    NeedMore,
    No,
}

fn match_prefix(text: &str, start: &str) -> PrefixMatch {
    if text.starts_with(start) {
        PrefixMatch::Yes
    } else if start.starts_with(text) {
        PrefixMatch::NeedMore
    } else {
        PrefixMatch::No
    }
}

fn match_fence(text: &str, offer: &ToolSet) -> Match {
    let mark = if text.starts_with('`') { '`' } else { '~' };
    let rest = text.trim_start_matches(mark);
    let length = text.len() - rest.len();
    if length > MAX_FENCE_INFO_BYTES {
        return Match::No;
    }
    if length < 3 {
        return if rest.is_empty() { Match::NeedMore } else { Match::No };
    }
    let line = rest.find('\n').unwrap_or(rest.len());
    let info = &rest[..rest.floor_char_boundary(line.min(MAX_FENCE_INFO_BYTES))];
    if mark == '`' && info.contains('`') {
        return Match::No;
    }
    if line > MAX_FENCE_INFO_BYTES {
        return Match::Yes(CallStart::OtherFence { body: length + info.len(), mark, length });
    }
    if line == rest.len() {
        return Match::NeedMore;
    }
    let body = length + line + 1;
    let known = CALL_FENCE_INFOS.contains(&info.trim().to_ascii_lowercase().as_str());
    let content = &text[body..];
    let start = content.trim_start_matches([' ', '\t', '\r', '\n']);
    let blank = content.len() - start.len();
    if !known || blank > MAX_FENCE_INFO_BYTES {
        return Match::Yes(CallStart::OtherFence { body, mark, length });
    }
    let inner = match start.as_bytes().first() {
        Some(b'<') => match_tag(start, offer),
        Some(b'{' | b'[') => match_json(start, offer),
        Some(_) => Match::No,
        None => Match::NeedMore,
    };
    match inner {
        Match::Yes(CallStart::ToolResult) | Match::No => {
            Match::Yes(CallStart::OtherFence { body, mark, length })
        }
        Match::Yes(_) => Match::Yes(CallStart::Fence { body, mark, length }),
        Match::NeedMore => Match::NeedMore,
    }
}

/// Matches JSON that begins as a call does: with a key of calls and the name of a tool.
fn match_json(text: &str, offer: &ToolSet) -> Match {
    let window = &text[..text.floor_char_boundary(MAX_LOOKAHEAD_BYTES)];
    let whole = text.len() < MAX_LOOKAHEAD_BYTES;
    let start = window.trim_start_matches(['[', ' ', '\n', '\r', '\t']);
    let is_call = match start.strip_prefix('{') {
        Some(object) => is_call_object(object, offer),
        None if start.is_empty() => None,
        None => Some(false),
    };
    match is_call {
        Some(true) => Match::Yes(CallStart::Json),
        Some(false) => Match::No,
        None if whole => Match::NeedMore,
        None => Match::No,
    }
}

/// Whether an object is a call; `None` if more text is needed.
fn is_call_object(object: &str, offer: &ToolSet) -> Option<bool> {
    let (key, rest) = match quoted_word(object)? {
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
    // The value of `function` is either a call or the name of a tool.
    if certain && (key != "function" || !rest.trim_start().starts_with(['"', '\''])) {
        return if rest.trim().is_empty() { None } else { Some(true) };
    }
    let (value, _) = match quoted_word(rest)? {
        Some(found) => found,
        None => return Some(false),
    };
    Some(if KIND_KEYS.contains(&key) { CALL_KINDS.contains(&value) } else { offer.find(value).is_some() })
}

/// The quoted text at the beginning, and the rest. The outer `None` means that more text is needed.
fn quoted_word(text: &str) -> Option<Option<(&str, &str)>> {
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
    use protocol::{Request, Tool};

    fn match_read_tool(text: &str) -> Match {
        let tool = Tool { name: "read".into(), description: None, parameters: json!({}), strict: false };
        match_call_start(text, &ToolSet::from_request(&Request { tools: vec![tool], ..Request::default() }))
    }

    #[test]
    fn each_form_is_matched_once_it_is_unambiguous() {
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
                assert_eq!(match_read_tool(&text[..end]), Match::NeedMore, "{}", &text[..end]);
            }
            assert!(matches!(match_read_tool(text), Match::Yes(_)), "{text}");
        }
    }

    #[test]
    fn other_text_is_released_early() {
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
            let expected = if text == "{ \"a" { Match::NeedMore } else { Match::No };
            assert_eq!(match_read_tool(text), expected, "{text}");
        }
        assert!(matches!(match_read_tool("```rust\n"), Match::Yes(CallStart::OtherFence { .. })));
        assert!(matches!(match_read_tool("```json\n{\"a\":"), Match::Yes(CallStart::OtherFence { .. })));
        assert_eq!(match_read_tool("```json``` is"), Match::No);
    }
}
