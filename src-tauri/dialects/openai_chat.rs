//! OpenAI chat completions: `POST /v1/chat/completions`.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::fields::{Bounded, Fields};
use super::openai_content::{self, MAX_MESSAGES, WireMessage};
use super::{About, Decoded, Encode, Invalid, sse};
use crate::chat::{Event, Finish, Request, Usage};

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
    let request = Request { model, messages, stream: common.stream, max_tokens, stop: common.stop };
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
        Self { about, head, tail, begun: false }
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

    fn text(&self, out: &mut String, text: &str) {
        out.push_str(&self.head);
        out.push_str(r#"{"index":0,"delta":{"content":"#);
        sse::json_string(out, text);
        out.push_str(r#"},"logprobs":null,"finish_reason":null}"#);
        out.push_str(self.tail);
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
            Event::Text(text) => self.text(&mut out, text),
            Event::Done { finish, usage } => self.done(&mut out, *finish, *usage),
        }
        out
    }

    fn broken(&mut self, code: &str, message: &str) -> String {
        sse::broken(code, message)
    }

    fn whole(&mut self, text: &str, finish: Finish, usage: Usage) -> String {
        let (id, created) = (&self.about.id, self.about.created);
        let mut out =
            format!(r#"{{"id":"chatcmpl-{id}","object":"chat.completion","created":{created},"model":"#);
        sse::json_string(&mut out, &self.about.model);
        out.push_str(r#","choices":[{"index":0,"message":{"role":"assistant","content":"#);
        sse::json_string(&mut out, text);
        out.push_str(r#","refusal":null},"logprobs":null,"finish_reason":""#);
        out.push_str(finish_reason(finish));
        out.push_str(r#""}],"usage":"#);
        out.push_str(&usage_json(usage).to_string());
        out.push('}');
        out
    }
}

pub(super) fn finish_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
    }
}

pub(super) fn usage_json(usage: Usage) -> serde_json::Value {
    json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    })
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
        let usage = Usage { prompt_tokens: 3, completion_tokens: 4, estimated: true };
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
        let usage = Usage { prompt_tokens: 3, completion_tokens: 4, estimated: true };
        let body = encoder(false).whole("a \"quoted\"\nline", Finish::Stop, usage);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let message = json!({ "role": "assistant", "content": "a \"quoted\"\nline", "refusal": null });
        let choice = json!({ "index": 0, "message": message, "logprobs": null, "finish_reason": "stop" });
        let usage = json!({ "prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7 });
        let expected = json!({ "id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "m\"x", "choices": [choice], "usage": usage });
        assert_eq!(body, expected);
    }

    #[test]
    fn a_broken_stream_has_an_error_and_no_end_mark() {
        let frames = encoder(false).broken("stream_interrupted", "gone");
        assert_eq!(payloads(&frames)[0]["error"]["code"], "stream_interrupted");
        assert!(!frames.contains("[DONE]"));
    }
}
