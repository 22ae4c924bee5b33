//! Takes what a model thinks off the beginning of its reply, where it writes that in tags.

/// The tags, and how they end.
const TAGS: [(&str, &str); 2] = [("<think>", "</think>"), ("<thinking>", "</thinking>")];
/// White space before the tag that is waited through.
const LONGEST_SPACE: usize = 64;

/// What a slice of a reply came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) thought: String,
    pub(super) said: String,
}

#[derive(Debug)]
pub(super) enum Think {
    /// Nothing but white space and perhaps the beginning of a tag.
    Start(String),
    Inside {
        close: &'static str,
        held: String,
    },
    /// Thinking is over, and white space behind it belongs to it.
    Behind,
    Over,
}

impl Default for Think {
    fn default() -> Self {
        Self::Start(String::new())
    }
}

impl Think {
    /// Takes the next text.
    pub(super) fn push(&mut self, text: String) -> Split {
        match self {
            Self::Over => Split { said: text, ..Split::default() },
            Self::Behind => self.behind(&text),
            Self::Start(held) => {
                held.push_str(&text);
                let held = std::mem::take(held);
                self.start(held)
            }
            Self::Inside { close, held } => {
                held.push_str(&text);
                let (close, held) = (*close, std::mem::take(held));
                self.inside(close, held)
            }
        }
    }

    /// What was held back, now that the reply is over.
    pub(super) fn finish(&mut self) -> Split {
        match std::mem::replace(self, Self::Over) {
            Self::Start(held) => Split { said: held, ..Split::default() },
            Self::Inside { held, .. } => Split { thought: held, ..Split::default() },
            Self::Behind | Self::Over => Split::default(),
        }
    }

    fn start(&mut self, held: String) -> Split {
        let rest = held.trim_start();
        if let Some((open, close)) = TAGS.iter().find(|(open, _)| rest.starts_with(open)) {
            let inner = rest[open.len()..].to_owned();
            return self.inside(close, inner);
        }
        let open = TAGS.iter().any(|(open, _)| open.starts_with(rest));
        if open && held.len() - rest.len() <= LONGEST_SPACE {
            *self = Self::Start(held);
            return Split::default();
        }
        *self = Self::Over;
        Split { said: held, ..Split::default() }
    }

    fn inside(&mut self, close: &'static str, held: String) -> Split {
        if let Some((thought, said)) = held.split_once(close) {
            let said = said.to_owned();
            let Split { said, .. } = self.behind(&said);
            return Split { thought: thought.to_owned(), said };
        }
        let lengths = (1..close.len().min(held.len() + 1)).rev();
        let keep = lengths.into_iter().find(|length| held.ends_with(&close[..*length])).unwrap_or(0);
        let (thought, tail) = held.split_at(held.len() - keep);
        *self = Self::Inside { close, held: tail.to_owned() };
        Split { thought: thought.to_owned(), ..Split::default() }
    }

    fn behind(&mut self, text: &str) -> Split {
        let said = text.trim_start();
        *self = if said.is_empty() { Self::Behind } else { Self::Over };
        Split { said: said.to_owned(), ..Split::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split<'a>(slices: impl IntoIterator<Item = &'a str>) -> (String, String) {
        let mut think = Think::default();
        let (mut thought, mut said) = (String::new(), String::new());
        let mut take = |split: Split| {
            thought.push_str(&split.thought);
            said.push_str(&split.said);
        };
        slices.into_iter().for_each(|slice| take(think.push(slice.to_owned())));
        take(think.finish());
        (thought, said)
    }

    #[test]
    fn thoughts_come_off_the_beginning_whatever_the_slices() {
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
    fn a_thought_passes_as_it_comes() {
        let mut think = Think::default();
        assert_eq!(think.push("<think>one ".to_owned()).thought, "one ");
        assert_eq!(think.push("two</th".to_owned()).thought, "two");
        assert_eq!(think.push("ree".to_owned()).thought, "</three");
    }
}
