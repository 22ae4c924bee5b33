//! Messages as they go back: the events of a stream, and whole messages.

use serde_json::{Value, json};

use super::error::error_body;
use crate::chat::{CompleteReply, Event, FinishReason, Part, Usage};
use crate::dialects::{About, Encode, sse};

/// Stands where Anthropic signs what was thought. Clients send it back, and nobody here reads it.
const SIGNATURE: &str = "unsigned";

/// What the open block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Text,
    Thinking,
    ToolUse,
}

/// Writes the events of a message.
pub(in crate::dialects) struct Encoder {
    about: About,
    begun: bool,
    open: Option<Block>,
    /// The place of the open block, or of the next.
    index: usize,
}

impl Encoder {
    pub(in crate::dialects) fn new(about: About) -> Self {
        Self { about, begun: false, open: None, index: 0 }
    }

    fn begin(&mut self, out: &mut String) {
        if !std::mem::replace(&mut self.begun, true) {
            // What the prompt took is known at the end only.
            let message = self.message(Vec::new(), None, Usage::default());
            sse::event(out, "message_start", &json!({ "type": "message_start", "message": message }));
            sse::event(out, "ping", &json!({ "type": "ping" }));
        }
    }

    fn message(&self, content: Vec<Value>, stop: Option<&FinishReason>, usage: Usage) -> Value {
        json!({
            "id": format!("msg_{}", self.about.id),
            "type": "message",
            "role": "assistant",
            "model": self.about.model,
            "content": content,
            "stop_reason": stop.map(stop_reason),
            "stop_sequence": stop.and_then(stop_sequence),
            "usage": usage_json(usage),
        })
    }

    /// Makes sure that a block of this kind is open.
    fn within(&mut self, out: &mut String, block: Block) {
        if self.open != Some(block) {
            let start = match block {
                Block::Thinking => json!({ "type": "thinking", "thinking": "", "signature": "" }),
                Block::Text | Block::ToolUse => json!({ "type": "text", "text": "" }),
            };
            self.open(out, block, &start);
        }
    }

    fn open(&mut self, out: &mut String, block: Block, start: &Value) {
        self.close(out);
        self.open = Some(block);
        let data = json!({ "type": "content_block_start", "index": self.index, "content_block": start });
        sse::event(out, "content_block_start", &data);
    }

    fn close(&mut self, out: &mut String) {
        let Some(block) = self.open.take() else { return };
        if block == Block::Thinking {
            self.delta(out, "signature_delta", "signature", SIGNATURE);
        }
        let data = json!({ "type": "content_block_stop", "index": self.index });
        sse::event(out, "content_block_stop", &data);
        self.index += 1;
    }

    /// The hot path: a piece of a text, written without a tree of values.
    fn delta(&self, out: &mut String, kind: &str, field: &str, text: &str) {
        out.push_str("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":");
        out.push_str(&self.index.to_string());
        out.push_str(",\"delta\":{\"type\":\"");
        out.push_str(kind);
        out.push_str("\",\"");
        out.push_str(field);
        out.push_str("\":");
        sse::json_string(out, text);
        out.push_str("}}\n\n");
    }

    fn done(&mut self, out: &mut String, finish: &FinishReason, usage: Usage) {
        self.close(out);
        let delta = json!({ "stop_reason": stop_reason(finish), "stop_sequence": stop_sequence(finish) });
        let data = json!({ "type": "message_delta", "delta": delta, "usage": usage_json(usage) });
        sse::event(out, "message_delta", &data);
        sse::event(out, "message_stop", &json!({ "type": "message_stop" }));
    }
}

impl Encode for Encoder {
    fn frames(&mut self, event: &Event) -> String {
        let mut out = String::with_capacity(256);
        self.begin(&mut out);
        match event {
            Event::Text(text) => {
                self.within(&mut out, Block::Text);
                self.delta(&mut out, "text_delta", "text", text);
            }
            Event::Reasoning(text) if self.about.remember.thoughts => {
                self.within(&mut out, Block::Thinking);
                self.delta(&mut out, "thinking_delta", "thinking", text);
            }
            // Who did not ask for thoughts may take the first block for the reply.
            Event::Reasoning(_) => {}
            Event::Call { id, name } => {
                let start = json!({ "type": "tool_use", "id": id, "name": name, "input": {} });
                self.open(&mut out, Block::ToolUse, &start);
            }
            Event::CallArguments(text) => self.delta(&mut out, "input_json_delta", "partial_json", text),
            Event::Image(url) => {
                self.within(&mut out, Block::Text);
                self.delta(&mut out, "text_delta", "text", &sse::image_as_text(url));
            }
            Event::Done { finish, usage } => self.done(&mut out, finish, *usage),
        }
        out
    }

    fn broken(&mut self, code: &str, message: &str) -> String {
        let mut out = String::new();
        sse::event(&mut out, "error", &error_body(502, code, message, None));
        out
    }

    fn whole(&mut self, answer: &CompleteReply) -> String {
        let thoughts = self.about.remember.thoughts;
        let images =
            answer.images.iter().map(|url| json!({ "type": "text", "text": sse::image_as_text(url) }));
        let content = answer.parts.iter().filter_map(|part| block(part, thoughts)).chain(images).collect();
        self.message(content, Some(&answer.finish), answer.usage).to_string()
    }
}

fn block(part: &Part, thoughts: bool) -> Option<Value> {
    match part {
        Part::Text(text) => Some(json!({ "type": "text", "text": text })),
        Part::Reasoning(text) => {
            thoughts.then(|| json!({ "type": "thinking", "thinking": text, "signature": SIGNATURE }))
        }
        Part::Call(call) => {
            let input = sse::object(&call.arguments);
            Some(json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": input }))
        }
        Part::Result(_) | Part::Image(_) | Part::ImageLink(_) | Part::File(_) => None,
    }
}

fn stop_reason(finish: &FinishReason) -> &'static str {
    match finish {
        FinishReason::Stop => "end_turn",
        FinishReason::StopSequence(_) => "stop_sequence",
        FinishReason::Length => "max_tokens",
        FinishReason::ToolCalls => "tool_use",
        FinishReason::ContentFilter => "refusal",
    }
}

fn stop_sequence(finish: &FinishReason) -> Option<&str> {
    match finish {
        FinishReason::StopSequence(text) => Some(text),
        FinishReason::Stop | FinishReason::Length | FinishReason::ToolCalls | FinishReason::ContentFilter => {
            None
        }
    }
}

/// Anthropic counts what came out of a cache beside the rest, not within it.
fn usage_json(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.prompt_tokens.saturating_sub(usage.cached_tokens),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.completion_tokens,
    })
}
