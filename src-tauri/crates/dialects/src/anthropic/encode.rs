//! Encoder of Anthropic's replies: the events of a stream, and whole messages.

use serde_json::{Value, json};

use super::error::error_body;
use crate::{Encode, ReplyContext, sse};
use protocol::{CompleteReply, Event, FinishReason, Part, Usage};

/// Placeholder for Anthropic's signature of a thinking block. Clients send it back, and it is not verified
/// here.
const SIGNATURE: &str = "unsigned";

/// Type of the open content block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BlockKind {
    Text,
    Thinking,
    ToolUse,
}

/// Encoder of a message.
pub(crate) struct Encoder {
    context: ReplyContext,
    started: bool,
    open: Option<BlockKind>,
    /// Index of the open block, or of the next one.
    index: usize,
}

impl Encoder {
    pub(crate) fn new(context: ReplyContext) -> Self {
        Self { context, started: false, open: None, index: 0 }
    }

    fn begin(&mut self, out: &mut String) {
        if !std::mem::replace(&mut self.started, true) {
            // The number of prompt tokens is known only at the end.
            let message = self.message(Vec::new(), None, Usage::default());
            sse::write_event(out, "message_start", &json!({ "type": "message_start", "message": message }));
            sse::write_event(out, "ping", &json!({ "type": "ping" }));
        }
    }

    fn message(&self, content: Vec<Value>, stop: Option<&FinishReason>, usage: Usage) -> Value {
        json!({
            "id": format!("msg_{}", self.context.id),
            "type": "message",
            "role": "assistant",
            "model": self.context.model,
            "content": content,
            "stop_reason": stop.map(stop_reason),
            "stop_sequence": stop.and_then(stop_sequence),
            "usage": usage_json(usage),
        })
    }

    /// Opens a block of this type, unless one is open.
    fn ensure_open(&mut self, out: &mut String, block: BlockKind) {
        if self.open != Some(block) {
            let start = match block {
                BlockKind::Thinking => json!({ "type": "thinking", "thinking": "", "signature": "" }),
                BlockKind::Text | BlockKind::ToolUse => json!({ "type": "text", "text": "" }),
            };
            self.open(out, block, &start);
        }
    }

    fn open(&mut self, out: &mut String, block: BlockKind, start: &Value) {
        self.close(out);
        self.open = Some(block);
        let data = json!({ "type": "content_block_start", "index": self.index, "content_block": start });
        sse::write_event(out, "content_block_start", &data);
    }

    fn close(&mut self, out: &mut String) {
        let Some(block) = self.open.take() else { return };
        if block == BlockKind::Thinking {
            self.delta(out, "signature_delta", "signature", SIGNATURE);
        }
        let data = json!({ "type": "content_block_stop", "index": self.index });
        sse::write_event(out, "content_block_stop", &data);
        self.index += 1;
    }

    /// Writes a piece of text. This is the hot path, so no JSON tree is built.
    fn delta(&self, out: &mut String, kind: &str, field: &str, text: &str) {
        out.push_str("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":");
        out.push_str(&self.index.to_string());
        out.push_str(",\"delta\":{\"type\":\"");
        out.push_str(kind);
        out.push_str("\",\"");
        out.push_str(field);
        out.push_str("\":");
        sse::write_json_string(out, text);
        out.push_str("}}\n\n");
    }

    fn done(&mut self, out: &mut String, finish: &FinishReason, usage: Usage) {
        self.close(out);
        let delta = json!({ "stop_reason": stop_reason(finish), "stop_sequence": stop_sequence(finish) });
        let data = json!({ "type": "message_delta", "delta": delta, "usage": usage_json(usage) });
        sse::write_event(out, "message_delta", &data);
        sse::write_event(out, "message_stop", &json!({ "type": "message_stop" }));
    }
}

impl Encode for Encoder {
    fn encode_event(&mut self, event: &Event) -> String {
        let mut out = String::with_capacity(256);
        self.begin(&mut out);
        match event {
            Event::Text(text) => {
                self.ensure_open(&mut out, BlockKind::Text);
                self.delta(&mut out, "text_delta", "text", text);
            }
            Event::Reasoning(text) if self.context.options.include_reasoning => {
                self.ensure_open(&mut out, BlockKind::Thinking);
                self.delta(&mut out, "thinking_delta", "thinking", text);
            }
            // A client that did not ask for reasoning may take the first block for the reply.
            Event::Reasoning(_) => {}
            Event::Call { id, name } => {
                let start = json!({ "type": "tool_use", "id": id, "name": name, "input": {} });
                self.open(&mut out, BlockKind::ToolUse, &start);
            }
            Event::CallArguments(text) => self.delta(&mut out, "input_json_delta", "partial_json", text),
            Event::Image(url) => {
                self.ensure_open(&mut out, BlockKind::Text);
                self.delta(&mut out, "text_delta", "text", &sse::image_markdown(url));
            }
            Event::Done { finish, usage } => self.done(&mut out, finish, *usage),
        }
        out
    }

    fn encode_error(&mut self, code: &str, message: &str) -> String {
        let mut out = String::new();
        sse::write_event(&mut out, "error", &error_body(502, code, message, None));
        out
    }

    fn encode_complete(&mut self, answer: &CompleteReply) -> String {
        let include_reasoning = self.context.options.include_reasoning;
        let images =
            answer.images.iter().map(|url| json!({ "type": "text", "text": sse::image_markdown(url) }));
        let content = answer
            .parts
            .iter()
            .filter_map(|part| content_block(part, include_reasoning))
            .chain(images)
            .collect();
        self.message(content, Some(&answer.finish), answer.usage).to_string()
    }
}

fn content_block(part: &Part, include_reasoning: bool) -> Option<Value> {
    match part {
        Part::Text(text) => Some(json!({ "type": "text", "text": text })),
        Part::Reasoning(text) => {
            include_reasoning.then(|| json!({ "type": "thinking", "thinking": text, "signature": SIGNATURE }))
        }
        Part::Call(call) => {
            let input = sse::arguments_object(&call.arguments);
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

/// Usage in Anthropic's format, which counts cached tokens separately from the other input tokens.
fn usage_json(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.prompt_tokens.saturating_sub(usage.cached_tokens),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.completion_tokens,
    })
}
