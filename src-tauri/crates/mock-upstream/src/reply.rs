//! Replies of the mock model to the directives in the last message.

use bytes::Bytes;

use super::chunks::BodyChunks;
use super::fault::Fault;
use super::fault_parser::FaultParseError;
use super::request::ChatForm;
use super::tool_prompt;

const MAX_EXCERPT_CHARACTERS: usize = 80;

/// Directives of the last user message: the fault of its `sim:` lines, and the rest of its text.
pub(super) struct MessageDirectives {
    pub(super) fault: Option<Fault>,
    text: String,
}

impl MessageDirectives {
    /// Parses the directives. The error describes an invalid `sim:` line.
    pub(super) fn parse(message: &str) -> Result<Self, String> {
        let is_fault = |line: &&str| line.starts_with("sim:");
        let (faults, rest): (Vec<&str>, Vec<&str>) = message.split('\n').partition(is_fault);
        let texts: Vec<&str> = faults.iter().map(|line| &line[4..]).collect();
        let fault = match texts.as_slice() {
            [] => None,
            texts => Some(texts.join(" ").parse().map_err(|error: FaultParseError| error.to_string())?),
        };
        Ok(Self { fault, text: rest.join("\n") })
    }

    /// The chunks of the reply to `ask`.
    pub(super) fn reply(&self, ask: &ChatForm) -> BodyChunks {
        if let Some(pieces) = self.text_after("echo-chunks:").and_then(parse_chunks) {
            return BodyChunks::from_list(pieces);
        }
        match self.text_after("echo:") {
            Some(text) => BodyChunks::words(text.strip_prefix(' ').unwrap_or(text)),
            None => {
                let tool_reply = tool_prompt::reply(ask);
                BodyChunks::words(&tool_reply.unwrap_or_else(|| demo_text(ask, &self.text)))
            }
        }
    }

    /// The text after `key` at the beginning of a line, up to the end of the message.
    fn text_after(&self, key: &str) -> Option<&str> {
        let mut start = 0;
        for line in self.text.split_inclusive('\n') {
            if line.starts_with(key) {
                return Some(&self.text[start + key.len()..]);
            }
            start += line.len();
        }
        None
    }
}

fn parse_chunks(text: &str) -> Option<Vec<Bytes>> {
    let line = text.lines().next()?;
    let pieces: Vec<String> = serde_json::from_str(line).ok()?;
    Some(pieces.into_iter().map(Bytes::from).collect())
}

fn demo_text(ask: &ChatForm, message: &str) -> String {
    format!(
        "Hello from the demo simulator of Mammouth Proxy. No Mammouth account was used: this text was made on your own \
         machine, and no model has read your message. You asked {} and wrote: \"{}\". I was given {} and {}.",
        excerpt(&ask.model),
        excerpt(message),
        pluralized(ask.messages.len(), "turn"),
        pluralized(ask.images().count(), "image"),
    )
}

/// The beginning of a text on one line.
fn excerpt(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().take(MAX_EXCERPT_CHARACTERS).collect();
    let line = words.join(" ");
    match line.char_indices().nth(MAX_EXCERPT_CHARACTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn pluralized(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(message: &str) -> String {
        let messages =
            vec![serde_json::json!({"content": message, "imagesData": ["u"], "documentsData": []})];
        let ask = ChatForm { model: "some-model".into(), preprompt: String::new(), messages };
        let bytes = MessageDirectives::parse(message).unwrap().reply(&ask).concat();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn the_demo_text_names_model_message_turns_and_images() {
        let text = reply("How are\nyou?");
        for part in ["demo simulator", "some-model", "\"How are you?\"", "1 turn", "1 image"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(reply(&"x".repeat(1000)).contains(&format!("{}…", "x".repeat(80))));
    }

    #[test]
    fn the_message_chooses_the_reply() {
        assert_eq!(reply("please\necho: a  b\n\nc\n"), "a  b\n\nc\n");
        assert_eq!(reply("echo:"), "");
        assert_eq!(reply("echo-chunks: [\"a\", \"\", \"b c\"]\nmore"), "ab c");
        assert!(reply("I said echo: x").contains("demo simulator"));
    }

    #[test]
    fn fault_lines_are_read_and_left_out() {
        let wish = MessageDirectives::parse("a\nsim: stall=1\nb\nsim: gate").unwrap();
        assert_eq!(wish.fault, Some(Fault { stall_after: Some(1), gate: true, ..Fault::default() }));
        assert_eq!(wish.text, "a\nb");
        assert!(MessageDirectives::parse("sim: nonsense").is_err());
    }
}
