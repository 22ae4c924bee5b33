//! Separation of reasoning in tags at the beginning of a reply from the rest.

/// Opening and closing tags of reasoning.
const REASONING_TAGS: [(&str, &str); 2] = [("<think>", "</think>"), ("<thinking>", "</thinking>")];
/// Maximum of white space before the tag, bytes.
const MAX_LEADING_SPACE_BYTES: usize = 64;

/// A chunk of a reply, split into reasoning and text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ReasoningSplit {
    pub(super) reasoning: String,
    pub(super) text: String,
}

#[derive(Debug)]
pub(super) enum ReasoningTags {
    /// White space, perhaps followed by the beginning of a tag.
    BeforeTag(String),
    Inside {
        close: &'static str,
        held: String,
    },
    /// After the closing tag; white space there is dropped.
    AfterTag,
    Done,
}

impl Default for ReasoningTags {
    fn default() -> Self {
        Self::BeforeTag(String::new())
    }
}

impl ReasoningTags {
    /// Splits the next text.
    pub(super) fn push(&mut self, text: String) -> ReasoningSplit {
        match self {
            Self::Done => ReasoningSplit { text, ..ReasoningSplit::default() },
            Self::AfterTag => self.after_tag(&text),
            Self::BeforeTag(held) => {
                held.push_str(&text);
                let held = std::mem::take(held);
                self.before_tag(held)
            }
            Self::Inside { close, held } => {
                held.push_str(&text);
                let (close, held) = (*close, std::mem::take(held));
                self.inside_tag(close, held)
            }
        }
    }

    /// Returns the text held back; called at the end of the reply.
    pub(super) fn finish(&mut self) -> ReasoningSplit {
        match std::mem::replace(self, Self::Done) {
            Self::BeforeTag(held) => ReasoningSplit { text: held, ..ReasoningSplit::default() },
            Self::Inside { held, .. } => ReasoningSplit { reasoning: held, ..ReasoningSplit::default() },
            Self::AfterTag | Self::Done => ReasoningSplit::default(),
        }
    }

    fn before_tag(&mut self, held: String) -> ReasoningSplit {
        let rest = held.trim_start();
        if let Some((open, close)) = REASONING_TAGS.iter().find(|(open, _)| rest.starts_with(open)) {
            let inner = rest[open.len()..].to_owned();
            return self.inside_tag(close, inner);
        }
        let open = REASONING_TAGS.iter().any(|(open, _)| open.starts_with(rest));
        if open && held.len() - rest.len() <= MAX_LEADING_SPACE_BYTES {
            *self = Self::BeforeTag(held);
            return ReasoningSplit::default();
        }
        *self = Self::Done;
        ReasoningSplit { text: held, ..ReasoningSplit::default() }
    }

    fn inside_tag(&mut self, close: &'static str, held: String) -> ReasoningSplit {
        if let Some((thought, said)) = held.split_once(close) {
            let said = said.to_owned();
            let ReasoningSplit { text: said, .. } = self.after_tag(&said);
            return ReasoningSplit { reasoning: thought.to_owned(), text: said };
        }
        let lengths = (1..close.len().min(held.len() + 1)).rev();
        let keep = lengths.into_iter().find(|length| held.ends_with(&close[..*length])).unwrap_or(0);
        let (thought, tail) = held.split_at(held.len() - keep);
        *self = Self::Inside { close, held: tail.to_owned() };
        ReasoningSplit { reasoning: thought.to_owned(), ..ReasoningSplit::default() }
    }

    fn after_tag(&mut self, text: &str) -> ReasoningSplit {
        let said = text.trim_start();
        *self = if said.is_empty() { Self::AfterTag } else { Self::Done };
        ReasoningSplit { text: said.to_owned(), ..ReasoningSplit::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split<'a>(slices: impl IntoIterator<Item = &'a str>) -> (String, String) {
        let mut think = ReasoningTags::default();
        let (mut thought, mut said) = (String::new(), String::new());
        let mut take = |split: ReasoningSplit| {
            thought.push_str(&split.reasoning);
            said.push_str(&split.text);
        };
        slices.into_iter().for_each(|slice| take(think.push(slice.to_owned())));
        take(think.finish());
        (thought, said)
    }

    #[test]
    fn leading_reasoning_is_split_off_in_any_chunking() {
        for (text, thought, said) in [
            ("<think>hm, 1 < 2</think>\n\nYes.", "hm, 1 < 2", "Yes."),
            ("\n<thinking>\n你好</thinking>Yes.", "\n你好", "Yes."),
            ("<think></think>Yes.", "", "Yes."),
            ("<think>and cut", "and cut", ""),
            ("<thin", "", "<thin"),
            ("Yes <think>no</think>", "", "Yes <think>no</think>"),
            ("  \n", "", "  \n"),
            ("<thinker>x", "", "<thinker>x"),
        ] {
            let expected = (thought.to_owned(), said.to_owned());
            assert_eq!(split([text]), expected, "{text}");
            for (at, _) in text.char_indices() {
                assert_eq!(split([&text[..at], &text[at..]]), expected, "{text} at {at}");
            }
            let characters = text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]);
            assert_eq!(split(characters), expected, "{text}");
        }
    }

    #[test]
    fn reasoning_streams_as_it_comes() {
        let mut think = ReasoningTags::default();
        assert_eq!(think.push("<think>one ".to_owned()).reasoning, "one ");
        assert_eq!(think.push("two</th".to_owned()).reasoning, "two");
        assert_eq!(think.push("ree".to_owned()).reasoning, "</three");
    }
}
