//! Token counts, estimated with OpenAI's `o200k_base` because the web upstream gives none.

use super::tokenizer::Tokenizer;
use super::{Part, Request, Tool};

/// Tokens that OpenAI adds per message.
const TOKENS_PER_MESSAGE: u64 = 4;
/// Tokens that OpenAI counts for an image in low detail; the real count depends on the model.
const TOKENS_PER_IMAGE: u64 = 85;
/// Maximum text for one call of the tokenizer, bytes. Its time for a run of one character grows faster than
/// the run.
const MAX_BATCH_BYTES: usize = 8 * 1024;
/// Maximum of uncounted text in a [`TokenCounter`], bytes.
const MAX_PENDING_BYTES: usize = 4 * 1024;
/// Maximum of uncounted text while another thread loads the tokenizer, bytes, so that the stream does not
/// wait for it.
const MAX_PENDING_BYTES_WHILE_LOADING: usize = 64 * 1024;
/// Maximum of uncounted text without a word boundary while the limit is near, bytes.
const MAX_PENDING_BYTES_NEAR_LIMIT: usize = 256;

/// Counts the tokens of a text in linear time.
pub fn count_tokens(text: &str) -> u64 {
    count_with(&Tokenizer::shared(), text)
}

fn count_with(tokenizer: &Tokenizer, mut text: &str) -> u64 {
    let bpe = tokenizer.bpe();
    let mut tokens = 0;
    while text.len() > MAX_BATCH_BYTES {
        let window = &text[..text.floor_char_boundary(MAX_BATCH_BYTES)];
        let at = last_word_boundary(window).unwrap_or(window.len());
        tokens += bpe.count(&text[..at]) as u64;
        text = &text[at..];
    }
    tokens + bpe.count(text) as u64
}

/// Counts the tokens of a request: messages and tools.
pub fn prompt_tokens(request: &Request) -> u64 {
    let messages = request.messages.iter().map(|message| TOKENS_PER_MESSAGE + parts_tokens(&message.parts));
    messages.sum::<u64>() + request.tools.iter().map(tool_tokens).sum::<u64>()
}

fn parts_tokens(parts: &[Part]) -> u64 {
    let tokens = parts.iter().map(|part| match part {
        Part::Text(text) | Part::Reasoning(text) => count_tokens(text),
        Part::Image(_) | Part::ImageLink(_) | Part::File(_) => TOKENS_PER_IMAGE,
        Part::Call(call) => count_tokens(&call.name) + count_tokens(&call.arguments),
        Part::Result(result) => parts_tokens(&result.parts),
    });
    tokens.sum()
}

fn tool_tokens(tool: &Tool) -> u64 {
    let description = tool.description.as_deref().map_or(0, count_tokens);
    TOKENS_PER_MESSAGE + count_tokens(&tool.name) + description + count_tokens(&tool.parameters.to_string())
}

/// Streaming token counter that cuts a reply at a limit, in bounded memory.
#[derive(Debug)]
pub struct TokenCounter {
    /// Handle that keeps the tokenizer loaded during the reply.
    tokenizer: Tokenizer,
    max: Option<u64>,
    counted: u64,
    /// Text that is not counted yet because its last word may continue.
    pending: String,
}

/// The part of a delta that is within the limit.
#[derive(Debug, PartialEq, Eq)]
pub struct TruncatedText {
    pub text: String,
    /// Whether the limit was reached; `text` is then the last output and ends at a token boundary.
    pub limit_reached: bool,
}

impl TokenCounter {
    pub fn new(max: Option<u64>) -> Self {
        Self { tokenizer: Tokenizer::shared(), max, counted: 0, pending: String::new() }
    }

    /// Counts the next delta of the reply.
    pub fn push(&mut self, text: String) -> TruncatedText {
        let start = self.pending.len();
        self.pending.push_str(&text);
        // A token is at least one byte long, so nothing needs counting while the bytes themselves fit.
        if let Some(max) = self.max.filter(|max| self.counted + self.pending.len() as u64 > *max) {
            return self.truncate_to_limit(text, start, max);
        }
        let max_pending =
            if self.tokenizer.is_loaded() { MAX_PENDING_BYTES } else { MAX_PENDING_BYTES_WHILE_LOADING };
        if self.pending.len() > max_pending {
            self.count_complete_words(MAX_PENDING_BYTES);
        }
        TruncatedText { text, limit_reached: false }
    }

    /// Whether counting needs no loading.
    pub fn is_tokenizer_loaded(&self) -> bool {
        self.tokenizer.is_loaded()
    }

    /// Tokens of all text returned so far.
    pub fn total(&self) -> u64 {
        if self.pending.is_empty() {
            self.counted
        } else {
            self.counted + count_with(&self.tokenizer, &self.pending)
        }
    }

    fn truncate_to_limit(&mut self, mut text: String, start: usize, max: u64) -> TruncatedText {
        let bpe = self.tokenizer.bpe();
        let tokens = bpe.encode(&self.pending);
        let remaining = usize::try_from(max.saturating_sub(self.counted)).unwrap_or(usize::MAX);
        if tokens.len() <= remaining {
            self.count_complete_words(MAX_PENDING_BYTES_NEAR_LIMIT);
            return TruncatedText { text, limit_reached: false };
        }
        let fitting = bpe.decode(&tokens[..remaining]).len();
        let end = self.pending.floor_char_boundary(fitting).max(start);
        text.truncate(end - start);
        self.counted = max;
        self.pending.clear();
        TruncatedText { text, limit_reached: true }
    }

    /// Counts all complete words, or everything once more than `max_pending` bytes contain no word boundary.
    fn count_complete_words(&mut self, max_pending: usize) {
        let at = match last_word_boundary(&self.pending) {
            Some(at) => at,
            None if self.pending.len() > max_pending => self.pending.len(),
            None => return,
        };
        self.counted += count_with(&self.tokenizer, &self.pending[..at]);
        self.pending.drain(..at);
    }
}

/// Last offset where a text can be split without changing its tokens: before a space that follows a word or a sign.
fn last_word_boundary(text: &str) -> Option<usize> {
    let after_word = |at: &usize| text[..*at].chars().next_back().is_some_and(|c| !c.is_whitespace());
    text.rmatch_indices(' ').map(|(at, _)| at).find(after_word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ImageLink, Message, Role};

    fn count_at_once(text: &str) -> u64 {
        Tokenizer::shared().bpe().count(text) as u64
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_chunking_gives_the_same_count(pieces in prop::collection::vec("[a-z .\\n'é你0-9]{0,300}", 0..30)) {
            let mut meter = TokenCounter::new(None);
            meter.tokenizer.load();
            for piece in &pieces {
                prop_assert!(!meter.push(piece.clone()).limit_reached);
                prop_assert!(meter.pending.len() <= MAX_PENDING_BYTES + 1200);
            }
            let expected = count_at_once(&pieces.concat());
            // A word longer than the maximum is counted in two halves: one token more or less.
            prop_assert!(meter.total().abs_diff(expected) <= 2, "{} {}", meter.total(), expected);
        }

        #[test]
        fn a_limited_reply_has_at_most_that_many_tokens(
            pieces in prop::collection::vec("[a-z .é🦣]{0,12}", 0..40), max in 0u64..60,
        ) {
            let mut meter = TokenCounter::new(Some(max));
            let (mut text, mut full) = (String::new(), false);
            for piece in &pieces {
                let admitted = meter.push(piece.clone());
                text.push_str(&admitted.text);
                full = admitted.limit_reached;
                if full { break }
            }
            let all = pieces.concat();
            prop_assert!(all.starts_with(&text));
            prop_assert!(!full || meter.total() == max);
            prop_assert!(full || text == all);
        }
    }

    #[test]
    fn text_is_buffered_until_the_tokenizer_is_loaded() {
        let mut meter = TokenCounter { tokenizer: Tokenizer::default(), ..TokenCounter::new(None) };
        let words = "word ".repeat(MAX_PENDING_BYTES);
        let (some, more) = words.split_at(MAX_PENDING_BYTES * 2);
        meter.push(some.to_owned());
        assert!(!meter.tokenizer.is_loaded() && meter.pending == some);
        meter.tokenizer.load();
        meter.push(more.to_owned());
        assert!(meter.pending.len() < some.len());
        assert_eq!(meter.total(), count_at_once(&words));
    }

    #[test]
    fn cuts_at_a_token_boundary() {
        let mut meter = TokenCounter::new(Some(3));
        let text = "The quick brown fox jumps".to_owned();
        assert_eq!(
            meter.push(text),
            TruncatedText { text: "The quick brown".to_owned(), limit_reached: true }
        );
        assert_eq!(meter.total(), 3);
    }

    #[test]
    fn long_texts_count_like_short_ones() {
        let text = "Hello there, how are you today? ".repeat(1000);
        assert_eq!(count_tokens(&text), count_at_once(&text));
    }

    #[test]
    fn p16_long_runs_are_counted_without_panic() {
        for run in [" ", "a", "!", "\n", "🦣", "\t\n "] {
            let text = format!("{}x", run.repeat(60_000 / run.len()));
            assert!(count_tokens(&text) > 0);
        }
    }

    #[test]
    fn a_prompt_count_includes_message_overhead_and_images() {
        let link =
            Part::ImageLink(ImageLink { url: "https://example.com/a.png".parse().unwrap(), detail: None });
        let parts = vec![Part::Text("hello world".to_owned()), link];
        let messages = vec![Message { role: Role::User, parts }];
        let request = Request { messages, ..Request::default() };
        assert_eq!(prompt_tokens(&request), 2 + 85 + 4);
    }
}
