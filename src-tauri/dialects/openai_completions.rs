//! OpenAI legacy completions: `POST /v1/completions`, as autocompletion in editors still speaks it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::fields::Fields;
use super::openai_chat::{finish_reason, stream, usage_json};
use super::{About, Decoded, Encode, Invalid, Remember, common, sse};
use crate::chat::{CompleteReply, Event, FinishReason, Message, Part, Request, Role};

#[derive(Deserialize)]
#[serde(untagged)]
enum Prompt {
    One(String),
    /// Texts, tokens or lists of tokens.
    Many(Vec<Value>),
}

/// Reads a legacy completion request: the prompt becomes the one user message.
pub(super) fn decode(body: &[u8]) -> Result<Decoded, Invalid> {
    let mut fields = Fields::of(body)?;
    let mut steering = common::Steering::new();
    let model = common::model(&mut fields)?;
    let prompt = prompt(&mut fields)?;
    refuse_other_meanings(&mut fields)?;
    let (stream, include_usage) = stream(&mut fields)?;
    let echo = fields.optional::<bool>("echo")?.unwrap_or(false).then(|| prompt.clone());
    let messages = vec![Message { role: Role::User, parts: vec![Part::Text(prompt)] }];
    let request = Request {
        model,
        messages,
        stream,
        max_tokens: common::max_tokens(&mut fields, "max_tokens")?,
        stop: common::stop(&mut fields, "stop")?,
        sampling: common::sampling(&mut fields, &mut steering)?,
        ..Request::default()
    };
    let remember = Remember { include_usage, echo, ..Remember::default() };
    Ok(Decoded { request, ignored: fields.ignored(), steering, remember })
}

fn prompt(fields: &mut Fields<'_>) -> Result<String, Invalid> {
    match fields.required::<Prompt>("prompt")? {
        Prompt::One(text) => Ok(text),
        Prompt::Many(list) => match list.as_slice() {
            [Value::String(text)] => Ok(text.clone()),
            _ => Err(Invalid::unsupported(
                "prompt",
                "'prompt' must be one text: lists and tokens cannot be honoured",
            )),
        },
    }
}

fn refuse_other_meanings(fields: &mut Fields<'_>) -> Result<(), Invalid> {
    if common::several_choices(fields)? {
        return Err(Invalid::unsupported("n", "only one choice can be made for a request: 'n' must be 1"));
    }
    if fields.optional::<u64>("best_of")?.is_some_and(|n| n > 1) {
        return Err(Invalid::unsupported("best_of", "'best_of' must be 1"));
    }
    fields.refuse(&["suffix", "logprobs", "logit_bias"])
}

/// Writes legacy completions.
pub(super) struct Encoder {
    about: About,
    head: String,
}

impl Encoder {
    pub(super) fn new(about: About) -> Self {
        let mut head = format!(
            "data: {{\"id\":\"cmpl-{}\",\"object\":\"text_completion\",\"created\":{},\"model\":",
            about.id, about.created
        );
        sse::json_string(&mut head, &about.model);
        head.push_str(",\"choices\":[");
        Self { about, head }
    }

    fn chunk(&self, out: &mut String, text: &str, reason: Option<&FinishReason>) {
        out.push_str(&self.head);
        out.push_str(r#"{"index":0,"text":"#);
        sse::json_string(out, text);
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
    fn frames(&mut self, event: &Event) -> String {
        let mut out = String::with_capacity(self.head.len() + 256);
        if let Some(prompt) = self.about.remember.echo.take() {
            self.chunk(&mut out, &prompt, None);
        }
        match event {
            Event::Text(text) => self.chunk(&mut out, text, None),
            // This form has no place for them, and offers the model no tools.
            Event::Reasoning(_) | Event::Call { .. } | Event::CallArguments(_) | Event::Image(_) => {}
            Event::Done { finish, usage } => {
                self.chunk(&mut out, "", Some(finish));
                if self.about.remember.include_usage {
                    out.push_str(&self.head);
                    out.push_str(&format!("],\"usage\":{}}}\n\n", usage_json(*usage)));
                }
                out.push_str("data: [DONE]\n\n");
            }
        }
        out
    }

    fn broken(&mut self, code: &str, message: &str) -> String {
        sse::broken(code, message)
    }

    fn whole(&mut self, answer: &CompleteReply) -> String {
        let text = self.about.remember.echo.take().unwrap_or_default() + &answer.text();
        json!({
            "id": format!("cmpl-{}", self.about.id),
            "object": "text_completion",
            "created": self.about.created,
            "model": self.about.model,
            "choices": [{ "index": 0, "text": text, "logprobs": null, "finish_reason": finish_reason(&answer.finish) }],
            "usage": usage_json(answer.usage),
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
        assert_eq!(decoded.steering, vec!["temperature"]);
    }

    #[test]
    fn lists_tokens_and_suffixes_are_refused() {
        for body in [
            r#"{"model":"m","prompt":["a","b"]}"#,
            r#"{"model":"m","prompt":[1,2]}"#,
            r#"{"model":"m","prompt":"a","suffix":"b"}"#,
            r#"{"model":"m","prompt":"a","logit_bias":{"1":-100}}"#,
        ] {
            assert_eq!(
                decode(body.as_bytes()).unwrap_err().code,
                crate::dialects::InvalidCode::UnsupportedParameter
            );
        }
    }

    #[test]
    fn echo_repeats_the_prompt_once() {
        let remember = Remember { echo: Some("ab".into()), ..Remember::default() };
        let about = About { id: "1".into(), created: 0, model: "m".into(), remember };
        let mut encoder = Encoder::new(about);
        let first = encoder.frames(&Event::Text("c".into()));
        assert_eq!(first.matches("data: ").count(), 2);
        assert_eq!(encoder.frames(&Event::Text("d".into())).matches("data: ").count(), 1);
    }
}
