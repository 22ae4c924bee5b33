//! Configuration files as found in practice: written by hand, by the clients and by other tools.

mod json;
mod toml;
mod yaml;

use mammouth_client_setup::{FileSetup, Format};

use crate::support::{TestHome, client, connection};

/// A hand-written file and the client that reads it.
#[derive(Debug)]
pub struct Base {
    pub client: &'static str,
    pub text: &'static str,
}

/// Changes that editors, systems and users make to files.
#[derive(Clone, Copy, Debug)]
pub enum Variation {
    AsIs,
    ByteOrderMark,
    WindowsLineEnds,
    NoLastLineEnd,
    FourSpaces,
    Tabs,
    CommentOnTop,
    CommentAtTheEnd,
    BlankLines,
    TrailingSpace,
    NonAscii,
}

pub const VARIATIONS: [Variation; 11] = [
    Variation::AsIs,
    Variation::ByteOrderMark,
    Variation::WindowsLineEnds,
    Variation::NoLastLineEnd,
    Variation::FourSpaces,
    Variation::Tabs,
    Variation::CommentOnTop,
    Variation::CommentAtTheEnd,
    Variation::BlankLines,
    Variation::TrailingSpace,
    Variation::NonAscii,
];

pub fn bases() -> impl Iterator<Item = &'static Base> {
    json::BASES.iter().chain(toml::BASES).chain(yaml::BASES)
}

/// The first file of a client: path and format.
pub fn file_of(home: &TestHome, id: &str) -> FileSetup {
    (client(id).files)(&home.environment, &connection()).swap_remove(0)
}

/// The text with the variation; `None` if the format does not allow it.
pub fn vary(text: &str, format: Format, variation: Variation) -> Option<String> {
    let comment = comment(format);
    Some(match variation {
        Variation::AsIs => text.to_owned(),
        Variation::ByteOrderMark => format!("\u{feff}{text}"),
        Variation::WindowsLineEnds => text.replace("\r\n", "\n").replace('\n', "\r\n"),
        Variation::NoLastLineEnd => text.trim_end().to_owned(),
        Variation::FourSpaces => reindent(text, "    ", format),
        Variation::Tabs if format == Format::Yaml => return None,
        Variation::Tabs => reindent(text, "\t", format),
        Variation::CommentOnTop => format!("{}\n{text}", comment?),
        Variation::CommentAtTheEnd => format!("{}\n{}\n", text.trim_end(), comment?),
        Variation::BlankLines => format!("\n{text}\n\n"),
        Variation::TrailingSpace => format!("{}  \n", text.trim_end()),
        Variation::NonAscii => text.replace("user", "usér-用户-🦣"),
    })
}

pub fn comment(format: Format) -> Option<&'static str> {
    match format {
        Format::Json => None,
        Format::Jsonc | Format::Json5 => Some("// keep: \"this\", {and} [that]"),
        Format::Toml | Format::Yaml | Format::Dotenv => Some("# keep: \"this\", {and} [that]"),
    }
}

fn reindent(text: &str, unit: &str, format: Format) -> String {
    if format == Format::Yaml {
        return text.to_owned();
    }
    let line = |line: &str| {
        let depth = (line.len() - line.trim_start_matches(' ').len()) / 2;
        format!("{}{}", unit.repeat(depth), line.trim_start_matches(' '))
    };
    text.split_inclusive('\n').map(line).collect()
}

/// All base files in every variation that their format allows.
pub fn all() -> Vec<(&'static str, Format, String)> {
    let mut files = Vec::new();
    for base in bases() {
        let home = TestHome::with(base.client);
        let format = file_of(&home, base.client).format;
        let texts = VARIATIONS.iter().filter_map(|variation| vary(base.text, format, *variation));
        files.extend(texts.map(|text| (base.client, format, text)));
    }
    files
}

#[test]
fn the_corpus_is_large() {
    assert!(bases().count() >= 60, "{}", bases().count());
    assert!(all().len() >= 500, "{}", all().len());
}
