//! Canaries: known values, and the search for them in all output of a program.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Values that must not occur, each identified by a few characteristic bytes. The search covers all
/// encodings, and finds truncated values too.
pub struct Canaries {
    forms: Vec<EncodedForm>,
    /// First two bytes of all encoded forms, so that most positions need one lookup.
    begins: Vec<bool>,
}

struct EncodedForm {
    name: &'static str,
    encoding: &'static str,
    bytes: Vec<u8>,
}

impl Canaries {
    /// Creates the canaries from names and characteristic parts.
    pub fn new(known: &[(&'static str, &str)]) -> Self {
        let of = |(name, telling): &(&'static str, &str)| {
            let name = *name;
            forms(telling).into_iter().map(move |(encoding, bytes)| EncodedForm { name, encoding, bytes })
        };
        let forms: Vec<EncodedForm> = known.iter().flat_map(of).collect();
        let mut begins = vec![false; 1 << 16];
        forms.iter().for_each(|form| begins[byte_pair(&form.bytes)] = true);
        Self { forms, begins }
    }

    /// Descriptions of the canaries that occur in `bytes`.
    pub fn found_in(&self, place: &str, bytes: &[u8]) -> Vec<String> {
        let mut seen = BTreeSet::new();
        for at in 0..bytes.len().saturating_sub(1) {
            let rest = &bytes[at..];
            if self.begins[byte_pair(rest)] {
                let here = self.forms.iter().filter(|form| rest.starts_with(&form.bytes));
                seen.extend(here.map(|form| format!("{place}: {} as {}", form.name, form.encoding)));
            }
        }
        seen.into_iter().collect()
    }

    /// Descriptions of the canaries in the files below a folder, including the files' names.
    pub fn found_below(&self, dir: &Path, except: &[&Path]) -> Vec<String> {
        let mut seen = Vec::new();
        for path in files_below(dir).into_iter().filter(|path| !except.contains(&path.as_path())) {
            let name = path.strip_prefix(dir).expect("below").display().to_string();
            seen.extend(self.found_in("a file's name", name.as_bytes()));
            seen.extend(self.found_in(&name, &std::fs::read(&path).expect("a readable file")));
        }
        seen
    }
}

/// All files below a folder.
pub fn files_below(dir: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.insert(path);
        }
    }
    found
}

fn byte_pair(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

fn forms(marker: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = marker.as_bytes();
    let upper: String = url::form_urlencoded::byte_serialize(bytes).collect();
    let lower = lower_escapes(&upper);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{bytes:?}");
    let mut forms = vec![
        ("plain", bytes.to_vec()),
        ("hex", hex.to_uppercase().into_bytes()),
        ("hex", hex.into_bytes()),
        ("list of bytes", list.as_bytes()[1..list.len() - 1].to_vec()),
        ("JSON", inside(&serde_json::Value::from(marker).to_string())),
        (
            "JSON with escaped slashes",
            inside(&serde_json::Value::from(marker).to_string().replace('/', "\\/")),
        ),
        ("JSON in ASCII", ascii_json(marker)),
        ("Rust's escapes", inside(&format!("{marker:?}"))),
        ("URL", upper.replace('+', "%20").into_bytes()),
        ("URL", lower.replace('+', "%20").into_bytes()),
        ("form", upper.into_bytes()),
        ("form", lower.into_bytes()),
        ("UTF-16", marker.encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ];
    forms.extend(base64(bytes).into_iter().map(|form| ("base64", form)));
    let mut known = BTreeSet::new();
    forms.retain(|(_, form)| known.insert(form.clone()));
    forms
}

/// Base64 characters that do not depend on the surrounding bytes, for each of the three alignments.
fn base64(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let shifted = [&[0; 2][..before], bytes].concat();
        let (first, end) = ((before * 8).div_ceil(6), shifted.len() * 8 / 6);
        for text in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            forms.push(text.as_bytes()[first..end].to_vec());
        }
    }
    forms
}

fn inside(quoted: &str) -> Vec<u8> {
    quoted.as_bytes()[1..quoted.len() - 1].to_vec()
}

fn ascii_json(text: &str) -> Vec<u8> {
    let escaped = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_ascii() => c.to_string(),
        c => format!("\\u{:04x}", u32::from(c)),
    };
    text.chars().map(escaped).collect::<String>().into_bytes()
}

fn lower_escapes(encoded: &str) -> String {
    let (first, rest) = encoded.split_once('%').unwrap_or((encoded, ""));
    let pieces = rest.split('%').filter(|piece| !piece.is_empty());
    pieces.fold(first.to_owned(), |all, piece| all + "%" + &piece[..2].to_lowercase() + &piece[2..])
}

#[test]
fn the_search_finds_a_canary_in_every_encoding() {
    use base64::engine::general_purpose::STANDARD;
    let telling = "z7/K+\"é";
    let canaries = Canaries::new(&[("canary", telling)]);
    let whole = format!("prefix-{telling}-rest");
    let url: String = url::form_urlencoded::byte_serialize(whole.as_bytes()).collect();
    let mut texts = vec![whole.clone(), lower_escapes(&url), url];
    texts.extend((0..3).map(|n| STANDARD.encode(format!("{}{whole}", "x".repeat(n)))));
    texts.extend([serde_json::json!([whole]).to_string(), format!("{:?}", whole.as_bytes())]);
    texts.push(whole.bytes().map(|byte| format!("{byte:02x}")).collect());
    for text in texts {
        assert!(!canaries.found_in("a text", text.as_bytes()).is_empty(), "{text}");
    }
    assert!(canaries.found_in("a text", b"prefix-z7/K and the rest").is_empty());
}
