//! Parser of calls in tags, the forms of several model families, in a complete block.

use super::call_reader::{RawArguments, RawCall, strip_fence};

/// Markers inside a block of DeepSeek and of Kimi: begin, separator, end.
const CALL_MARKS: [[&str; 3]; 2] = [
    ["<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"],
    ["<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"],
];
/// Suffixes that show that the last call is complete where the outer closing tag is missing.
const CLOSING_SUFFIXES: [&str; 3] = ["invoke>", "function>", "tool_call>"];
/// Maximum length in bytes of the rest of an opening tag, and of a namespace with its delimiters.
const MAX_TAG_HEAD_BYTES: usize = 300;
const MAX_NAMESPACE_BYTES: usize = 24;
const NAME_TAGS: [&str; 3] = ["name", "tool_name", "function_name"];
const ARGUMENT_TAGS: [&str; 4] = ["arguments", "parameters", "input", "args"];

/// Tags that wrap calls.
pub(super) const WRAPPER_TAGS: [&str; 6] =
    ["tool_call", "tool_calls", "tool_use", "function_call", "function_calls", "tool_code"];

/// The contents of the wrapper tags of a block; `None` if it begins with other text.
pub(super) fn wrapper_contents(block: &str) -> Option<Vec<&str>> {
    let block = block.trim();
    let tag = WRAPPER_TAGS.iter().find(|tag| {
        block
            .strip_prefix('<')
            .and_then(|rest| rest.strip_prefix(**tag))
            .is_some_and(|rest| rest.starts_with('>'))
    })?;
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let contents =
        block.split(open.as_str()).skip(1).map(|part| part.split(close.as_str()).next().unwrap_or(part));
    Some(contents.collect())
}

/// Parses the calls of a block in tags; `None` if it has another form. JSON is not searched for tags.
pub(super) fn parse_calls(block: &str, whole: bool) -> Option<Vec<RawCall>> {
    let block = block.trim();
    let ends = whole || CLOSING_SUFFIXES.iter().any(|end| block.ends_with(end));
    if block.starts_with(['{', '[', '`']) || !ends {
        return None;
    }
    parse_elements(block, "invoke", parse_invoke)
        .or_else(|| parse_elements(block, "function", parse_invoke))
        .or_else(|| parse_elements(block, "tool_call", parse_invoke))
        .or_else(|| CALL_MARKS.iter().find_map(|marks| parse_marked(block, *marks)))
        .or_else(|| parse_keyed(block))
        .or_else(|| parse_nested(block))
        .or_else(|| parse_named_json(block))
}

/// Parses all elements with a tool's name: `<invoke name="X">` or `<function=X>`.
fn parse_elements(block: &str, tag: &str, read: fn(&str, &str) -> RawCall) -> Option<Vec<RawCall>> {
    let mut written = Vec::new();
    let mut rest = block;
    while let Some(element) = next_element(rest, tag) {
        written.push(read(element.name, element.body));
        rest = element.rest;
    }
    (!written.is_empty()).then_some(written)
}

struct Element<'a> {
    name: &'a str,
    body: &'a str,
    rest: &'a str,
}

fn next_element<'a>(text: &'a str, tag: &str) -> Option<Element<'a>> {
    let (name, after) = find_opening_tag(text, tag)?;
    let (body, rest) = split_at_closing(after, tag).unwrap_or((after, ""));
    Some(Element { name, body, rest })
}

/// The name in the first such opening tag, and the text after it.
fn find_opening_tag<'a>(text: &'a str, tag: &str) -> Option<(&'a str, &'a str)> {
    for (at, _) in text.match_indices(tag) {
        let after = &text[at + tag.len()..];
        let head = &after[..after.floor_char_boundary(MAX_TAG_HEAD_BYTES)];
        let Some(end) = head.find('>').filter(|_| ends_with_tag_start(&text[..at])) else { continue };
        if let Some(name) = name_attribute(&head[..end]) {
            return Some((name, &after[end + 1..]));
        }
    }
    None
}

/// Whether the text ends with the start of a tag: `<`, with or without a namespace.
fn ends_with_tag_start(before: &str) -> bool {
    let near = &before[before.ceil_char_boundary(before.len().saturating_sub(MAX_NAMESPACE_BYTES))..];
    near.ends_with('<') || (near.ends_with(':') && near.contains('<'))
}

/// The name in ` name="X"` or `=X`.
pub(super) fn name_attribute(head: &str) -> Option<&str> {
    let head = head.trim();
    let value = match head.strip_prefix("name") {
        Some(rest) => rest.trim_start().strip_prefix('=')?,
        None => head.strip_prefix('=')?,
    };
    let value = value.trim();
    let quoted = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.split(quote).next());
    let name = quoted.unwrap_or(value).trim();
    (!name.is_empty() && name.len() <= 256 && !name.contains(['<', '\n'])).then_some(name)
}

/// Splits at the closing tag, with or without a namespace.
fn split_at_closing<'a>(text: &'a str, tag: &str) -> Option<(&'a str, &'a str)> {
    for (at, word) in text.match_indices(&format!("{tag}>")) {
        let before = &text[..at];
        let near = before.ceil_char_boundary(at.saturating_sub(MAX_NAMESPACE_BYTES));
        let start = if before.ends_with("</") {
            Some(at - 2)
        } else if before.ends_with(':') {
            before[near..].rfind("</").map(|found| near + found)
        } else {
            None
        };
        if let Some(start) = start {
            return Some((&text[..start], &text[at + word.len()..]));
        }
    }
    None
}

fn parse_invoke(name: &str, body: &str) -> RawCall {
    let fields = parse_parameters(body);
    let arguments = if fields.is_empty() {
        RawArguments::Text(strip_fence(body).to_owned())
    } else {
        RawArguments::Fields(fields)
    };
    RawCall { name: name.to_owned(), arguments }
}

/// Parses a sequence of `<parameter name="K">V</parameter>` or `<parameter=K>V</parameter>`.
fn parse_parameters(body: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut rest = body;
    let mut separated = true;
    while let Some((name, after)) = find_opening_tag(rest, "parameter") {
        let (value, left) = parameter_value(after, &mut separated);
        fields.push((name.to_owned(), trim_line_breaks(value).to_owned()));
        rest = left;
    }
    fields
}

/// Splits off a value. It ends at the closing tag that is followed by the next parameter or by nothing, so that it may
/// contain the tag. If there is no such tag, `separated` becomes `false` and later values do not search again.
fn parameter_value<'a>(text: &'a str, separated: &mut bool) -> (&'a str, &'a str) {
    let mut from = 0;
    let mut first = None;
    while let Some((value, rest)) = split_at_closing(&text[from..], "parameter") {
        let here = (&text[..from + value.len()], rest);
        let next = rest.trim_start();
        let head = &next[..next.floor_char_boundary(MAX_NAMESPACE_BYTES)];
        if next.is_empty() || (head.starts_with('<') && head.contains("parameter") && !head.starts_with("</"))
        {
            return here;
        }
        first = first.or(Some(here));
        if !*separated {
            break;
        }
        from = text.len() - rest.len();
    }
    *separated = false;
    first.unwrap_or((text, ""))
}

/// Removes the line breaks after the opening and before the closing tag.
fn trim_line_breaks(value: &str) -> &str {
    let value = value.strip_prefix("\r\n").or_else(|| value.strip_prefix('\n')).unwrap_or(value);
    value.strip_suffix('\n').map_or(value, |value| value.strip_suffix('\r').unwrap_or(value))
}

fn parse_marked(block: &str, [begin, separator, end]: [&str; 3]) -> Option<Vec<RawCall>> {
    let calls = block.split(begin).skip(1).map(|call| {
        let call = call.split(end).next().unwrap_or(call);
        let (head, tail) = call.split_once(separator)?;
        // `function` and then the name on a line of its own, or the name itself, perhaps with a number.
        let (name, text) = match head.trim() {
            "function" => tail.split_once('\n')?,
            name => (name, tail),
        };
        let name = name.trim().split(':').next().unwrap_or_default().to_owned();
        Some(RawCall { name, arguments: RawArguments::Text(strip_fence(text).to_owned()) })
    });
    calls.collect::<Option<Vec<_>>>().filter(|calls| !calls.is_empty())
}

/// Parses `NAME`, then pairs of `<arg_key>` and `<arg_value>`.
fn parse_keyed(block: &str) -> Option<Vec<RawCall>> {
    let (name, rest) = block.split_once("<arg_key>")?;
    let mut fields = Vec::new();
    for pair in rest.split("<arg_key>") {
        let (key, value) = pair.split_once("</arg_key>")?;
        let value = value.split_once("<arg_value>")?.1;
        let value = value.rsplit_once("</arg_value>")?.0;
        fields.push((key.trim().to_owned(), value.to_owned()));
    }
    let name = name.trim().to_owned();
    is_name(&name).then(|| vec![RawCall { name, arguments: RawArguments::Fields(fields) }])
}

/// Parses `<name>X</name><input>{…}</input>`.
fn parse_nested(block: &str) -> Option<Vec<RawCall>> {
    let inner = |tag: &&str| {
        let (_, after) = block.split_once(&format!("<{tag}>"))?;
        after.rsplit_once(&format!("</{tag}>")).map(|(inner, _)| inner.trim())
    };
    let name = NAME_TAGS.iter().find_map(inner).filter(|name| is_name(name))?.to_owned();
    let arguments = ARGUMENT_TAGS.iter().find_map(inner).unwrap_or_default();
    Some(vec![RawCall { name, arguments: RawArguments::Text(strip_fence(arguments).to_owned()) }])
}

/// Parses `NAME{…}` or a name and its JSON on the next line, as Mistral's models write it.
fn parse_named_json(block: &str) -> Option<Vec<RawCall>> {
    let (name, _) = block.split_once('{')?;
    let json = &block[name.len()..];
    let name = name.trim().trim_end_matches("[ARGS]").trim().to_owned();
    is_name(&name).then(|| vec![RawCall { name, arguments: RawArguments::Text(json.trim().to_owned()) }])
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
    !name.is_empty() && name.len() <= 256 && name.chars().all(plain)
}
