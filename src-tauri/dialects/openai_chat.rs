//! OpenAI chat completions: `POST /v1/chat/completions`.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::fields::{Bounded, Fields};
use super::openai_content::{self, MAX_MESSAGES, WireMessage};
use super::{About, Decoded, Encode, Invalid, sse};
use crate::chat::{Collected, Event, Finish, Request, Usage};

const MAX_STOPS: usize = 16;

/// Reads a chat completion request.
pub(super) fn decode(body: &[u8]) -> Result<Decoded, Invalid> {
    let mut fields = Fields::of(body)?;
    let model = model(&mut fields)?;
    let wire: Bounded<WireMessage<'_>, MAX_MESSAGES> = fields.required("messages")?;
    let messages = openai_content::messages(wire)?;
    refuse_tools(&mut fields)?;
    refuse_other_meanings(&mut fields)?;
    let common = common(&mut fields)?;
    let longest = max_tokens(&mut fields, "max_completion_tokens")?;
    let max_tokens = longest.or(max_tokens(&mut fields, "max_tokens")?);
    let request = Request {
        model,
        messages,
        stream: common.stream,
        max_tokens,
        stop: common.stop,
        ..Request::default()
    };
    Ok(Decoded { request, ignored: fields.ignored(), include_usage: common.include_usage, echo: None })
}

/// The model's name: anything a person could have typed, and nothing that could break a header or a log line.
pub(super) fn model(fields: &mut Fields<'_>) -> Result<String, Invalid> {
    let model: String = fields.required("model")?;
    let fits = !model.is_empty() && model.len() <= 200 && !model.chars().any(char::is_control);
    if fits {
        Ok(model)
    } else {
        Err(Invalid::request("model".to_owned(), "'model' must be 1 to 200 printable characters"))
    }
}

pub(super) fn max_tokens(fields: &mut Fields<'_>, name: &str) -> Result<Option<u64>, Invalid> {
    match fields.optional::<u64>(name)? {
        Some(0) => Err(Invalid::request(name.to_owned(), format!("'{name}' must be at least 1"))),
        other => Ok(other),
    }
}

/// What chat and legacy completions share.
pub(super) struct Common {
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    pub(super) stop: Vec<String>,
}

#[derive(Deserialize, Default)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Stop {
    One(String),
    Many(Vec<String>),
}

pub(super) fn common(fields: &mut Fields<'_>) -> Result<Common, Invalid> {
    if fields.optional::<u64>("n")?.is_some_and(|n| n != 1) {
        return Err(Invalid::unsupported("n", "only one choice can be made for a request: 'n' must be 1"));
    }
    check_types(fields)?;
    let stream = fields.optional("stream")?.unwrap_or(false);
    let options: StreamOptions = fields.optional("stream_options")?.unwrap_or_default();
    let include_usage = stream && options.include_usage.unwrap_or(false);
    Ok(Common { stream, include_usage, stop: stop(fields)? })
}

fn stop(fields: &mut Fields<'_>) -> Result<Vec<String>, Invalid> {
    let mut stop = match fields.optional("stop")? {
        None => Vec::new(),
        Some(Stop::One(text)) => vec![text],
        Some(Stop::Many(texts)) => texts,
    };
    stop.retain(|text| !text.is_empty());
    let fits = stop.len() <= MAX_STOPS && stop.iter().all(|text| text.len() <= 1_000);
    if fits {
        Ok(stop)
    } else {
        Err(Invalid::request("stop".to_owned(), "'stop' takes at most 16 texts of 1,000 bytes"))
    }
}

/// Fields that have no effect over the web upstream still have a type. They stay among the ignored ones.
fn check_types(fields: &Fields<'_>) -> Result<(), Invalid> {
    for name in ["temperature", "top_p", "presence_penalty", "frequency_penalty"] {
        fields.peek::<f64>(name)?;
    }
    fields.peek::<i64>("seed").map(|_| ())
}

fn refuse_tools(fields: &mut Fields<'_>) -> Result<(), Invalid> {
    let choice: Option<serde_json::Value> = fields.optional("tool_choice")?;
    let none = choice.as_ref().is_some_and(|choice| choice == "none");
    for name in ["tools", "functions"] {
        if fields.optional::<Vec<IgnoredAny>>(name)?.is_some_and(|tools| !tools.is_empty()) && !none {
            return Err(openai_content::no_tools(name));
        }
    }
    fields.holds_something("function_call");
    Ok(())
}

/// Wishes whose neglect would hand the client something it did not ask for.
fn refuse_other_meanings(fields: &mut Fields<'_>) -> Result<(), Invalid> {
    #[derive(Deserialize)]
    struct Format {
        r#type: String,
    }
    if fields.optional::<Format>("response_format")?.is_some_and(|format| format.r#type != "text") {
        return Err(Invalid::unsupported("response_format", "only text replies are available yet"));
    }
    if fields
        .optional::<Vec<String>>("modalities")?
        .is_some_and(|kinds| kinds.iter().any(|kind| kind != "text"))
    {
        return Err(Invalid::unsupported("modalities", "only text replies are available"));
    }
    fields.refuse(&["audio", "logprobs", "top_logprobs"])
}

/// Writes chat completions. The constant head and tail of a chunk are made once a reply, not once a chunk.
pub(super) struct Encoder {
    about: About,
    head: String,
    tail: &'static str,
    begun: bool,
    /// How many calls began.
    calls: usize,
}

impl Encoder {
    pub(super) fn new(about: About) -> Self {
        let mut head = format!(
            "data: {{\"id\":\"chatcmpl-{}\",\"object\":\"chat.completion.chunk\",\"created\":{},\"model\":",
            about.id, about.created
        );
        sse::json_string(&mut head, &about.model);
        head.push_str(",\"choices\":[");
        let tail = if about.include_usage { "],\"usage\":null}\n\n" } else { "]}\n\n" };
        Self { about, head, tail, begun: false, calls: 0 }
    }

    fn begin(&mut self, out: &mut String) {
        if !std::mem::replace(&mut self.begun, true) {
            self.chunk(out, r#"{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}"#);
        }
    }

    fn chunk(&self, out: &mut String, choice: &str) {
        out.push_str(&self.head);
        out.push_str(choice);
        out.push_str(self.tail);
    }

    /// The hot path: a piece of text in one field of the delta.
    fn piece(&self, out: &mut String, field: &str, text: &str) {
        out.push_str(&self.head);
        out.push_str(r#"{"index":0,"delta":{""#);
        out.push_str(field);
        out.push_str(r#"":"#);
        sse::json_string(out, text);
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

    fn done(&self, out: &mut String, finish: Finish, usage: Usage) {
        let reason = finish_reason(finish);
        self.chunk(out, &format!(r#"{{"index":0,"delta":{{}},"logprobs":null,"finish_reason":"{reason}"}}"#));
        if self.about.include_usage {
            out.push_str(&self.head);
            out.push_str("],\"usage\":");
            out.push_str(&usage_json(usage).to_string());
            out.push_str("}\n\n");
        }
        out.push_str("data: [DONE]\n\n");
    }
}

impl Encode for Encoder {
    fn frames(&mut self, event: &Event) -> String {
        let mut out = String::with_capacity(2 * self.head.len() + 256);
        self.begin(&mut out);
        match event {
            Event::Text(text) => self.piece(&mut out, "content", text),
            Event::Reasoning(text) => self.piece(&mut out, "reasoning_content", text),
            Event::Call { id, name } => self.call(&mut out, id, name),
            Event::CallArguments(text) => self.arguments(&mut out, text),
            Event::Image(url) => self.delta(&mut out, &json!({ "images": [image(0, url)] })),
            Event::Done { finish, usage } => self.done(&mut out, *finish, *usage),
        }
        out
    }

    fn broken(&mut self, code: &str, message: &str) -> String {
        sse::broken(code, message)
    }

    fn whole(&mut self, answer: &Collected) -> String {
        let (id, created) = (&self.about.id, self.about.created);
        let mut out =
            format!(r#"{{"id":"chatcmpl-{id}","object":"chat.completion","created":{created},"model":"#);
        sse::json_string(&mut out, &self.about.model);
        out.push_str(r#","choices":[{"index":0,"message":"#);
        out.push_str(&message(answer).to_string());
        out.push_str(r#","logprobs":null,"finish_reason":""#);
        out.push_str(finish_reason(answer.finish));
        out.push_str(r#""}],"usage":"#);
        out.push_str(&usage_json(answer.usage).to_string());
        out.push('}');
        out
    }
}

fn message(answer: &Collected) -> Value {
    let text = answer.text();
    let calls: Vec<Value> = answer
        .calls()
        .map(|call| json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": call.arguments } }))
        .collect();
    // Beside calls, content without text is null; alone it is an empty text.
    let content = if text.is_empty() && !calls.is_empty() { Value::Null } else { Value::String(text) };
    let mut message = json!({ "role": "assistant", "content": content, "refusal": null });
    let reasoning = answer.reasoning();
    if !reasoning.is_empty() {
        message["reasoning_content"] = Value::String(reasoning);
    }
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
    }
    if !answer.images.is_empty() {
        let images = answer.images.iter().enumerate().map(|(index, url)| image(index, url));
        message["images"] = images.collect();
    }
    message
}

/// An image of a reply, as api.mammouth.ai writes it.
fn image(index: usize, url: &str) -> Value {
    json!({ "type": "image_url", "index": index, "image_url": { "url": url } })
}

pub(super) fn finish_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Calls => "tool_calls",
        Finish::Filtered => "content_filter",
    }
}

pub(super) fn usage_json(usage: Usage) -> serde_json::Value {
    let mut json = json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    });
    if usage.cached_tokens > 0 {
        json["prompt_tokens_details"] = json!({ "cached_tokens": usage.cached_tokens });
    }
    if usage.reasoning_tokens > 0 {
        json["completion_tokens_details"] = json!({ "reasoning_tokens": usage.reasoning_tokens });
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialects::InvalidCode;

    fn body(extra: &str) -> String {
        format!(r#"{{"model":"gpt-4.1","messages":[{{"role":"user","content":"hi"}}]{extra}}}"#)
    }

    fn refused(extra: &str) -> (InvalidCode, Option<String>) {
        let invalid = decode(body(extra).as_bytes()).expect_err(extra);
        (invalid.code, invalid.param)
    }

    fn encoder(include_usage: bool) -> Encoder {
        Encoder::new(About { id: "1".into(), created: 7, model: "m\"x".into(), include_usage, echo: None })
    }

    fn payloads(frames: &str) -> Vec<serde_json::Value> {
        frames
            .split_terminator("\n\n")
            .filter_map(|frame| serde_json::from_str(frame.strip_prefix("data: ")?).ok())
            .collect()
    }

    #[test]
    fn p05_wrong_values_are_named() {
        for (extra, param) in [
            (r#","stream":"yes""#, "stream"),
            (r#","max_tokens":-1"#, "max_tokens"),
            (r#","max_tokens":0"#, "max_tokens"),
            (r#","max_tokens":18446744073709551616"#, "max_tokens"),
            (r#","temperature":"hot""#, "temperature"),
            (r#","stop":5"#, "stop"),
            (r#","model":"again""#, "model"),
        ] {
            assert_eq!(refused(extra), (InvalidCode::InvalidRequest, Some(param.to_owned())), "{extra}");
        }
        assert!(decode(br#"{"model":"m","messages":[]}"#).is_err());
        assert!(decode(br#"{"messages":[{"role":"user","content":"x"}]}"#).is_err());
        assert!(decode(body(r#","temperature":1e999"#).as_bytes()).is_err());
        assert!(decode(body(r#","temperature":NaN"#).as_bytes()).is_err());
    }

    #[test]
    fn p17_what_would_change_the_meaning_is_refused() {
        for (extra, param) in [
            (r#","n":1000000"#, "n"),
            (r#","tools":[{"type":"function"}]"#, "tools"),
            (r#","response_format":{"type":"json_object"}"#, "response_format"),
            (r#","logprobs":true"#, "logprobs"),
            (r#","modalities":["text","audio"]"#, "modalities"),
        ] {
            assert_eq!(
                refused(extra),
                (InvalidCode::UnsupportedParameter, Some(param.to_owned())),
                "{extra}"
            );
        }
    }

    #[test]
    fn p18_what_has_no_effect_is_accepted_and_named() {
        let extra = r#","temperature":0.2,"api_base":"http://evil","user":"u","tools":[],"logprobs":false,"n":1,"seed":null"#;
        let decoded = decode(body(extra).as_bytes()).unwrap();
        assert_eq!(decoded.ignored, vec!["temperature", "api_base", "user"]);
    }

    #[test]
    fn r01_text_cannot_write_events() {
        let hostile = "\n\ndata: [DONE]\n\n\r event: x {\"error\":1} \u{2028}";
        let frames = encoder(false).frames(&Event::Text(hostile.into()));
        let chunks = payloads(&frames);
        assert_eq!(chunks.len(), 2);
        assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
        assert_eq!(chunks[1]["choices"][0]["delta"]["content"], hostile);
        assert_eq!(frames.matches("\n\n").count(), 2);
    }

    #[test]
    fn usage_stands_in_a_last_chunk_of_its_own() {
        let usage = Usage { prompt_tokens: 3, completion_tokens: 4, estimated: true, ..Usage::default() };
        let mut encoder = encoder(true);
        let frames = encoder.frames(&Event::Done { finish: Finish::Length, usage });
        let chunks = payloads(&frames);
        assert!(frames.ends_with("data: [DONE]\n\n"));
        assert_eq!(chunks[1]["choices"][0]["finish_reason"], "length");
        assert!(chunks[1]["usage"].is_null());
        assert_eq!(chunks[2]["usage"]["total_tokens"], 7);
        assert_eq!(chunks[2]["choices"], json!([]));
    }

    #[test]
    fn a_whole_reply_is_one_object() {
        let usage = Usage { prompt_tokens: 3, completion_tokens: 4, estimated: true, ..Usage::default() };
        let mut answer = Collected::default();
        answer.add(Event::Text("a \"quoted\"\nline".into()));
        answer.add(Event::Done { finish: Finish::Stop, usage });
        let body = encoder(false).whole(&answer);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let message = json!({ "role": "assistant", "content": "a \"quoted\"\nline", "refusal": null });
        let choice = json!({ "index": 0, "message": message, "logprobs": null, "finish_reason": "stop" });
        let usage = json!({ "prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7 });
        let expected = json!({ "id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "m\"x", "choices": [choice], "usage": usage });
        assert_eq!(body, expected);
    }

    #[test]
    fn calls_are_numbered_in_a_stream_and_stand_beside_the_text_in_a_whole_reply() {
        let call = |id: &str| Event::Call { id: id.into(), name: "read".into() };
        let arguments = || Event::CallArguments("{\"a\":1}".into());
        let events = [call("c1"), arguments(), call("c2"), arguments()];
        let mut encoder = encoder(false);
        let chunks: Vec<Value> = events.iter().flat_map(|event| payloads(&encoder.frames(event))).collect();
        let delta = |n: usize| chunks[n]["choices"][0]["delta"]["tool_calls"][0].clone();
        assert_eq!((&delta(1)["index"], &delta(1)["id"]), (&json!(0), &json!("c1")));
        assert_eq!((&delta(3)["index"], &delta(3)["function"]["name"]), (&json!(1), &json!("read")));
        assert_eq!(delta(4), json!({ "index": 1, "function": { "arguments": "{\"a\":1}" } }));

        let mut answer = Collected::default();
        events.into_iter().for_each(|event| assert!(!answer.add(event)));
        answer.add(Event::Done { finish: Finish::Calls, usage: Usage::default() });
        let body: Value = serde_json::from_str(&encoder.whole(&answer)).unwrap();
        let choice = &body["choices"][0];
        assert_eq!(
            (&choice["finish_reason"], &choice["message"]["content"]),
            (&json!("tool_calls"), &Value::Null)
        );
        assert_eq!(choice["message"]["tool_calls"][1]["function"]["arguments"], "{\"a\":1}");
    }

    #[test]
    fn a_broken_stream_has_an_error_and_no_end_mark() {
        let frames = encoder(false).broken("stream_interrupted", "gone");
        assert_eq!(payloads(&frames)[0]["error"]["code"], "stream_interrupted");
        assert!(!frames.contains("[DONE]"));
    }
}
