//! Images and documents of a few bytes, each different.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Media type of an image, selected by its number.
pub fn media_type(number: u8) -> &'static str {
    ["image/png", "image/jpeg", "image/gif", "image/webp"][usize::from(number) % 4]
}

/// Content of an image as Base64, different for each number.
pub fn base64(number: u8) -> String {
    let begin: &[u8] = match media_type(number) {
        "image/png" => b"\x89PNG\r\n\x1a\n",
        "image/jpeg" => b"\xff\xd8\xff",
        "image/gif" => b"GIF89a",
        _ => b"RIFF\0\0\0\0WEBP",
    };
    STANDARD.encode([begin, &[number]].concat())
}

pub fn data_url(number: u8) -> String {
    format!("data:{};base64,{}", media_type(number), base64(number))
}

/// Detail level of an image, from the tens of its number.
pub fn detail(number: u8) -> Option<&'static str> {
    [None, Some("low"), Some("high")][usize::from(number / 10) % 3]
}

/// Number of the same image without a detail level.
pub fn plain(number: u8) -> u8 {
    number % 10
}

pub fn link(number: u8) -> String {
    format!("https://pictures.example/{number}.png")
}

/// Content of a document as Base64.
pub fn document(number: u8) -> String {
    STANDARD.encode([b"%PDF-1.7 ".as_slice(), &[number]].concat())
}

pub fn document_url(number: u8) -> String {
    format!("data:application/pdf;base64,{}", document(number))
}
