//! Replies as Ollama writes them: one JSON object a line, the last with counts and durations.

use std::time::Duration;

use serde_json::{Value, json};

use super::listing::moment;
use crate::chat::{CompleteReply, Event, FinishReason, Usage};
use crate::dialects::{About, Encode, sse};

/// Which of the two requests is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dialects) enum Shape {
    Chat,
    Generate,
}

/// Writes the lines of a reply.
pub(in crate::dialects) struct Encoder {
    about: About,
    shape: Shape,
    created: String,
    /// The call whose arguments are not whole yet: here a call comes in one piece.
    call: Option<(String, String, String)>,
    calls: usize,
    first: Duration,
    whole: Duration,
}

impl Encoder {
    pub(in crate::dialects) fn new(about: About, shape: Shape) -> Self {
        let created = moment(about.created);
        let (first, whole) = (Duration::ZERO, Duration::ZERO);
        Self { about, shape, created, call: None, calls: 0, first, whole }
    }

    fn object(&self, content: &str, done: bool) -> Value {
        let mut object = json!({ "model": self.about.model, "created_at": self.created, "done": done });
        match self.shape {
            Shape::Chat => object["message"] = json!({ "role": "assistant", "content": content }),
            Shape::Generate => object["response"] = content.into(),
        }
        object
    }

    /// Where the parts of a message stand that are no text.
    fn around<'a>(&self, object: &'a mut Value) -> &'a mut Value {
        match self.shape {
            Shape::Chat => &mut object["message"],
            Shape::Generate => object,
        }
    }

    /// A generated answer has a place for one image, and a message for none: Ollama's own client does not read one that
    /// comes back in the field in which it sends them. The others stand in the text.
    fn text_of(&self, answer: &CompleteReply) -> String {
        let placed = usize::from(self.shape == Shape::Generate);
        let rest = answer.images.iter().skip(placed).map(|url| sse::image_as_text(url));
        std::iter::once(answer.text()).chain(rest).collect()
    }

    fn line(&self, out: &mut String, field: &str, value: Value) {
        let mut object = self.object("", false);
        self.around(&mut object)[field] = value;
        out.push_str(&object.to_string());
        out.push('\n');
    }

    fn text(&self, out: &mut String, text: &str) {
        out.push_str(&self.object(text, false).to_string());
        out.push('\n');
    }

    fn end_call(&mut self, out: &mut String) {
        if let Some((id, name, arguments)) = self.call.take() {
            let call = call(self.calls, &id, &name, &arguments);
            self.calls += 1;
            self.line(out, "tool_calls", json!([call]));
        }
    }

    fn finish(&self, object: &mut Value, finish: &FinishReason, usage: Usage) {
        let reason = match finish {
            _ if self.about.remember.load => "load",
            FinishReason::Length => "length",
            FinishReason::Stop
            | FinishReason::StopSequence(_)
            | FinishReason::ToolCalls
            | FinishReason::ContentFilter => "stop",
        };
        object["done_reason"] = reason.into();
        object["total_duration"] = nanoseconds(self.whole);
        object["load_duration"] = 0.into();
        object["prompt_eval_count"] = usage.prompt_tokens.into();
        object["prompt_eval_duration"] = nanoseconds(self.first);
        object["eval_count"] = usage.completion_tokens.into();
        object["eval_duration"] = nanoseconds(self.whole.saturating_sub(self.first));
    }
}

impl Encode for Encoder {
    fn frames(&mut self, event: &Event) -> String {
        let mut out = String::with_capacity(256);
        if !matches!(event, Event::CallArguments(_)) {
            self.end_call(&mut out);
        }
        match event {
            Event::Text(text) => self.text(&mut out, text),
            Event::Reasoning(text) if self.about.remember.thoughts => {
                self.line(&mut out, "thinking", text.as_str().into());
            }
            Event::Reasoning(_) => {}
            Event::Call { id, name } => self.call = Some((id.clone(), name.clone(), String::new())),
            Event::CallArguments(text) => {
                if let Some((_, _, arguments)) = &mut self.call {
                    arguments.push_str(text);
                }
            }
            Event::Image(url) => match self.shape {
                Shape::Chat => self.text(&mut out, &sse::image_as_text(url)),
                Shape::Generate => self.line(&mut out, "image", bare(url)),
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

    fn broken(&mut self, code: &str, message: &str) -> String {
        super::super::ollama_error(code, message) + "\n"
    }

    fn whole(&mut self, answer: &CompleteReply) -> String {
        let mut object = self.object(&self.text_of(answer), true);
        let around = self.around(&mut object);
        let reasoning = answer.reasoning();
        if self.about.remember.thoughts && !reasoning.is_empty() {
            around["thinking"] = reasoning.into();
        }
        let calls = answer.calls().enumerate();
        let calls: Vec<Value> =
            calls.map(|(at, made)| call(at, &made.id, &made.name, &made.arguments)).collect();
        if !calls.is_empty() {
            around["tool_calls"] = calls.into();
        }
        if let Some(first) = answer.images.first().filter(|_| self.shape == Shape::Generate) {
            object["image"] = bare(first);
        }
        self.finish(&mut object, &answer.finish, answer.usage);
        object.to_string()
    }

    fn took(&mut self, first: Duration, whole: Duration) {
        (self.first, self.whole) = (first, whole);
    }
}

fn call(index: usize, id: &str, name: &str, arguments: &str) -> Value {
    let function = json!({ "index": index, "name": name, "arguments": sse::object(arguments) });
    json!({ "id": id, "function": function })
}

/// An image without the head of its data URL.
fn bare(url: &str) -> Value {
    url.split_once(',').map_or(url, |(_, data)| data).into()
}

fn nanoseconds(time: Duration) -> Value {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).into()
}
