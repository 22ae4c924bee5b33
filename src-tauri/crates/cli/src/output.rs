//! Terminal output. A closed pipe, as with `head`, is not an error.

use std::io::Write;

/// Prints a line to stdout.
pub(super) fn line(text: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Prints text to stdout unchanged.
pub(super) fn text(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a line for people to stderr.
pub(super) fn note(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints an error to stderr.
pub(super) fn problem(text: &str) {
    note(format_args!("mammouth-proxy: {text}"));
}
