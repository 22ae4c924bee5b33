//! One record as one line for people.
use super::record::{Attempt, Record};
use super::text::clean;
use super::time::utc;
use std::fmt::Write;

/// Longest line, in characters.
const LINE: usize = 4_000;

/// For example `2026-03-01 14:05:09Z 200 laptop gpt-4o→gpt-4.1 stream, 812+96~ tokens, 340/2100 ms, alice: limited (403)
/// → bob: ok, why: first in order; alice is limited`. Times are UTC, `~` marks estimated tokens, and the milliseconds
/// are those to the first byte and to the end. Control characters come out as U+FFFD.
pub fn line(record: &Record) -> String {
    let mut parts = vec![head(record)];
    parts.extend(tokens(record));
    parts.push(times(record));
    if !record.attempts.is_empty() {
        parts.push(record.attempts.iter().map(attempt).collect::<Vec<_>>().join(" → "));
        parts.extend(why(&record.attempts));
    }
    parts.extend(told(record));
    // What was stored is clean, but the file may have been written by someone else.
    clean(&parts.join(", "), LINE)
}

fn head(record: &Record) -> String {
    let mut text = format!("{} {}", utc(record.time_ms), record.status);
    let code = record.code.as_deref();
    let blame = record.fault.map(|fault| format!("({})", fault.name()));
    let cut = record.interrupted.then_some("cut");
    let mark = record.stream.then_some("stream");
    let model = model(record);
    let words = [code, blame.as_deref(), cut, Some(record.client.as_str()), Some(model.as_str()), mark];
    for word in words.into_iter().flatten() {
        push(&mut text, word);
    }
    text
}

fn push(text: &mut String, word: &str) {
    text.push(' ');
    text.push_str(if word.is_empty() { "-" } else { word });
}

fn model(record: &Record) -> String {
    let asked = record.model_asked.as_str();
    match record.model_served.as_deref() {
        Some(served) if served != asked => format!("{asked}→{served}"),
        Some(_) | None => asked.to_owned(),
    }
}

fn tokens(record: &Record) -> Option<String> {
    if record.prompt_tokens.is_none() && record.completion_tokens.is_none() {
        return None;
    }
    let number = |n: Option<u64>| n.map_or("?".to_owned(), |n| n.to_string());
    let mark = if record.tokens_estimated { "~" } else { "" };
    Some(format!("{}+{}{mark} tokens", number(record.prompt_tokens), number(record.completion_tokens)))
}

fn times(record: &Record) -> String {
    let first = record.first_byte_ms.map_or("-".to_owned(), |ms| ms.to_string());
    format!("{first}/{} ms", record.duration_ms)
}

/// What the client was told of a failure. Most sentences name the parameter themselves.
fn told(record: &Record) -> Option<String> {
    let message = record.message.clone()?;
    let param = record.param.as_deref().filter(|param| !message.contains(param));
    Some(param.map_or_else(|| message.clone(), |param| format!("{message} ({param})")))
}

fn attempt(attempt: &Attempt) -> String {
    let mut text = format!("{}: {}", attempt.account, attempt.outcome);
    if let Some(status) = attempt.status.filter(|_| attempt.outcome != "ok") {
        // Writing to a string cannot fail.
        let _ = write!(text, " ({status})");
    }
    text
}

fn why(attempts: &[Attempt]) -> Option<String> {
    let reasons: Vec<String> =
        attempts.iter().map(|attempt| attempt.why.to_string()).filter(|why| !why.is_empty()).collect();
    (!reasons.is_empty()).then(|| format!("why: {}", reasons.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::super::record::Fault;
    use super::super::tests::sample;
    use super::*;

    #[test]
    fn a_failover_reads_as_a_sentence() {
        let expected = "2026-03-01 14:05:09Z 200 laptop gpt-4o→gpt-4.1 stream, 812+96~ tokens, 340/2100 ms, \
            alice: limited (403) → bob: ok, why: first in order; alice is limited";
        assert_eq!(line(&sample()), expected);
    }

    #[test]
    fn a_refusal_without_an_upstream_call_stays_short() {
        let refused = Record {
            model_asked: String::new(),
            model_served: None,
            attempts: Vec::new(),
            status: 401,
            code: Some("invalid_api_key".into()),
            fault: Some(Fault::Client),
            prompt_tokens: None,
            completion_tokens: None,
            first_byte_ms: None,
            duration_ms: 1,
            stream: false,
            ..sample()
        };
        assert_eq!(line(&refused), "2026-03-01 14:05:09Z 401 invalid_api_key (client) laptop -, -/1 ms");
    }

    #[test]
    fn a_failure_says_what_the_client_was_told() {
        let message = Some("'messages' is missing".to_owned());
        let refused = Record { message, param: Some("messages".into()), ..sample() };
        assert!(line(&refused).ends_with(", 'messages' is missing"), "{}", line(&refused));
        let elsewhere = Record { param: Some("input".into()), ..refused };
        assert!(line(&elsewhere).ends_with(", 'messages' is missing (input)"), "{}", line(&elsewhere));
    }

    #[test]
    fn l04_a_foreign_record_cannot_forge_a_line() {
        let hostile =
            Record { model_asked: "x\n2026 200 ok \x1b[2J".into(), client: "\u{202e}".into(), ..sample() };
        let shown = line(&hostile);
        assert!(!shown.contains(['\n', '\x1b', '\u{202e}']), "{shown}");
    }
}
