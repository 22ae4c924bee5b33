//! Encoder of Ollama's replies: one JSON object per line, the last with counts and durations.

use std::time::Duration;

use serde_json::{Value, json};

use super::models::rfc3339;
use crate::{Encode, ReplyContext, sse};
use protocol::{CompleteReply, Event, FinishReason, Usage};

/// Endpoint that is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OllamaEndpoint {
    Chat,
    Generate,
}

/// Encoder of a reply.
pub(crate) struct Encoder {
    context: ReplyContext,
    endpoint: OllamaEndpoint,
    created: String,
    /// Id, name and arguments of the call that is not complete yet, since Ollama sends a call in one piece.
    call: Option<(String, String, String)>,
    calls: usize,
    time_to_first: Duration,
    total: Duration,
}

impl Encoder {
    pub(crate) fn new(context: ReplyContext, endpoint: OllamaEndpoint) -> Self {
        let created = rfc3339(context.created);
        let (time_to_first, total) = (Duration::ZERO, Duration::ZERO);
        Self { context, endpoint, created, call: None, calls: 0, time_to_first, total }
    }

    fn object(&self, content: &str, done: bool) -> Value {
        let mut object = json!({ "model": self.context.model, "created_at": self.created, "done": done });
        match self.endpoint {
            OllamaEndpoint::Chat => object["message"] = json!({ "role": "assistant", "content": content }),
            OllamaEndpoint::Generate => object["response"] = content.into(),
        }
        object
    }

    /// Returns the object that contains the fields of the reply besides the text.
    fn reply_fields<'a>(&self, object: &'a mut Value) -> &'a mut Value {
        match self.endpoint {
            OllamaEndpoint::Chat => &mut object["message"],
            OllamaEndpoint::Generate => object,
        }
    }

    /// The text of a complete reply, with images as Markdown links. The response of `generate` has a field
    /// for the first image. That of `chat` has none, since Ollama's own client does not read `images` of a
    /// reply.
    fn complete_text(&self, answer: &CompleteReply) -> String {
        let placed = usize::from(self.endpoint == OllamaEndpoint::Generate);
        let rest = answer.images.iter().skip(placed).map(|url| sse::image_markdown(url));
        std::iter::once(answer.text()).chain(rest).collect()
    }

    fn write_field(&self, out: &mut String, field: &str, value: Value) {
        let mut object = self.object("", false);
        self.reply_fields(&mut object)[field] = value;
        out.push_str(&object.to_string());
        out.push('\n');
    }

    fn write_text(&self, out: &mut String, text: &str) {
        out.push_str(&self.object(text, false).to_string());
        out.push('\n');
    }

    fn flush_call(&mut self, out: &mut String) {
        if let Some((id, name, arguments)) = self.call.take() {
            let call = call(self.calls, &id, &name, &arguments);
            self.calls += 1;
            self.write_field(out, "tool_calls", json!([call]));
        }
    }

    fn finish(&self, object: &mut Value, finish: &FinishReason, usage: Usage) {
        let reason = match finish {
            _ if self.context.options.load_only => "load",
            FinishReason::Length => "length",
            FinishReason::Stop
            | FinishReason::StopSequence(_)
            | FinishReason::ToolCalls
            | FinishReason::ContentFilter => "stop",
        };
        object["done_reason"] = reason.into();
        object["total_duration"] = nanoseconds(self.total);
        object["load_duration"] = 0.into();
        object["prompt_eval_count"] = usage.prompt_tokens.into();
        object["prompt_eval_duration"] = nanoseconds(self.time_to_first);
        object["eval_count"] = usage.completion_tokens.into();
        object["eval_duration"] = nanoseconds(self.total.saturating_sub(self.time_to_first));
    }
}

impl Encode for Encoder {
    fn encode_event(&mut self, event: &Event) -> String {
        let mut out = String::with_capacity(256);
        if !matches!(event, Event::CallArguments(_)) {
            self.flush_call(&mut out);
        }
        match event {
            Event::Text(text) => self.write_text(&mut out, text),
            Event::Reasoning(text) if self.context.options.include_reasoning => {
                self.write_field(&mut out, "thinking", text.as_str().into());
            }
            Event::Reasoning(_) => {}
            Event::Call { id, name } => self.call = Some((id.clone(), name.clone(), String::new())),
            Event::CallArguments(text) => {
                if let Some((_, _, arguments)) = &mut self.call {
                    arguments.push_str(text);
                }
            }
            Event::Image(url) => match self.endpoint {
                OllamaEndpoint::Chat => self.write_text(&mut out, &sse::image_markdown(url)),
                OllamaEndpoint::Generate => self.write_field(&mut out, "image", base64_data(url)),
            },
            Event::Done { finish, usage } => {
                let mut last = self.object("", true);
                self.finish(&mut last, finish, *usage);
                out.push_str(&last.to_string());
                out.push('\n');
            }
        }
        out
    }

    fn encode_error(&mut self, code: &str, message: &str) -> String {
        super::error_body(code, message) + "\n"
    }

    fn encode_complete(&mut self, answer: &CompleteReply) -> String {
        let mut object = self.object(&self.complete_text(answer), true);
        let around = self.reply_fields(&mut object);
        let reasoning = answer.reasoning();
        if self.context.options.include_reasoning && !reasoning.is_empty() {
            around["thinking"] = reasoning.into();
        }
        let calls = answer.calls().enumerate();
        let calls: Vec<Value> =
            calls.map(|(at, made)| call(at, &made.id, &made.name, &made.arguments)).collect();
        if !calls.is_empty() {
            around["tool_calls"] = calls.into();
        }
        if let Some(time_to_first) =
            answer.images.first().filter(|_| self.endpoint == OllamaEndpoint::Generate)
        {
            object["image"] = base64_data(time_to_first);
        }
        self.finish(&mut object, &answer.finish, answer.usage);
        object.to_string()
    }

    fn set_timings(&mut self, first: Duration, total: Duration) {
        (self.time_to_first, self.total) = (first, total);
    }
}

fn call(index: usize, id: &str, name: &str, arguments: &str) -> Value {
    let function = json!({ "index": index, "name": name, "arguments": sse::arguments_object(arguments) });
    json!({ "id": id, "function": function })
}

/// The base64 data of an image's data URL.
fn base64_data(url: &str) -> Value {
    url.split_once(',').map_or(url, |(_, data)| data).into()
}

fn nanoseconds(time: Duration) -> Value {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).into()
}
