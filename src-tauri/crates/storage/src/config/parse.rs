//! Parser of the text of a settings file.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;
use toml_edit::{Document, DocumentMut, Item, Table};

use super::raw_settings::{self, RawSettings, Tables, WrongType};
use super::text_file::MAX_TEXT_FILE_BYTES;
use crate::capped_file::read_capped;

/// Version of the file's format that this program writes.
pub(super) const FORMAT_VERSION: i64 = 1;

pub(super) struct ParsedSettings {
    pub(super) text: String,
    pub(super) document: DocumentMut,
    pub(super) values: RawSettings,
    /// Whether a newer version of this program wrote the file; `values` then holds only the known settings.
    pub(super) newer: bool,
}

/// Reason why no settings could be loaded.
pub(super) enum LoadError {
    Missing,
    /// The file cannot be read now; its content may be valid.
    Unreadable(io::ErrorKind),
    Damaged(Damage),
}

/// Syntax error of a settings file with its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Problem, as the rest of a sentence about the file.
    what: &'static str,
    at: Option<Position>,
}

/// Position in a text; line and column count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    line: usize,
    /// Column in characters.
    column: usize,
}

impl Damage {
    /// Returns the rest of a sentence about the file, with the line and without the column.
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
pub(super) fn read_settings(path: &Path) -> Result<ParsedSettings, LoadError> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(LoadError::Missing),
        Err(error) => return Err(LoadError::Unreadable(error.kind())),
        Ok(about) if !about.is_file() => return Err(damaged_error("is not a file")),
        Ok(_) => {}
    }
    let bytes = read_capped(path, MAX_TEXT_FILE_BYTES).map_err(|error| {
        let is_large = error.kind() == io::ErrorKind::FileTooLarge;
        if is_large { damaged_error("is larger than 1 MB") } else { LoadError::Unreadable(error.kind()) }
    })?;
    let text = String::from_utf8(bytes).map_err(|_| damaged_error("is not UTF-8 text"))?;
    parse_settings(text.trim_start_matches('\u{feff}'))
}

fn damaged_error(what: &'static str) -> LoadError {
    LoadError::Damaged(Damage { what, at: None })
}

fn parse_settings(text: &str) -> Result<ParsedSettings, LoadError> {
    if text.trim().is_empty() {
        return Err(damaged_error("is empty"));
    }
    let document =
        Document::parse(text).map_err(|error| damaged_at("is not valid TOML", text, error.span()))?;
    let newer = match document.get("version").map(Item::as_integer) {
        None => false,
        Some(Some(version)) if version >= 1 => version > FORMAT_VERSION,
        Some(_) => return Err(damaged_error("has a version that is no number from 1")),
    };
    let values = match deserialize_settings(text, document.as_table()) {
        Err(_) if newer => RawSettings::default(),
        values => values?,
    };
    Ok(ParsedSettings { text: text.to_owned(), document: document.into_mut(), values, newer })
}

fn deserialize_settings(text: &str, document: &Table) -> Result<RawSettings, LoadError> {
    let wrong_at = |span| damaged_at("has a value of the wrong type", text, span);
    let declared = raw_settings::declared(document).map_err(|WrongType(span)| wrong_at(span))?;
    let tables = toml_edit::de::Deserializer::parse(text).and_then(Tables::deserialize);
    Ok(RawSettings { declared, tables: tables.map_err(|error| wrong_at(error.span()))? })
}

/// Creates the error for a position. The library's message is omitted, because it quotes the text.
fn damaged_at(what: &'static str, text: &str, span: Option<std::ops::Range<usize>>) -> LoadError {
    let before = span.and_then(|span| text.get(..text.floor_char_boundary(span.start)));
    let at = before.map(|before| Position {
        line: before.matches('\n').count() + 1,
        column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
    });
    LoadError::Damaged(Damage { what, at })
}
