//! Documents in requests that are neither text nor image, such as a PDF.

use super::InvalidRequest;
use protocol::{File, Message, Part, Role};

const MAX_NAME_CHARS: usize = 200;

/// Reads a document that was sent as base64, with its media type, which the model's API requires.
pub(super) fn from_base64(
    param: &str,
    name: Option<&str>,
    kind: Option<&str>,
    data: &str,
) -> Result<Part, InvalidRequest> {
    let kind = kind.unwrap_or("application/pdf");
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '+' | '-');
    let base64 =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\r' | b'\n');
    if !kind.chars().all(word) || kind.len() > 100 || data.is_empty() || !data.bytes().all(base64) {
        return Err(InvalidRequest::new(param.to_owned(), "the file must be base64 with a media type"));
    }
    let name: String =
        name.unwrap_or_default().chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect();
    let name = if name.trim().is_empty() { format!("document.{}", extension(kind)) } else { name };
    Ok(Part::File(File { name, data: format!("data:{kind};base64,{data}") }))
}

/// Reads a document that was sent as a data URL, or as base64 alone.
pub(super) fn from_data(param: &str, name: Option<&str>, data: &str) -> Result<Part, InvalidRequest> {
    let url = data.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    let (kind, data) = url.map_or((None, data), |(kind, data)| (Some(kind), data));
    from_base64(param, name, kind, data)
}

/// Whether the latest turn of the user contains a document. Only an upstream that accepts documents can
/// answer it. Documents in tool results or in earlier turns do not count, so that they do not end the
/// conversation; a note to the model replaces them.
pub(super) fn is_in_latest_user_turn(messages: &[Message]) -> bool {
    let spoken = messages.iter().rev().filter(|message| message.role != Role::System);
    let latest = spoken.take_while(|message| message.role == Role::User).flat_map(|message| &message.parts);
    let mut found = false;
    for part in latest {
        match part {
            Part::Result(_) => return false,
            Part::File(_) => found = true,
            Part::Text(_) | Part::Image(_) | Part::ImageLink(_) | Part::Reasoning(_) | Part::Call(_) => {}
        }
    }
    found
}

/// Whether any message contains a document, including those in tool results.
pub(super) fn any_in(messages: &[Message]) -> bool {
    fn contains_file(parts: &[Part]) -> bool {
        parts.iter().any(|part| match part {
            Part::File(_) => true,
            Part::Result(result) => contains_file(&result.parts),
            Part::Text(_) | Part::Image(_) | Part::ImageLink(_) | Part::Reasoning(_) | Part::Call(_) => false,
        })
    }
    messages.iter().any(|message| contains_file(&message.parts))
}

fn extension(kind: &str) -> &str {
    let word = kind.rsplit('/').next().unwrap_or_default();
    if word.len() <= 5 && !word.is_empty() { word } else { "bin" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::ToolResult;

    fn file() -> Part {
        from_data("p", Some("a\nb.pdf"), "data:application/pdf;base64,JVBERg==").unwrap()
    }

    #[test]
    fn a_document_keeps_its_name_and_bytes() {
        let Part::File(read) = file() else { panic!("a file") };
        assert_eq!(
            (read.name.as_str(), read.data.as_str()),
            ("ab.pdf", "data:application/pdf;base64,JVBERg==")
        );
        let Ok(Part::File(bare)) = from_data("p", None, "JVBERg==") else { panic!("a file") };
        assert_eq!((bare.name.as_str(), &bare.data), ("document.pdf", &read.data));
        assert!(bare.placeholder_text().contains("document.pdf"));
        for bad in ["", "data:text/html,hi", "data:a b;base64,JVBERg==", "JVB\"ERg"] {
            assert!(from_data("p", None, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_files_of_the_latest_user_turn_must_be_shown() {
        let says = |role, parts| Message { role, parts };
        let result =
            Part::Result(ToolResult { call_id: "1".into(), name: None, parts: vec![file()], failed: false });
        let text = || Part::Text("x".into());
        let asked = |messages: &[Message]| (is_in_latest_user_turn(messages), any_in(messages));
        let new = says(Role::User, vec![text(), file()]);
        assert_eq!(asked(&[new.clone(), says(Role::System, vec![text()])]), (true, true));
        let answer = says(Role::Assistant, vec![text()]);
        assert_eq!(asked(&[new, answer, says(Role::User, vec![text()])]), (false, true));
        assert_eq!(asked(&[says(Role::User, vec![result.clone()])]), (false, true));
        assert_eq!(asked(&[says(Role::User, vec![result, file()])]), (false, true));
        assert_eq!(asked(&[says(Role::User, vec![text()])]), (false, false));
    }
}
