//! Encoder of responses: the sequence of events, and the response object that ends it.

use serde_json::{Value, json};

use super::ResponsesState;
use super::tools::CallForm;
use crate::{Encode, ReplyContext, StoredResponse, sse};
use protocol::{CompleteReply, Event, FinishReason, Part, ToolCall, Usage};

/// Encoder of a response. A response that is not streamed is built from the same events, of which only the
/// final object is sent.
pub(crate) struct Encoder {
    context: ReplyContext,
    state: ResponsesState,
    sequence: u64,
    started: bool,
    open: Option<OpenItem>,
    /// The finished items, as in the field `output`.
    output: Vec<Value>,
    parts: Vec<Part>,
    /// The response object, once the response is complete.
    final_object: Option<String>,
}

/// The item that is being written, with its text, which its last event repeats.
struct OpenItem {
    id: String,
    kind: ItemKind,
    text: String,
}

#[derive(PartialEq)]
enum ItemKind {
    Message,
    Reasoning,
    /// A call, with its id and the flat name of its tool.
    Call(String, String),
}

impl Encoder {
    pub(crate) fn new(mut context: ReplyContext) -> Self {
        let state = context.options.responses.take().map_or_else(ResponsesState::default, |state| *state);
        Self {
            context,
            state,
            sequence: 0,
            started: false,
            open: None,
            output: Vec::new(),
            parts: Vec::new(),
            final_object: None,
        }
    }

    /// Writes an event. `rest` is the JSON text of the event's own members.
    fn event(&mut self, out: &mut String, name: &str, rest: &str) {
        let number = self.sequence;
        self.sequence += 1;
        sse::write_event(out, name, &format!(r#"{{"type":"{name}","sequence_number":{number},{rest}}}"#));
    }

    fn begin(&mut self, out: &mut String) {
        if !std::mem::replace(&mut self.started, true) {
            let object = self.object("in_progress", None, None);
            self.event(out, "response.created", &format!("\"response\":{object}"));
            self.event(out, "response.in_progress", &format!("\"response\":{object}"));
        }
    }

    fn object(&self, status: &str, usage: Option<Usage>, failed: Option<(&str, &str)>) -> String {
        let error = failed.map(|(code, message)| json!({ "code": code, "message": message }));
        let head = json!({
            "id": self.id(),
            "object": "response",
            "created_at": self.context.created,
            "status": status,
            "background": false,
            "error": error,
            "incomplete_details": null,
            "model": self.context.model,
            "output": self.output,
            "service_tier": "default",
            "usage": usage.map(usage_json),
        });
        let mut object = head.to_string();
        object.pop();
        object + &self.state.echoed_fields + "}"
    }

    fn id(&self) -> String {
        format!("resp_{}", self.context.id)
    }

    /// The item id and the output index of an event, as JSON text of object members.
    fn position(&self, id: &str) -> String {
        format!(r#""item_id":"{id}","output_index":{}"#, self.output.len())
    }

    /// Opens an item of this kind, unless one is open.
    fn ensure_open(&mut self, out: &mut String, kind: ItemKind) {
        if self.open.as_ref().is_none_or(|open| open.kind != kind) {
            self.close(out);
            self.open(out, kind);
        }
    }

    fn open(&mut self, out: &mut String, kind: ItemKind) {
        let prefix = match &kind {
            ItemKind::Message => "msg",
            ItemKind::Reasoning => "rs",
            ItemKind::Call(_, name) => match self.state.tool_origins.call_form(name) {
                CallForm::Function => "fc",
                CallForm::Custom => "ctc",
                CallForm::ToolSearch => "tsc",
            },
        };
        let open = OpenItem {
            id: format!("{prefix}_{}_{}", self.context.id, self.output.len()),
            kind,
            text: String::new(),
        };
        let added =
            format!(r#""output_index":{},"item":{}"#, self.output.len(), self.item(&open, "in_progress"));
        self.event(out, "response.output_item.added", &added);
        let place = self.position(&open.id);
        match &open.kind {
            ItemKind::Message => {
                self.event(
                    out,
                    "response.content_part.added",
                    &format!(r#"{place},"content_index":0,"part":{}"#, output_text("")),
                );
            }
            ItemKind::Reasoning => {
                self.event(
                    out,
                    "response.reasoning_summary_part.added",
                    &format!(r#"{place},"summary_index":0,"part":{}"#, summary_text("")),
                );
            }
            ItemKind::Call(..) => {}
        }
        self.open = Some(open);
    }

    /// The item as in the field `output` or, while it is in progress, as in `response.output_item.added`.
    fn item(&self, open: &OpenItem, status: &str) -> Value {
        let done = status == "completed";
        match &open.kind {
            ItemKind::Message => {
                let content = if done { json!([output_text(&open.text)]) } else { json!([]) };
                json!({ "id": open.id, "type": "message", "status": status, "role": "assistant", "content": content })
            }
            ItemKind::Reasoning => {
                let summary = if done { json!([summary_text(&open.text)]) } else { json!([]) };
                json!({ "id": open.id, "type": "reasoning", "summary": summary, "encrypted_content": null })
            }
            ItemKind::Call(call_id, name) => self.call_item(open, call_id, name, status),
        }
    }

    fn call_item(&self, open: &OpenItem, call_id: &str, flat: &str, status: &str) -> Value {
        let (space, name) = self.state.tool_origins.namespace_and_name(flat);
        let mut item = json!({ "id": open.id, "call_id": call_id, "status": status });
        match self.state.tool_origins.call_form(flat) {
            CallForm::Function => {
                item["type"] = json!("function_call");
                item["name"] = json!(name);
                item["arguments"] = json!(open.text);
            }
            CallForm::Custom => {
                item["type"] = json!("custom_tool_call");
                item["name"] = json!(name);
                item["input"] = json!(custom_input(&open.text));
            }
            CallForm::ToolSearch => {
                item["type"] = json!("tool_search_call");
                item["execution"] = json!("client");
                item["arguments"] = sse::arguments_object(&open.text);
            }
        }
        if let Some(space) = space {
            item["namespace"] = json!(space);
        }
        item
    }

    /// Writes a piece of the open item's text.
    fn delta(&mut self, out: &mut String, text: &str) {
        let place = match &mut self.open {
            Some(open) => {
                open.text.push_str(text);
                open.id.clone()
            }
            None => return,
        };
        let (name, rest) = match self.open.as_ref().map(|open| &open.kind) {
            Some(ItemKind::Message) => ("response.output_text.delta", ",\"content_index\":0,\"logprobs\":[]"),
            Some(ItemKind::Reasoning) => ("response.reasoning_summary_text.delta", ",\"summary_index\":0"),
            // A custom tool's text is known once its JSON is complete. A search's arguments are an object.
            Some(ItemKind::Call(_, name))
                if self.state.tool_origins.call_form(name) != CallForm::Function =>
            {
                return;
            }
            Some(ItemKind::Call(..)) | None => ("response.function_call_arguments.delta", ""),
        };
        let mut members = self.position(&place) + rest + ",\"delta\":";
        sse::write_json_string(&mut members, text);
        self.event(out, name, &members);
    }

    fn close(&mut self, out: &mut String) {
        let Some(open) = self.open.take() else { return };
        let place = self.position(&open.id);
        match &open.kind {
            ItemKind::Message => {
                let (text, part) = (json!(open.text), output_text(&open.text));
                let at = format!(r#"{place},"content_index":0"#);
                self.event(out, "response.output_text.done", &format!(r#"{at},"text":{text},"logprobs":[]"#));
                self.event(out, "response.content_part.done", &format!(r#"{at},"part":{part}"#));
            }
            ItemKind::Reasoning => {
                let (text, part) = (json!(open.text), summary_text(&open.text));
                let at = format!(r#"{place},"summary_index":0"#);
                self.event(out, "response.reasoning_summary_text.done", &format!(r#"{at},"text":{text}"#));
                self.event(out, "response.reasoning_summary_part.done", &format!(r#"{at},"part":{part}"#));
            }
            ItemKind::Call(_, name) => self.close_call(out, &place, &name.clone(), &open.text),
        }
        let item = self.item(&open, "completed");
        let done = format!(r#""output_index":{},"item":{item}"#, self.output.len());
        self.event(out, "response.output_item.done", &done);
        self.output.push(item);
        self.parts.push(match open.kind {
            ItemKind::Message => Part::Text(open.text),
            ItemKind::Reasoning => Part::Reasoning(open.text),
            ItemKind::Call(id, name) => Part::Call(ToolCall { id, name, arguments: open.text }),
        });
    }

    fn close_call(&mut self, out: &mut String, place: &str, flat: &str, arguments: &str) {
        match self.state.tool_origins.call_form(flat) {
            CallForm::Function => {
                let name = json!(self.state.tool_origins.namespace_and_name(flat).1);
                let rest = format!(r#"{place},"name":{name},"arguments":{}"#, json!(arguments));
                self.event(out, "response.function_call_arguments.done", &rest);
            }
            CallForm::Custom => {
                let input = json!(custom_input(arguments));
                self.event(
                    out,
                    "response.custom_tool_call_input.delta",
                    &format!(r#"{place},"delta":{input}"#),
                );
                self.event(
                    out,
                    "response.custom_tool_call_input.done",
                    &format!(r#"{place},"input":{input}"#),
                );
            }
            CallForm::ToolSearch => {}
        }
    }

    fn image(&mut self, out: &mut String, url: &str) {
        self.close(out);
        let data = url.split_once(',').map_or(url, |(_, data)| data);
        let id = format!("ig_{}_{}", self.context.id, self.output.len());
        let item = |status: &str, result: Value| json!({ "id": id, "type": "image_generation_call", "status": status, "result": result });
        let index = self.output.len();
        let added = format!(r#""output_index":{index},"item":{}"#, item("in_progress", Value::Null));
        self.event(out, "response.output_item.added", &added);
        let done = item("completed", data.into());
        self.event(out, "response.output_item.done", &format!(r#""output_index":{index},"item":{done}"#));
        self.output.push(done);
    }

    fn done(&mut self, out: &mut String, finish: &FinishReason, usage: Usage) {
        self.close(out);
        let reason = match finish {
            FinishReason::Stop | FinishReason::StopSequence(_) | FinishReason::ToolCalls => None,
            FinishReason::Length => Some("max_output_tokens"),
            FinishReason::ContentFilter => Some("content_filter"),
        };
        let object = match reason {
            None => self.object("completed", Some(usage), None),
            Some(reason) => {
                let details = format!(r#""incomplete_details":{{"reason":"{reason}"}}"#);
                let object = self.object("incomplete", Some(usage), None);
                object.replacen(r#""incomplete_details":null"#, &details, 1)
            }
        };
        let name = if reason.is_none() { "response.completed" } else { "response.incomplete" };
        self.event(out, name, &format!("\"response\":{object}"));
        self.final_object = Some(object);
    }
}

impl Encode for Encoder {
    fn encode_event(&mut self, event: &Event) -> String {
        let mut out = String::with_capacity(256);
        self.begin(&mut out);
        match event {
            Event::Text(text) => {
                self.ensure_open(&mut out, ItemKind::Message);
                self.delta(&mut out, text);
            }
            Event::Reasoning(text) => {
                self.ensure_open(&mut out, ItemKind::Reasoning);
                self.delta(&mut out, text);
            }
            Event::Call { id, name } => {
                self.close(&mut out);
                self.open(&mut out, ItemKind::Call(id.clone(), name.clone()));
            }
            Event::CallArguments(text) => self.delta(&mut out, text),
            Event::Image(url) => self.image(&mut out, url),
            Event::Done { finish, usage } => self.done(&mut out, finish, *usage),
        }
        out
    }

    /// The event `response.failed` with the response object, and an event `error`, by which SDKs raise an
    /// exception.
    fn encode_error(&mut self, code: &str, message: &str) -> String {
        let mut out = String::new();
        self.begin(&mut out);
        let object = self.object("failed", None, Some((code, message)));
        self.event(&mut out, "response.failed", &format!("\"response\":{object}"));
        let (code, message) = (json!(code), json!(message));
        let error = format!(r#"{{"message":{message},"type":"server_error","param":null,"code":{code}}}"#);
        let members = format!(r#""code":{code},"message":{message},"param":null,"error":{error}"#);
        self.event(&mut out, "error", &members);
        out
    }

    fn encode_complete(&mut self, answer: &CompleteReply) -> String {
        for part in &answer.parts {
            match part {
                Part::Text(text) => drop(self.encode_event(&Event::Text(text.clone()))),
                Part::Reasoning(text) => drop(self.encode_event(&Event::Reasoning(text.clone()))),
                Part::Call(call) => {
                    self.encode_event(&Event::Call { id: call.id.clone(), name: call.name.clone() });
                    self.encode_event(&Event::CallArguments(call.arguments.clone()));
                }
                Part::Result(_) | Part::Image(_) | Part::ImageLink(_) | Part::File(_) => {}
            }
        }
        answer.images.iter().for_each(|url| drop(self.encode_event(&Event::Image(url.clone()))));
        self.encode_event(&Event::Done { finish: answer.finish.clone(), usage: answer.usage });
        self.final_object.clone().unwrap_or_default()
    }

    fn responses_state(&mut self) -> Option<&mut ResponsesState> {
        Some(&mut self.state)
    }

    fn stored_response(&mut self) -> Option<StoredResponse> {
        let body = self.final_object.take().filter(|_| self.state.store)?;
        Some(StoredResponse { id: self.id(), body, parts: std::mem::take(&mut self.parts) })
    }
}

fn output_text(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn summary_text(text: &str) -> Value {
    json!({ "type": "summary_text", "text": text })
}

/// The text in the arguments of a custom tool. Arguments that are not an object with `input` are the text
/// themselves.
fn custom_input(arguments: &str) -> String {
    let framed: Option<Value> = serde_json::from_str(arguments).ok();
    let inner = framed.as_ref().and_then(|framed| framed["input"].as_str());
    inner.unwrap_or(arguments).to_owned()
}

fn usage_json(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": { "cached_tokens": usage.cached_tokens, "cache_write_tokens": 0 },
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": { "reasoning_tokens": usage.reasoning_tokens },
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    })
}
