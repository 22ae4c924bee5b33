//! Decision from the preceding text whether a tag is a call or an example, and recognition of the end of code
//! fences.

/// Bytes of preceding text that decide whether a block is an example.
const CONTEXT_BYTES: usize = 200;
/// Maximum of emitted text that is kept, bytes.
const MAX_BUFFER_BYTES: usize = 4096;
/// Characters that end a sentence or remark; after them a tag on the same line can be a call.
const SENTENCE_ENDS: &str = ".!?:;…。！？：；)）]】*\"”」";
/// Words in the line before an example.
const EXAMPLE_WORDS: [&str; 21] = [
    "example",
    "e.g.",
    "for instance",
    "format",
    "syntax",
    "look like",
    "looks like",
    "would be",
    "would call",
    "would write",
    "such as",
    "例如",
    "比如",
    "示例",
    "例子",
    "格式",
    "语法",
    "beispiel",
    "exemple",
    "ejemplo",
    "esempio",
];

/// The end of the emitted text.
#[derive(Debug, Default)]
pub(super) struct PrecedingText {
    before: String,
}

impl PrecedingText {
    /// Adds emitted text.
    pub(super) fn push(&mut self, text: &str) {
        self.before.push_str(tail(text, CONTEXT_BYTES));
        if self.before.len() > MAX_BUFFER_BYTES {
            let cut = self.before.len() - tail(&self.before, CONTEXT_BYTES).len();
            self.before.drain(..cut);
        }
    }

    /// Whether a sentence ends at the end of `near`.
    pub(super) fn ends_a_sentence(&self, near: &str) -> bool {
        let end = tail(near, CONTEXT_BYTES).trim_end();
        let end = if end.is_empty() {
            tail(&self.before, CONTEXT_BYTES.saturating_sub(near.len())).trim_end()
        } else {
            end
        };
        end.chars().next_back().is_some_and(|c| SENTENCE_ENDS.contains(c))
    }

    /// Whether the last line of `near` that is not empty announces an example. The result does not depend on how the
    /// text was split.
    pub(super) fn is_example(&self, near: &str) -> bool {
        let end = tail(near, CONTEXT_BYTES);
        let start = tail(&self.before, CONTEXT_BYTES.saturating_sub(near.len()));
        let window = format!("{start}{end}");
        let lead = window.trim_end();
        let line = lead.rsplit_once('\n').map_or(lead, |(_, line)| line).to_lowercase();
        EXAMPLE_WORDS.iter().any(|word| line.contains(word))
    }
}

fn tail(text: &str, bytes: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(bytes))..]
}

/// Whether a line ends a fence.
pub(super) fn closes_fence(line: &str, mark: char, length: usize) -> bool {
    may_close_fence(line, mark) && line.trim().len() >= length
}

/// Whether a line, perhaps not complete, can end a fence.
pub(super) fn may_close_fence(line: &str, mark: char) -> bool {
    line.len() <= CONTEXT_BYTES && line.trim().chars().all(|c| c == mark)
}
