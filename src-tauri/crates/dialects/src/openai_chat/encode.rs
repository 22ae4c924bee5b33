//! Encoder of chat completions: chunks of a stream, and whole replies.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{Encode, ReplyContext, sse};
use protocol::{CompleteReply, Event, FinishReason, Usage};

/// Encoder of chat completions. The constant head and tail of a chunk are built once per reply.
pub(crate) struct Encoder {
    context: ReplyContext,
    head: String,
    tail: &'static str,
    started: bool,
    /// Number of calls that have begun.
    calls: usize,
}

impl Encoder {
    pub(crate) fn new(context: ReplyContext) -> Self {
        let mut head = format!(
            "data: {{\"id\":\"chatcmpl-{}\",\"object\":\"chat.completion.chunk\",\"created\":{},\"model\":",
            context.id, context.created
        );
        sse::write_json_string(&mut head, &context.model);
        head.push_str(",\"choices\":[");
        let tail = if context.options.include_usage { "],\"usage\":null}\n\n" } else { "]}\n\n" };
        Self { context, head, tail, started: false, calls: 0 }
    }

    fn begin(&mut self, out: &mut String) {
        if !std::mem::replace(&mut self.started, true) {
            self.chunk(out, r#"{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}"#);
        }
    }

    fn chunk(&self, out: &mut String, choice: &str) {
        out.push_str(&self.head);
        out.push_str(choice);
        out.push_str(self.tail);
    }

    /// Writes a piece of text in one field of the delta. This is the hot path.
    fn text_delta(&self, out: &mut String, field: &str, text: &str) {
        out.push_str(&self.head);
        out.push_str(r#"{"index":0,"delta":{""#);
        out.push_str(field);
        out.push_str(r#"":"#);
        sse::write_json_string(out, text);
        out.push_str(r#"},"logprobs":null,"finish_reason":null}"#);
        out.push_str(self.tail);
    }

    fn call(&mut self, out: &mut String, id: &str, name: &str) {
        let function = json!({ "name": name, "arguments": "" });
        let call = json!({ "index": self.calls, "id": id, "type": "function", "function": function });
        self.calls += 1;
        self.delta(out, &json!({ "tool_calls": [call] }));
    }

    fn arguments(&self, out: &mut String, text: &str) {
        let call = json!({ "index": self.calls.saturating_sub(1), "function": { "arguments": text } });
        self.delta(out, &json!({ "tool_calls": [call] }));
    }

    fn delta(&self, out: &mut String, delta: &Value) {
        self.chunk(out, &format!(r#"{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":null}}"#));
    }

    fn done(&self, out: &mut String, finish: &FinishReason, usage: Usage) {
        let reason = finish_reason(finish);
        self.chunk(out, &format!(r#"{{"index":0,"delta":{{}},"logprobs":null,"finish_reason":"{reason}"}}"#));
        if self.context.options.include_usage {
            out.push_str(&self.head);
            out.push_str("],\"usage\":");
            sse::write_json(out, &WireUsage::from(usage));
            out.push_str("}\n\n");
        }
        out.push_str("data: [DONE]\n\n");
    }
}

impl Encode for Encoder {
    fn encode_event(&mut self, event: &Event) -> String {
        let mut out = String::with_capacity(2 * self.head.len() + 256);
        self.begin(&mut out);
        match event {
            Event::Text(text) => self.text_delta(&mut out, "content", text),
            Event::Reasoning(text) => self.text_delta(&mut out, "reasoning_content", text),
            Event::Call { id, name } => self.call(&mut out, id, name),
            Event::CallArguments(text) => self.arguments(&mut out, text),
            Event::Image(url) => self.delta(&mut out, &json!({ "images": [image(0, url)] })),
            Event::Done { finish, usage } => self.done(&mut out, finish, *usage),
        }
        out
    }

    fn encode_error(&mut self, code: &str, message: &str) -> String {
        sse::error_frame(code, message)
    }

    fn encode_complete(&mut self, answer: &CompleteReply) -> String {
        let (id, created) = (&self.context.id, self.context.created);
        let mut out =
            format!(r#"{{"id":"chatcmpl-{id}","object":"chat.completion","created":{created},"model":"#);
        sse::write_json_string(&mut out, &self.context.model);
        out.push_str(r#","choices":[{"index":0,"message":"#);
        sse::write_json(&mut out, &WireReply::from(answer));
        out.push_str(r#","logprobs":null,"finish_reason":""#);
        out.push_str(finish_reason(&answer.finish));
        out.push_str(r#""}],"usage":"#);
        sse::write_json(&mut out, &WireUsage::from(answer.usage));
        out.push('}');
        out
    }
}

/// The message of a complete reply.
#[derive(Serialize)]
struct WireReply {
    /// Without text the content is null if there are calls, and otherwise an empty string.
    content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<Value>,
    #[serde(skip_serializing_if = "String::is_empty")]
    reasoning_content: String,
    refusal: (),
    role: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
}

impl From<&CompleteReply> for WireReply {
    fn from(answer: &CompleteReply) -> Self {
        let text = answer.text();
        let tool_calls: Vec<Value> = answer
            .calls()
            .map(|call| json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": call.arguments } }))
            .collect();
        Self {
            content: (!text.is_empty() || tool_calls.is_empty()).then_some(text),
            images: answer.images.iter().enumerate().map(|(index, url)| image(index, url)).collect(),
            reasoning_content: answer.reasoning(),
            refusal: (),
            role: "assistant",
            tool_calls,
        }
    }
}

/// An image of a reply, in the format of api.mammouth.ai.
fn image(index: usize, url: &str) -> Value {
    json!({ "type": "image_url", "index": index, "image_url": { "url": url } })
}

pub(crate) fn finish_reason(finish: &FinishReason) -> &'static str {
    match finish {
        FinishReason::Stop | FinishReason::StopSequence(_) => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
    }
}

/// The usage of a reply.
#[derive(Serialize)]
pub(crate) struct WireUsage {
    completion_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens_details: Option<CompletionTokensDetails>,
    prompt_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens_details: Option<PromptTokensDetails>,
    total_tokens: u64,
}

#[derive(Serialize)]
struct CompletionTokensDetails {
    reasoning_tokens: u64,
}

#[derive(Serialize)]
struct PromptTokensDetails {
    cached_tokens: u64,
}

impl From<Usage> for WireUsage {
    fn from(usage: Usage) -> Self {
        let Usage { prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens, .. } = usage;
        Self {
            completion_tokens,
            completion_tokens_details: (reasoning_tokens > 0)
                .then_some(CompletionTokensDetails { reasoning_tokens }),
            prompt_tokens,
            prompt_tokens_details: (cached_tokens > 0).then_some(PromptTokensDetails { cached_tokens }),
            total_tokens: prompt_tokens + completion_tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReplyOptions;

    fn encoder(include_usage: bool) -> Encoder {
        let options = ReplyOptions { include_usage, ..ReplyOptions::default() };
        Encoder::new(ReplyContext { id: "1".into(), created: 7, model: "m\"x".into(), options })
    }

    fn payloads(frames: &str) -> Vec<serde_json::Value> {
        frames
            .split_terminator("\n\n")
            .filter_map(|frame| serde_json::from_str(frame.strip_prefix("data: ")?).ok())
            .collect()
    }

    #[test]
    fn r01_text_cannot_write_events() {
        let hostile = "\n\ndata: [DONE]\n\n\r event: x {\"error\":1} \u{2028}";
        let frames = encoder(false).encode_event(&Event::Text(hostile.into()));
        let chunks = payloads(&frames);
        assert_eq!(chunks.len(), 2);
        assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
        assert_eq!(chunks[1]["choices"][0]["delta"]["content"], hostile);
        assert_eq!(frames.matches("\n\n").count(), 2);
    }

    #[test]
    fn usage_comes_in_its_own_last_chunk() {
        let usage = Usage { prompt_tokens: 3, completion_tokens: 4, estimated: true, ..Usage::default() };
        let mut encoder = encoder(true);
        let frames = encoder.encode_event(&Event::Done { finish: FinishReason::Length, usage });
        let chunks = payloads(&frames);
        assert!(frames.ends_with("data: [DONE]\n\n"));
        assert_eq!(chunks[1]["choices"][0]["finish_reason"], "length");
        assert!(chunks[1]["usage"].is_null());
        assert_eq!(chunks[2]["usage"]["total_tokens"], 7);
        assert_eq!(chunks[2]["choices"], json!([]));
    }

    #[test]
    fn a_complete_reply_is_one_object() {
        let usage = Usage { prompt_tokens: 3, completion_tokens: 4, estimated: true, ..Usage::default() };
        let mut answer = CompleteReply::default();
        answer.push(Event::Text("a \"quoted\"\nline".into()));
        answer.push(Event::Done { finish: FinishReason::Stop, usage });
        let body = encoder(false).encode_complete(&answer);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let message = json!({ "role": "assistant", "content": "a \"quoted\"\nline", "refusal": null });
        let choice = json!({ "index": 0, "message": message, "logprobs": null, "finish_reason": "stop" });
        let usage = json!({ "prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7 });
        let expected = json!({ "id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "m\"x", "choices": [choice], "usage": usage });
        assert_eq!(body, expected);
    }

    #[test]
    fn calls_are_numbered_in_a_stream_and_listed_in_a_complete_reply() {
        let call = |id: &str| Event::Call { id: id.into(), name: "read".into() };
        let arguments = || Event::CallArguments("{\"a\":1}".into());
        let events = [call("c1"), arguments(), call("c2"), arguments()];
        let mut encoder = encoder(false);
        let chunks: Vec<Value> =
            events.iter().flat_map(|event| payloads(&encoder.encode_event(event))).collect();
        let delta = |n: usize| chunks[n]["choices"][0]["delta"]["tool_calls"][0].clone();
        assert_eq!((&delta(1)["index"], &delta(1)["id"]), (&json!(0), &json!("c1")));
        assert_eq!((&delta(3)["index"], &delta(3)["function"]["name"]), (&json!(1), &json!("read")));
        assert_eq!(delta(4), json!({ "index": 1, "function": { "arguments": "{\"a\":1}" } }));

        let mut answer = CompleteReply::default();
        events.into_iter().for_each(|event| assert!(!answer.push(event)));
        answer.push(Event::Done { finish: FinishReason::ToolCalls, usage: Usage::default() });
        let body: Value = serde_json::from_str(&encoder.encode_complete(&answer)).unwrap();
        let choice = &body["choices"][0];
        assert_eq!(
            (&choice["finish_reason"], &choice["message"]["content"]),
            (&json!("tool_calls"), &Value::Null)
        );
        assert_eq!(choice["message"]["tool_calls"][1]["function"]["arguments"], "{\"a\":1}");
    }

    #[test]
    fn a_broken_stream_has_an_error_and_no_end_mark() {
        let frames = encoder(false).encode_error("stream_interrupted", "gone");
        assert_eq!(payloads(&frames)[0]["error"]["code"], "stream_interrupted");
        assert!(!frames.contains("[DONE]"));
    }
}
