//! The bytes of a reply in any pieces, and stop sequences across their borders: the text must not depend on the pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::{StopSequenceFilter, Utf8StreamDecoder};

/// What left for the client, and whether a stop sequence was met.
type Outcome = (String, bool);

fuzz_target!(|input: (Vec<u8>, Vec<u8>, Vec<String>)| {
    let (bytes, sizes, stop) = input;
    let stop: Vec<String> = stop.into_iter().filter(|text| !text.is_empty()).take(4).collect();
    if let Some(whole) = filter_text(&[&bytes], &stop) {
        let pieces = filter_text(&split(&bytes, &sizes), &stop).expect("valid in one piece is valid in many");
        assert_eq!(whole, pieces);
        for text in &stop {
            assert!(!whole.0.contains(text.as_str()), "a stop sequence went out");
        }
    }
});

/// The bytes in pieces of the given sizes, the rest as the last piece.
fn split<'a>(mut bytes: &'a [u8], sizes: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for size in sizes {
        let (piece, rest) = bytes.split_at(usize::from(*size).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}

/// `None` when the bytes are not UTF-8 up to where a stop sequence ends the reply.
fn filter_text(pieces: &[&[u8]], stop: &[String]) -> Option<Outcome> {
    let mut decoder = Utf8StreamDecoder::new();
    let mut filter = StopSequenceFilter::new(stop);
    let mut out = String::new();
    for piece in pieces {
        let text = decoder.push(piece).ok()?;
        let output = filter.push(text);
        out.push_str(&output.text);
        if output.matched.is_some() {
            return Some((out, true));
        }
    }
    decoder.finish().ok()?;
    out.push_str(&filter.finish());
    Some((out, false))
}
