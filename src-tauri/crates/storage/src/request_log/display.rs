//! One-line text of a record.
use super::record::{Attempt, RequestRecord};
use super::sanitize::sanitize_text;
use super::time::format_utc;
use std::fmt::Write;

/// Maximum length of a line, in characters.
const MAX_LINE_CHARS: usize = 4_000;

/// Formats a record as one line, for example `2026-03-01 14:05:09Z 200 laptop gpt-4o→gpt-4.1 stream, 812+96~
/// tokens, 340/2100 ms, alice: limited (403) → bob: ok, why: first in order; alice is limited`. Times are
/// UTC, `~` marks estimated tokens, and the milliseconds are those to the first byte and to the end. Control
/// characters become U+FFFD.
pub fn format_line(record: &RequestRecord) -> String {
    let mut parts = vec![head(record)];
    parts.extend(tokens(record));
    parts.push(timings(record));
    if !record.attempts.is_empty() {
        parts.push(record.attempts.iter().map(attempt_summary).collect::<Vec<_>>().join(" → "));
        parts.extend(reasons(&record.attempts));
    }
    parts.extend(error_message(record));
    // Stored texts are clean, but another program may have written the file.
    sanitize_text(parts.join(", "), MAX_LINE_CHARS)
}

fn head(record: &RequestRecord) -> String {
    let mut text = format!("{} {}", format_utc(record.time_ms), record.status);
    let code = record.code.as_deref();
    let source = record.fault.map(|fault| format!("({})", fault.name()));
    let cut = record.interrupted.then_some("cut");
    let mark = record.stream.then_some("stream");
    let model = model(record);
    let client = client(record);
    let parts = [code, source.as_deref(), cut, Some(client.as_str()), Some(model.as_str()), mark];
    for word in parts.into_iter().flatten() {
        push_word(&mut text, word);
    }
    text
}

/// Returns the key's name, followed by the program unless the name begins with it.
fn client(record: &RequestRecord) -> String {
    match &record.program {
        Some(program) if !record.client.starts_with(program.as_str()) => {
            format!("{}({program})", record.client)
        }
        Some(_) | None => record.client.clone(),
    }
}

fn push_word(text: &mut String, word: &str) {
    text.push(' ');
    text.push_str(if word.is_empty() { "-" } else { word });
}

fn model(record: &RequestRecord) -> String {
    let asked = record.model_asked.as_str();
    match record.model_served.as_deref() {
        Some(served) if served != asked => format!("{asked}→{served}"),
        Some(_) | None => asked.to_owned(),
    }
}

fn tokens(record: &RequestRecord) -> Option<String> {
    if record.prompt_tokens.is_none() && record.completion_tokens.is_none() {
        return None;
    }
    let number = |n: Option<u64>| n.map_or("?".to_owned(), |n| n.to_string());
    let estimate_mark = if record.tokens_estimated { "~" } else { "" };
    Some(format!(
        "{}+{}{estimate_mark} tokens",
        number(record.prompt_tokens),
        number(record.completion_tokens)
    ))
}

fn timings(record: &RequestRecord) -> String {
    let first = record.first_byte_ms.map_or("-".to_owned(), |ms| ms.to_string());
    format!("{first}/{} ms", record.duration_ms)
}

/// Returns the error message sent to the client. Most messages name the parameter themselves.
fn error_message(record: &RequestRecord) -> Option<String> {
    let message = record.message.clone()?;
    let param = record.param.as_deref().filter(|param| !message.contains(param));
    Some(param.map_or_else(|| message.clone(), |param| format!("{message} ({param})")))
}

fn attempt_summary(attempt: &Attempt) -> String {
    let mut text = format!("{}: {}", attempt.account, attempt.outcome);
    if let Some(status) = attempt.status.filter(|_| attempt.outcome != "ok") {
        // Writing to a string cannot fail.
        let _ = write!(text, " ({status})");
    }
    text
}

fn reasons(attempts: &[Attempt]) -> Option<String> {
    let reasons: Vec<String> =
        attempts.iter().map(|attempt| attempt.why.to_string()).filter(|why| !why.is_empty()).collect();
    (!reasons.is_empty()).then(|| format!("why: {}", reasons.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::super::record::ErrorSource;
    use super::super::tests::sample;
    use super::*;

    #[test]
    fn a_failover_reads_as_a_sentence() {
        let expected = "2026-03-01 14:05:09Z 200 laptop(claude-code) gpt-4o→gpt-4.1 stream, 812+96~ tokens, 340/2100 ms, \
            alice: limited (403) → bob: ok, why: first in order; alice is limited";
        assert_eq!(format_line(&sample()), expected);
    }

    #[test]
    fn a_refusal_without_an_upstream_call_stays_short() {
        let refused = RequestRecord {
            model_asked: String::new(),
            model_served: None,
            attempts: Vec::new(),
            status: 401,
            code: Some("invalid_api_key".into()),
            fault: Some(ErrorSource::Client),
            prompt_tokens: None,
            completion_tokens: None,
            first_byte_ms: None,
            duration_ms: 1,
            stream: false,
            ..sample()
        };
        assert_eq!(
            format_line(&refused),
            "2026-03-01 14:05:09Z 401 invalid_api_key (client) laptop(claude-code) -, -/1 ms"
        );
    }

    #[test]
    fn a_failure_shows_the_client_s_error_message() {
        let message = Some("'messages' is missing".to_owned());
        let refused = RequestRecord { message, param: Some("messages".into()), ..sample() };
        assert!(format_line(&refused).ends_with(", 'messages' is missing"), "{}", format_line(&refused));
        let elsewhere = RequestRecord { param: Some("input".into()), ..refused };
        assert!(
            format_line(&elsewhere).ends_with(", 'messages' is missing (input)"),
            "{}",
            format_line(&elsewhere)
        );
    }

    #[test]
    fn l04_a_hostile_record_cannot_forge_a_line() {
        let hostile = RequestRecord {
            model_asked: "x\n2026 200 ok \x1b[2J".into(),
            client: "\u{202e}".into(),
            ..sample()
        };
        let shown = format_line(&hostile);
        assert!(!shown.contains(['\n', '\x1b', '\u{202e}']), "{shown}");
    }
}
