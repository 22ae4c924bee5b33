//! Errors of the command line without the values of arguments, which may be secrets.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Maximum length of a mistyped option or command in an error, characters.
const MAX_REPEATED_NAME: usize = 24;

/// Replacement for a clap error that contains a value; `None` if the error may be shown.
pub(super) fn without_values(error: &clap::Error) -> Option<String> {
    let what = value_context(error.kind())?;
    let given = context_text(error, what)?;
    if is_name(given) {
        return None;
    }
    let problem =
        match context_text(error, ContextKind::InvalidArg).filter(|_| what == ContextKind::InvalidValue) {
            Some(argument) => format!("the value of '{argument}' cannot be used"),
            None => "there is an argument that is not expected here".to_owned(),
        };
    Some(format!(
        "error: {problem}; it is not repeated, because it may be a secret (secrets are read from stdin or a prompt)\n\n\
         For more information, try '--help'."
    ))
}

/// The context of an error kind that contains the user's input.
#[allow(clippy::wildcard_enum_match_arm, reason = "no other kind repeats a value")]
fn value_context(kind: ErrorKind) -> Option<ContextKind> {
    match kind {
        ErrorKind::UnknownArgument => Some(ContextKind::InvalidArg),
        ErrorKind::InvalidSubcommand => Some(ContextKind::InvalidSubcommand),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::TooManyValues => {
            Some(ContextKind::InvalidValue)
        }
        _ => None,
    }
}

fn context_text(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text),
        _ => None,
    }
}

/// Whether a text is a mistyped option or command; cookies and keys are longer and contain digits or capitals.
fn is_name(text: &str) -> bool {
    text.len() <= MAX_REPEATED_NAME && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::args::Args;
    use super::*;

    fn message_for(args: &[&str]) -> String {
        let error = Args::try_parse_from([&["mammouth-proxy"], args].concat()).unwrap_err();
        without_values(&error).unwrap_or_else(|| error.to_string())
    }

    #[test]
    fn an_argument_that_may_be_a_secret_is_never_repeated() {
        let canary = "Kx7CanaryQ7zV";
        let (option, pair) = (format!("--{canary}"), format!("--cookie={canary}"));
        for args in [
            &["accounts", "add", "--label", "x", canary][..],
            &["accounts", "add", canary],
            &["accounts", "add", "--label", "x", &option],
            &["accounts", "add", "--label", "x", &pair],
            &["accounts", "add", "--label", "x", "--accept-terms", "--", canary],
            &["accounts", canary],
            &[canary],
            &["keys", "add", "x", canary],
            &["port", canary],
            &["logs", "-n", canary],
            &["export", "--format", canary],
            &["serve", canary],
        ] {
            let said = message_for(args);
            assert!(!said.contains("Canary"), "{args:?}: {said}");
            assert!(said.starts_with("error: ") && said.contains("--help"), "{args:?}: {said}");
        }
    }

    #[test]
    fn a_mistyped_name_is_shown() {
        for (args, name) in [(&["satus"][..], "satus"), (&["serve", "--hots", "x"], "--hots")] {
            assert!(message_for(args).contains(name), "{}", message_for(args));
        }
        assert!(message_for(&["port", "70000"]).contains("<PORT>"), "{}", message_for(&["port", "70000"]));
    }
}
