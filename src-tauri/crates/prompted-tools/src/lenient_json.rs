//! Parser for JSON as models write it: accepts malformed text where only one reading is possible.
//!
//! Accepted beyond JSON: single quotes, line breaks and other control characters inside strings, backslashes that escape
//! nothing, trailing commas, Python's `True`, `False` and `None`, keys without quotes, and, at the very end, missing or
//! surplus closing brackets. A text that ends inside a string is truncated, which is an error, as is an
//! unescaped quote inside a string.

use serde_json::{Map, Number, Value};

const MAX_DEPTH: usize = 100;

/// Parses a text of JSON values separated by white space or commas. At most `max_missing_brackets` closing brackets may
/// be missing at the end.
pub(super) fn parse_values(text: &str, max_missing_brackets: usize) -> Option<Vec<Value>> {
    let mut reader = LenientReader { text, position: 0, depth: 0, ended: false, max_missing_brackets };
    let mut values = Vec::new();
    loop {
        reader.skip(|c| c.is_whitespace() || c == ',');
        match reader.peek() {
            None => return (!values.is_empty()).then_some(values),
            Some('{' | '[') if !reader.ended => values.push(reader.value()?),
            // Surplus brackets at the end contain no information.
            Some('}' | ']' | ';') if !values.is_empty() => {
                reader.skip(|c| c.is_whitespace() || matches!(c, '}' | ']' | ';'));
                return reader.peek().is_none().then_some(values);
            }
            Some(_) => return None,
        }
    }
}

/// Parses a text of exactly one value.
pub(super) fn parse_single(text: &str) -> Option<Value> {
    let mut found = parse_values(text, MAX_DEPTH)?;
    if found.len() == 1 { found.pop() } else { None }
}

struct LenientReader<'a> {
    text: &'a str,
    position: usize,
    depth: usize,
    /// Whether the text ended before all brackets were closed.
    ended: bool,
    max_missing_brackets: usize,
}

impl LenientReader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip(&mut self, what: impl Fn(char) -> bool) {
        self.position += self.rest().find(|c| !what(c)).unwrap_or(self.rest().len());
    }

    fn skip_whitespace(&mut self) {
        self.skip(char::is_whitespace);
    }

    fn consume(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.position += wanted.len_utf8();
        }
        found
    }

    fn value(&mut self) -> Option<Value> {
        self.skip_whitespace();
        match self.peek()? {
            '{' => self.nested(Self::object),
            '[' => self.nested(Self::array),
            quote @ ('"' | '\'') => self.string(quote).map(Value::String),
            _ => self.keyword_or_number(),
        }
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Option<Value>) -> Option<Value> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        self.position += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Option<Value> {
        let mut map = Map::new();
        while !self.closes('}')? {
            let key = self.key()?;
            self.skip_whitespace();
            if !self.consume(':') {
                return None;
            }
            let value = self.value()?;
            map.insert(key, value);
            self.separator('}')?;
        }
        Some(Value::Object(map))
    }

    fn array(&mut self) -> Option<Value> {
        let mut list = Vec::new();
        while !self.closes(']')? {
            list.push(self.value()?);
            self.separator(']')?;
        }
        Some(Value::Array(list))
    }

    /// Consumes the closing bracket, which may be missing at the end of the text.
    fn closes(&mut self, bracket: char) -> Option<bool> {
        self.skip_whitespace();
        match self.peek() {
            None => {
                self.ended = true;
                (self.depth <= self.max_missing_brackets).then_some(true)
            }
            Some(c) if c == bracket => {
                self.position += 1;
                Some(true)
            }
            // The other bracket shows that this one is missing in the middle, which is ambiguous.
            Some('}' | ']') => None,
            Some(_) => Some(false),
        }
    }

    fn separator(&mut self, bracket: char) -> Option<()> {
        self.skip_whitespace();
        let next = self.peek();
        if self.consume(',') {
            // A comma at the very end shows that the text is truncated.
            return self.rest().chars().any(|c| !c.is_whitespace()).then_some(());
        }
        (next.is_none() || next == Some(bracket)).then_some(())
    }

    fn key(&mut self) -> Option<String> {
        if let Some(quote @ ('"' | '\'')) = self.peek() {
            return self.string(quote);
        }
        let start = self.position;
        self.skip(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$'));
        (self.position > start).then(|| self.text[start..self.position].to_owned())
    }

    fn string(&mut self, quote: char) -> Option<String> {
        self.position += 1;
        let mut text = String::new();
        loop {
            let plain = self.rest().find(['\\', quote])?;
            text.push_str(&self.rest()[..plain]);
            self.position += plain;
            if self.consume(quote) {
                return Some(text);
            }
            self.position += 1;
            self.escape(&mut text)?;
        }
    }

    fn escape(&mut self, text: &mut String) -> Option<()> {
        let c = self.peek()?;
        self.position += c.len_utf8();
        match c {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            '"' | '\'' | '\\' | '/' => text.push(c),
            'u' => text.push(self.unicode()?),
            // A backslash before a line break continues the line.
            '\n' => {}
            // An unescaped regular expression: `\d` can only mean both characters.
            _ => text.extend(['\\', c]),
        }
        Some(())
    }

    fn unicode(&mut self) -> Option<char> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first);
        }
        if !(self.consume('\\') && self.consume('u')) {
            return None;
        }
        let second = self.hex().filter(|code| (0xdc00..0xe000).contains(code))?;
        char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4)?;
        let code = u32::from_str_radix(digits, 16).ok()?;
        self.position += 4;
        Some(code)
    }

    fn keyword_or_number(&mut self) -> Option<Value> {
        let start = self.position;
        self.skip(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
        let word = &self.text[start..self.position];
        // A number or a word at the very end may be truncated.
        self.peek()?;
        match word {
            "true" | "True" => Some(Value::Bool(true)),
            "false" | "False" => Some(Value::Bool(false)),
            "null" | "None" => Some(Value::Null),
            _ => word.parse::<Number>().ok().map(Value::Number),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn unambiguous_mistakes_are_repaired() {
        let wanted = json!({"a": "x\ny", "b": [1, true, null]});
        for text in [
            r#"{"a": "x\ny", "b": [1, true, null]}"#,
            "{'a': 'x\\ny', 'b': [1, True, None]}",
            "{\"a\": \"x\ny\", \"b\": [1, true, null,],}",
            r#"{a: "x\ny", b: [1, true, null]}"#,
            r#"{"a": "x\ny", "b": [1, true, null"#,
            r#"{"a": "x\ny", "b": [1, true, null]}}]"#,
        ] {
            let read = parse_single(text);
            if text.ends_with("null") {
                assert_eq!(read, None, "a word at the very end may be cut");
            } else {
                assert_eq!(read.as_ref(), Some(&wanted), "{text}");
            }
        }
        assert_eq!(parse_single(r#"{"a": {"b": [1, 2]"#), Some(json!({"a": {"b": [1, 2]}})));
    }

    #[test]
    fn strings_keep_their_content() {
        assert_eq!(parse_single(r#"{"re": "\d+\.\w 'x'"}"#), Some(json!({"re": "\\d+\\.\\w 'x'"})));
        assert_eq!(parse_single(r#"{'q': 'say "hi" it\'s'}"#), Some(json!({"q": "say \"hi\" it's"})));
        assert_eq!(parse_single(r#"{"u": "\u4f60\ud83e\udda3,"}"#), Some(json!({"u": "你🦣,"})));
    }

    #[test]
    fn ambiguous_mistakes_are_rejected() {
        for text in [
            "",
            "x",
            r#"{"a": "cut"#,
            r#"{"a": "say "hi" now"}"#,
            r#"{"a": 12"#,
            r#"{"a": [1, {"b": 2]}"#,
            r#"{"a" 1}"#,
            r#"{"a": 1} and text"#,
            r#"{"a": \ud800}"#,
        ] {
            assert_eq!(parse_values(text, MAX_DEPTH), None, "{text}");
        }
        assert_eq!(parse_values(&"[".repeat(100_000), MAX_DEPTH), None);
    }

    #[test]
    fn several_values_in_a_row_are_read() {
        assert_eq!(parse_values("{\"a\": 1}\n{\"b\": 2},\n[3]", 0).unwrap().len(), 3);
        assert_eq!(parse_single("{\"a\": 1}{\"b\": 2}"), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(".{0,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn valid_json_is_read_unchanged(inner in any_json()) {
            let whole = json!([inner]);
            prop_assert_eq!(parse_single(&whole.to_string()), Some(whole.clone()));
            prop_assert_eq!(parse_single(&format!("{whole:#}")), Some(whole));
        }

        #[test]
        fn arbitrary_text_never_panics(text in "[{}\\[\\]\"'\\\\,:a1 \n]{0,40}") {
            let _ = parse_values(&text, 3);
        }
    }
}
