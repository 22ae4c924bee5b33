//! A reply collected from its events, for clients that do not stream.

use super::{Event, FinishReason, Part, ToolCall, Usage};

/// A complete reply: its parts in the order of their events, adjacent parts of one kind joined.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CompleteReply {
    /// Only `Text`, `Reasoning` and `Call`.
    pub parts: Vec<Part>,
    /// Generated images, as data URLs.
    pub images: Vec<String>,
    pub finish: FinishReason,
    pub usage: Usage,
    bytes: usize,
}

impl CompleteReply {
    /// Adds the next event. Returns `true` after the last.
    pub fn push(&mut self, event: Event) -> bool {
        match event {
            Event::Text(piece) => self.add_text(piece),
            Event::Reasoning(piece) => self.add_reasoning(piece),
            Event::Call { id, name } => {
                self.bytes += id.len() + name.len();
                self.parts.push(Part::Call(ToolCall { id, name, arguments: String::new() }));
            }
            Event::CallArguments(piece) => self.add_arguments(&piece),
            Event::Image(url) => {
                self.bytes += url.len();
                self.images.push(url);
            }
            Event::Done { finish, usage } => {
                (self.finish, self.usage) = (finish, usage);
                return true;
            }
        }
        false
    }

    /// The size of all parts in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The text of the reply, joined.
    pub fn text(&self) -> String {
        self.parts.iter().filter_map(Part::text).collect()
    }

    /// The reasoning of the reply, joined.
    pub fn reasoning(&self) -> String {
        self.parts.iter().filter_map(Part::reasoning).collect()
    }

    /// The tool calls in their order.
    pub fn calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(Part::call)
    }

    fn add_text(&mut self, piece: String) {
        self.bytes += piece.len();
        match self.parts.last_mut() {
            Some(Part::Text(text)) => text.push_str(&piece),
            _ => self.parts.push(Part::Text(piece)),
        }
    }

    fn add_reasoning(&mut self, piece: String) {
        self.bytes += piece.len();
        match self.parts.last_mut() {
            Some(Part::Reasoning(text)) => text.push_str(&piece),
            _ => self.parts.push(Part::Reasoning(piece)),
        }
    }

    fn add_arguments(&mut self, piece: &str) {
        self.bytes += piece.len();
        let last = self.parts.iter_mut().rev().find_map(|part| match part {
            Part::Call(call) => Some(call),
            Part::Text(_)
            | Part::Reasoning(_)
            | Part::Result(_)
            | Part::Image(_)
            | Part::ImageLink(_)
            | Part::File(_) => None,
        });
        if let Some(call) = last {
            call.arguments.push_str(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjacent_parts_are_merged_and_calls_keep_their_order() {
        let mut answer = CompleteReply::default();
        let call = |id: &str| Event::Call { id: id.into(), name: "f".into() };
        for event in [
            Event::Reasoning("hm".into()),
            Event::Text("a".into()),
            Event::Text("b".into()),
            call("1"),
            Event::CallArguments("{".into()),
            Event::CallArguments("}".into()),
            call("2"),
        ] {
            assert!(!answer.push(event));
        }
        assert!(answer.push(Event::Done { finish: FinishReason::ToolCalls, usage: Usage::default() }));
        assert_eq!((answer.text().as_str(), answer.reasoning().as_str()), ("ab", "hm"));
        let calls: Vec<_> = answer.calls().map(|call| (call.id.as_str(), call.arguments.as_str())).collect();
        assert_eq!(calls, [("1", "{}"), ("2", "")]);
        assert_eq!((answer.parts.len(), &answer.finish), (4, &FinishReason::ToolCalls));
        assert_eq!(answer.bytes(), 2 + 2 + 2 + 2 + 2);
    }
}
