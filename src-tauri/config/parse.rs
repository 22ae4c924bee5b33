//! The text of a settings file: whether it is one, and what is in it.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;
use toml_edit::{DocumentMut, Item};

use super::text_file::read_capped;
use super::values::Values;

/// The version of the file's form that this program writes.
pub(super) const VERSION: i64 = 1;

pub(super) struct Parsed {
    pub(super) text: String,
    pub(super) document: DocumentMut,
    pub(super) values: Values,
    /// Written by a newer version of this program; `values` is then what is known of it.
    pub(super) newer: bool,
}

/// Why there is nothing to read.
pub(super) enum Bad {
    Missing,
    /// Perhaps good, but not to be had now.
    Unreadable(io::ErrorKind),
    Damaged(Damage),
}

/// What is wrong with the text of a settings file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The rest of a sentence about the file.
    what: &'static str,
    at: Option<Position>,
}

/// A place in a text, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    line: usize,
    /// Characters.
    column: usize,
}

impl Damage {
    /// The rest of a sentence about the file; of the place it names the line only.
    pub(super) fn with_line(&self) -> String {
        match self.at {
            Some(Position { line, .. }) => format!("{} (line {line})", self.what),
            None => self.what.to_owned(),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        match self.at {
            Some(Position { line, column }) => write!(f, " (line {line}, column {column})"),
            None => Ok(()),
        }
    }
}

/// Reads a settings file of at most 1 MB.
pub(super) fn read(path: &Path) -> Result<Parsed, Bad> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Bad::Missing),
        Err(error) => return Err(Bad::Unreadable(error.kind())),
        Ok(about) if !about.is_file() => return Err(damaged("is not a file")),
        Ok(_) => {}
    }
    let bytes = read_capped(path).map_err(|error| {
        let is_large = error.kind() == io::ErrorKind::FileTooLarge;
        if is_large { damaged("is larger than 1 MB") } else { Bad::Unreadable(error.kind()) }
    })?;
    let text = String::from_utf8(bytes).map_err(|_| damaged("is not UTF-8 text"))?;
    parse(text.trim_start_matches('\u{feff}'))
}

fn damaged(what: &'static str) -> Bad {
    Bad::Damaged(Damage { what, at: None })
}

fn parse(text: &str) -> Result<Parsed, Bad> {
    if text.trim().is_empty() {
        return Err(damaged("is empty"));
    }
    let document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| broken_at("is not valid TOML", text, error.span()))?;
    let newer = match document.get("version").map(Item::as_integer) {
        None => false,
        Some(Some(version)) if version >= 1 => version > VERSION,
        Some(_) => return Err(damaged("has a version that is no number from 1")),
    };
    let values = match typed(text) {
        Err(_) if newer => Values::default(),
        values => values?,
    };
    Ok(Parsed { text: text.to_owned(), document, values, newer })
}

fn typed(text: &str) -> Result<Values, Bad> {
    let read = toml_edit::de::Deserializer::parse(text).and_then(Values::deserialize);
    read.map_err(|error| broken_at("has a value of the wrong type", text, error.span()))
}

/// Names the place only: the library's own message repeats what stands there.
fn broken_at(what: &'static str, text: &str, span: Option<std::ops::Range<usize>>) -> Bad {
    let before = span.and_then(|span| text.get(..text.floor_char_boundary(span.start)));
    let at = before.map(|before| Position {
        line: before.matches('\n').count() + 1,
        column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
    });
    Bad::Damaged(Damage { what, at })
}
