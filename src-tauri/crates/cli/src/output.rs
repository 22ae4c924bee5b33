//! Writing to the terminal. A reader that went away, as `head` does, is not an error.

use std::io::Write;

/// One line on stdout.
pub(super) fn line(text: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Text on stdout as it is.
pub(super) fn text(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// One line on stderr, for people only.
pub(super) fn note(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// What went wrong.
pub(super) fn problem(text: &str) {
    note(format_args!("mammouth-proxy: {text}"));
}
