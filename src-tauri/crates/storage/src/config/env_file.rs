//! Parser of `.env` files by the rules of Node's dotenv, so that files of the original Node proxy work
//! unchanged.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use super::text_file::read_text;

/// The variables of a `.env` file. `Debug` shows their names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct EnvFile(BTreeMap<String, String>);

impl EnvFile {
    /// Parses text in dotenv's format. Other lines are skipped; of two equal names the later one counts.
    ///
    /// Format: `NAME=value` or `NAME: value`, `export` allowed; values in `'…'`, `"…"` or `` `…` `` may span
    /// lines, and `\n` and `\r` are line ends within `"…"`; a value without quotes is trimmed and ends at
    /// `#`. Nothing is expanded.
    pub fn parse(text: &str) -> Self {
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
        let mut variables = BTreeMap::new();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            match parse_assignment(rest) {
                Some((name, value, after)) => {
                    variables.insert(name.to_owned(), value);
                    rest = after;
                }
                None => rest = skip_line(rest),
            }
        }
        Self(variables)
    }

    /// Reads a file of at most 1 MB, in UTF-8 or marked UTF-16. Bytes that are neither become replacement
    /// characters, which no setting accepts.
    ///
    /// # Errors
    /// Any failure to read the file; [`io::ErrorKind::FileTooLarge`]; [`io::ErrorKind::InvalidData`] if it is
    /// not text.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(Self::parse(&read_text(path)?))
    }

    /// Returns the names of the variables, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns the value of `name` as written in the file, which may be empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl fmt::Debug for EnvFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// Returns the name, the value and the remaining text, if `text` begins with an assignment.
fn parse_assignment(text: &str) -> Option<(&str, String, &str)> {
    let text = text.trim_start();
    let unexported = text
        .strip_prefix("export")
        .filter(|after| after.starts_with(char::is_whitespace))
        .map(str::trim_start)
        .and_then(split_assignment);
    let (name, value) = unexported.or_else(|| split_assignment(text))?;
    let (value, after) = parse_quoted(value).unwrap_or_else(|| parse_unquoted(value));
    Some((name, value, after))
}

fn split_assignment(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !is_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    let value = match rest.strip_prefix(':') {
        Some(value) => value.strip_prefix([' ', '\t']),
        None => rest.trim_start_matches([' ', '\t']).strip_prefix('='),
    };
    Some((name, value?))
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

/// Returns the value inside quotes and the text after its line; `None` if the quotes do not close before the
/// line's end or a comment, because dotenv then treats the quote as an ordinary character.
fn parse_quoted(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start_matches([' ', '\t']);
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'))?;
    let body = &text[1..];
    let end = find_closing_quote(body, quote)?;
    Some((expand(&body[..end], quote), skip_line(&body[end + 1..])))
}

/// Returns the position of the first quote without a backslash, else of the last one with a backslash.
fn find_closing_quote(body: &str, quote: char) -> Option<usize> {
    let mut last = None;
    for (at, _) in body.match_indices(quote) {
        let escaped = body[..at].ends_with('\\');
        if is_value_end(&body[at + 1..]) {
            last = Some(at);
        }
        if !escaped {
            break;
        }
    }
    last
}

fn is_value_end(text: &str) -> bool {
    let tail = text.trim_start_matches([' ', '\t']);
    tail.is_empty() || tail.starts_with(['\n', '#'])
}

fn parse_unquoted(text: &str) -> (String, &str) {
    let line = &text[..text.find('\n').unwrap_or(text.len())];
    let value = line.split('#').next().unwrap_or_default().trim();
    let quote = value.chars().next().unwrap_or(' ');
    let inner = match quote {
        '\'' | '"' | '`' => value[1..].strip_suffix(quote).unwrap_or(value),
        _ => value,
    };
    (expand(inner, quote), skip_line(text))
}

fn expand(value: &str, quote: char) -> String {
    match quote {
        '"' => value.replace("\\n", "\n").replace("\\r", "\r"),
        _ => value.to_owned(),
    }
}

fn skip_line(text: &str) -> &str {
    text.find('\n').map_or("", |end| &text[end + 1..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::text_file::MAX_TEXT_FILE_BYTES;
    use super::*;

    fn value(text: &str) -> String {
        EnvFile::parse(text).get("A").expect("a value for A").to_owned()
    }

    #[test]
    fn values_are_read_as_dotenv_reads_them() {
        for (text, expected) in [
            ("A=basic", "basic"),
            ("A=", ""),
            ("A=\nB=x", ""),
            ("A =  spaced \t", "spaced"),
            ("  export  A=1", "1"),
            ("A: yaml", "yaml"),
            ("A='single # $B \\n'", "single # $B \\n"),
            ("A=\"a\\nb\\rc\"", "a\nb\rc"),
            ("A=a\\nb", "a\\nb"),
            ("A=`it's \"both\"`", "it's \"both\""),
            ("A='two\nlines' # comment\nB=1", "two\nlines"),
            ("A=plain # comment", "plain"),
            ("A=plain#comment", "plain"),
            ("A='q' #comment", "q"),
            ("A=it's fine", "it's fine"),
            ("A=\"open", "\"open"),
            ("A=\"one\" two", "\"one\" two"),
            ("A='x'y'", "x'y"),
            ("A='it\\'s'", "it\\'s"),
            ("A=a=b==", "a=b=="),
            ("A=${HOME}", "${HOME}"),
            ("A=1\nA=2", "2"),
            ("\u{feff}A=bom", "bom"),
            ("B=1\r\nA=crlf\r\n", "crlf"),
            ("B=1\rA=cr", "cr"),
            ("# A=0\n\nnonsense\n=x\nA=after", "after"),
            ("B='open\nA=next line", "next line"),
            ("A=\"\"", ""),
            ("A='", "'"),
        ] {
            assert_eq!(value(text), expected, "{text:?}");
        }
    }

    #[test]
    fn export_can_be_a_name() {
        assert_eq!(EnvFile::parse("export=1").get("export"), Some("1"));
    }

    #[test]
    fn names_only_are_printed() {
        assert_eq!(format!("{:?}", EnvFile::parse("COOKIES=canary")), "[\"COOKIES\"]");
    }

    #[test]
    fn d05_a_file_over_1_mb_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".env");
        std::fs::write(&path, vec![b'x'; MAX_TEXT_FILE_BYTES as usize + 1]).unwrap();
        assert_eq!(EnvFile::read(&path).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        std::fs::write(&path, [b"A=1\nB=\xff\n".as_slice(), &vec![b'#'; 1000]].concat()).unwrap();
        assert_eq!(EnvFile::read(&path).unwrap().get("A"), Some("1"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "(\\PC|[A='\"`\\\\\n\r#: ]){0,80}") {
            EnvFile::parse(&text);
        }

        #[test]
        fn a_plain_value_comes_back_in_every_quote(value in "[a-zA-Z0-9 =,.;:$#\n]{0,40}") {
            for quote in ["'", "\"", "`"] {
                let parsed = EnvFile::parse(&format!("X=0\nA={quote}{value}{quote}\nB=1"));
                prop_assert_eq!(parsed.get("A"), Some(value.as_str()));
                prop_assert_eq!(parsed.get("B"), Some("1"));
            }
        }
    }
}
