//! Decoding of a reply in chunks of any size, with stop sequences across their boundaries: the text must not
//! depend on the chunks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::{StopSequenceFilter, Utf8StreamDecoder};

/// Text sent to the client, and whether a stop sequence was matched.
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

/// Splits the bytes into pieces of the given sizes; the rest is the last piece.
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

/// The outcome of a reply; `None` if the bytes before a matched stop sequence are not UTF-8.
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
