//! Text files that the user wrote: `.env` and the files of `…_FILE` variables.

use std::io;
use std::path::Path;

use crate::capped_file::read_capped;

/// Maximum size of a `.env` or of the file of a `…_FILE` variable, bytes.
pub(super) const MAX_TEXT_FILE_BYTES: u64 = 1 << 20;

/// Reads a file of at most 1 MB without its byte order mark. Bytes that are not UTF-8 become replacement
/// characters.
///
/// UTF-16 is decoded if it has a mark: Windows PowerShell 5 writes it by `echo … > .env`, and Notepad as
/// "Unicode".
///
/// # Errors
/// Any failure to read the file; [`io::ErrorKind::FileTooLarge`]; [`io::ErrorKind::InvalidData`] if it
/// contains a NUL character, as binary files and UTF-16 without a mark do.
pub(super) fn read_text(path: &Path) -> io::Result<String> {
    let text = decode(&read_capped(path, MAX_TEXT_FILE_BYTES)?);
    if text.contains('\0') { Err(io::ErrorKind::InvalidData.into()) } else { Ok(text) }
}

/// Returns the reason why a file could not be read, as the rest of a sentence about the setting that names
/// it.
pub(super) fn unreadable(error: &io::Error) -> String {
    let kind = error.kind();
    if kind == io::ErrorKind::FileTooLarge {
        "a file that is larger than 1 MB".to_owned()
    } else if kind == io::ErrorKind::InvalidData {
        "a file that is not text in UTF-8; save it in that encoding".to_owned()
    } else {
        format!("a file that cannot be read ({kind})")
    }
}

fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair)).collect();
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn text_is_read_in_the_encodings_that_editors_of_windows_write() {
        let text = "COOKIES=a\r\nNAME=é\r\n";
        let marked = format!("\u{feff}{text}");
        for bytes in [
            text.as_bytes().to_vec(),
            marked.as_bytes().to_vec(),
            encoded(&marked, u16::to_le_bytes),
            encoded(&marked, u16::to_be_bytes),
        ] {
            assert_eq!(decode(&bytes), text, "{bytes:?}");
        }
        assert_eq!(decode(b"A=\xff"), "A=\u{fffd}");
    }

    #[test]
    fn a_file_that_is_no_text_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".env");
        std::fs::write(&path, encoded("COOKIES=a", u16::to_le_bytes)).unwrap();
        assert_eq!(read_text(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
