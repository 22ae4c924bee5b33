//! OpenAI's legacy completions: `POST /v1/completions`, which autocompletion in editors still uses.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::json_fields::JsonFields;
use super::openai_chat::{WireUsage, finish_reason, stream};
use super::{
    ApiFamily, Decoded, DecodedRequest, Dialect, Encode, InvalidRequest, ReplyContext, ReplyMeta,
    ReplyOptions, shared_params, sse,
};
use protocol::{CompleteReply, Event, FinishReason, Message, Part, Request, Role};

#[derive(Deserialize)]
#[serde(untagged)]
enum PromptField {
    One(String),
    /// Several texts, or tokens.
    Many(Vec<Value>),
}

/// OpenAI's legacy completions.
#[derive(Debug)]
pub(super) struct OpenAiCompletions;

impl Dialect for OpenAiCompletions {
    fn name(&self) -> &'static str {
        "openai-completions"
    }

    fn path(&self) -> &'static str {
        "/v1/completions"
    }

    fn api_family(&self) -> ApiFamily {
        ApiFamily::OpenAi
    }

    fn decode(&self, body: &Bytes, reply: ReplyMeta) -> Result<Decoded, InvalidRequest> {
        Ok(decode(body)?.with_encoder(reply, Encoder::new))
    }
}

/// Reads a legacy completion request. The prompt becomes the only message, of the user.
fn decode(body: &[u8]) -> Result<DecodedRequest, InvalidRequest> {
    let mut fields = JsonFields::parse(body)?;
    let mut api_only_params = shared_params::ApiOnlyParams::new();
    let model = shared_params::model(&mut fields)?;
    let prompt = read_prompt(&mut fields)?;
    reject_changed_meaning(&mut fields)?;
    let (stream, include_usage) = stream(&mut fields)?;
    let echo = fields.optional::<bool>("echo")?.unwrap_or(false).then(|| prompt.clone());
    let messages = vec![Message { role: Role::User, parts: vec![Part::Text(prompt)] }];
    let request = Request {
        model,
        messages,
        stream,
        max_tokens: shared_params::max_tokens(&mut fields, "max_tokens")?,
        stop: shared_params::stop(&mut fields, "stop")?,
        sampling: shared_params::sampling(&mut fields, &mut api_only_params)?,
        ..Request::default()
    };
    let options = ReplyOptions { include_usage, echo, ..ReplyOptions::default() };
    Ok(DecodedRequest { request, ignored: fields.ignored(), api_only_params, options })
}

fn read_prompt(fields: &mut JsonFields<'_>) -> Result<String, InvalidRequest> {
    match fields.required::<PromptField>("prompt")? {
        PromptField::One(text) => Ok(text),
        PromptField::Many(list) => match list.as_slice() {
            [Value::String(text)] => Ok(text.clone()),
            _ => Err(InvalidRequest::unsupported(
                "prompt",
                "'prompt' must be one text: lists and tokens cannot be honoured",
            )),
        },
    }
}

fn reject_changed_meaning(fields: &mut JsonFields<'_>) -> Result<(), InvalidRequest> {
    if shared_params::wants_several_choices(fields)? {
        return Err(InvalidRequest::unsupported(
            "n",
            "only one choice can be made for a request: 'n' must be 1",
        ));
    }
    if fields.optional::<u64>("best_of")?.is_some_and(|n| n > 1) {
        return Err(InvalidRequest::unsupported("best_of", "'best_of' must be 1"));
    }
    fields.reject_unsupported(&["suffix", "logprobs", "logit_bias"])
}

/// Encoder of legacy completions.
struct Encoder {
    context: ReplyContext,
    head: String,
}

impl Encoder {
    fn new(context: ReplyContext) -> Self {
        let mut head = format!(
            "data: {{\"id\":\"cmpl-{}\",\"object\":\"text_completion\",\"created\":{},\"model\":",
            context.id, context.created
        );
        sse::write_json_string(&mut head, &context.model);
        head.push_str(",\"choices\":[");
        Self { context, head }
    }

    fn chunk(&self, out: &mut String, text: &str, reason: Option<&FinishReason>) {
        out.push_str(&self.head);
        out.push_str(r#"{"index":0,"text":"#);
        sse::write_json_string(out, text);
        match reason {
            None => out.push_str(",\"logprobs\":null,\"finish_reason\":null}]}\n\n"),
            Some(finish) => {
                out.push_str(&format!(
                    ",\"logprobs\":null,\"finish_reason\":\"{}\"}}]}}\n\n",
                    finish_reason(finish)
                ));
            }
        }
    }
}

impl Encode for Encoder {
    fn encode_event(&mut self, event: &Event) -> String {
        let mut out = String::with_capacity(self.head.len() + 256);
        if let Some(prompt) = self.context.options.echo.take() {
            self.chunk(&mut out, &prompt, None);
        }
        match event {
            Event::Text(text) => self.chunk(&mut out, text, None),
            // This format has no fields for these events, and offers no tools.
            Event::Reasoning(_) | Event::Call { .. } | Event::CallArguments(_) | Event::Image(_) => {}
            Event::Done { finish, usage } => {
                self.chunk(&mut out, "", Some(finish));
                if self.context.options.include_usage {
                    out.push_str(&self.head);
                    out.push_str("],\"usage\":");
                    sse::write_json(&mut out, &WireUsage::from(*usage));
                    out.push_str("}\n\n");
                }
                out.push_str("data: [DONE]\n\n");
            }
        }
        out
    }

    fn encode_error(&mut self, code: &str, message: &str) -> String {
        sse::error_frame(code, message)
    }

    fn encode_complete(&mut self, answer: &CompleteReply) -> String {
        let text = self.context.options.echo.take().unwrap_or_default() + &answer.text();
        json!({
            "id": format!("cmpl-{}", self.context.id),
            "object": "text_completion",
            "created": self.context.created,
            "model": self.context.model,
            "choices": [{ "index": 0, "text": text, "logprobs": null, "finish_reason": finish_reason(&answer.finish) }],
            "usage": WireUsage::from(answer.usage),
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_a_user_message() {
        let decoded = decode(br#"{"model":"m","prompt":["hi"],"max_tokens":5,"temperature":0}"#).unwrap();
        assert_eq!(decoded.request.messages[0].parts, vec![Part::Text("hi".into())]);
        assert_eq!(decoded.request.max_tokens, Some(5));
        assert_eq!(decoded.api_only_params, vec!["temperature"]);
    }

    #[test]
    fn lists_tokens_and_suffixes_are_refused() {
        for body in [
            r#"{"model":"m","prompt":["a","b"]}"#,
            r#"{"model":"m","prompt":[1,2]}"#,
            r#"{"model":"m","prompt":"a","suffix":"b"}"#,
            r#"{"model":"m","prompt":"a","logit_bias":{"1":-100}}"#,
        ] {
            assert_eq!(decode(body.as_bytes()).unwrap_err().code, crate::InvalidCode::UnsupportedParameter);
        }
    }

    #[test]
    fn echo_repeats_the_prompt_once() {
        let options = ReplyOptions { echo: Some("ab".into()), ..ReplyOptions::default() };
        let context = ReplyContext { id: "1".into(), created: 0, model: "m".into(), options };
        let mut encoder = Encoder::new(context);
        let first = encoder.encode_event(&Event::Text("c".into()));
        assert_eq!(first.matches("data: ").count(), 2);
        assert_eq!(encoder.encode_event(&Event::Text("d".into())).matches("data: ").count(), 1);
    }
}
