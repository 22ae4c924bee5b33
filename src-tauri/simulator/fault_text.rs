//! Reads a [`Fault`] from its text form, `KEY=VALUE KEY=VALUE …`.

use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::fault::{BadUtf8, Fault, FaultBody, Wait};
use super::tool_prompt::ToolSlip;

/// A fault text that cannot be read; the message names the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("fault text: {0}")]
pub struct FaultTextError(String);

impl FromStr for Fault {
    type Err = FaultTextError;

    fn from_str(text: &str) -> Result<Self, FaultTextError> {
        let mut fault = Self::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (key, value, after) = next_pair(rest)?;
            set(&mut fault, key, &value)?;
            rest = after.trim_start();
        }
        Ok(fault)
    }
}

/// The first `KEY=VALUE`, `KEY="JSON string"` or bare `KEY`, and what comes after it.
fn next_pair(text: &str) -> Result<(&str, String, &str), FaultTextError> {
    let end = text.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(text.len());
    let (key, after) = text.split_at(end);
    let Some(value) = after.strip_prefix('=') else {
        return Ok((key, String::new(), after));
    };
    if !value.starts_with('"') {
        let end = value.find(char::is_whitespace).unwrap_or(value.len());
        return Ok((key, value[..end].to_owned(), &value[end..]));
    }
    let mut strings = serde_json::Deserializer::from_str(value).into_iter::<String>();
    match strings.next() {
        Some(Ok(string)) => Ok((key, string, &value[strings.byte_offset()..])),
        Some(Err(_)) | None => Err(bad(key, value)),
    }
}

fn set(fault: &mut Fault, key: &str, value: &str) -> Result<(), FaultTextError> {
    match key {
        "status" => fault.status = Some(status(key, value)?),
        "body" => fault.body = Some(body(value)?),
        "quota" => fault.body = Some(FaultBody::Quota),
        "bad-cookie" => fault.body = Some(FaultBody::BadCookie),
        "message" => fault.body = Some(FaultBody::Message(value.to_owned())),
        "redirect" => fault.body = Some(FaultBody::Redirect(value.to_owned())),
        "text" => fault.body = Some(FaultBody::Text(value.to_owned())),
        "downgrade" => fault.body = Some(FaultBody::Downgrade(value.to_owned())),
        "header" => fault.headers.push(header(key, value)?),
        "delay" => fault.delay_before_head = Some(wait(key, value)?),
        "first" => fault.delay_before_body = Some(wait(key, value)?),
        "stall" => fault.stall_after = Some(number(key, value)?),
        "reset" => fault.reset_after = Some(number(key, value)?),
        "cut" => fault.cut_after = Some(number(key, value)?),
        "error" => fault.error_after = Some(number(key, value)?),
        "eof" => fault.eof_after = Some(number(key, value)?),
        "slice" => fault.slice = Some(number(key, value)?),
        "size" => fault.size = Some(number(key, value)?),
        "endless" => fault.endless = true,
        "utf8" => fault.bad_utf8 = Some(bad_utf8(key, value)?),
        "length" => fault.missing_bytes = Some(number(key, value)?),
        "gzip" => fault.gzip_garbage = true,
        "tool" => fault.tool = Some(ToolSlip::read(value).ok_or_else(|| bad(key, value))?),
        "gate" => fault.gate = true,
        "raw" => fault.raw = Some(value.to_owned()),
        _ => return Err(FaultTextError(format!("{key:?} is not a key"))),
    }
    Ok(())
}

fn body(value: &str) -> Result<FaultBody, FaultTextError> {
    Ok(match value {
        "quota" => FaultBody::Quota,
        "bad-cookie" => FaultBody::BadCookie,
        "message" => FaultBody::Message("Something went wrong".to_owned()),
        "leak" => FaultBody::Leak,
        "html" => FaultBody::Html,
        "challenge" => FaultBody::Challenge,
        "portal" => FaultBody::Portal,
        "login" => FaultBody::Login,
        "empty" => FaultBody::Empty,
        "json" => FaultBody::Json,
        "json-string" => FaultBody::JsonString,
        "json-error" => FaultBody::JsonError,
        "cut-json" => FaultBody::CutJson,
        _ => return Err(bad("body", value)),
    })
}

fn status(key: &str, value: &str) -> Result<u16, FaultTextError> {
    let code = number(key, value)?;
    if (200..600).contains(&code) { Ok(code) } else { Err(bad(key, value)) }
}

fn header(key: &str, text: &str) -> Result<(String, String), FaultTextError> {
    let (name, value) = text.split_once(':').ok_or_else(|| bad(key, text))?;
    let value = value.trim();
    let valid = name.parse::<HeaderName>().is_ok() && value.parse::<HeaderValue>().is_ok();
    if valid { Ok((name.to_owned(), value.to_owned())) } else { Err(bad(key, text)) }
}

fn wait(key: &str, value: &str) -> Result<Wait, FaultTextError> {
    if value == "forever" {
        return Ok(Wait::Forever);
    }
    let (digits, unit) = if let Some(digits) = value.strip_suffix("ms") {
        (digits, 1)
    } else if let Some(digits) = value.strip_suffix('s') {
        (digits, 1000)
    } else {
        (value, 1)
    };
    let amount: u32 = number(key, digits)?;
    Ok(Wait::For(Duration::from_millis(u64::from(amount) * unit)))
}

fn bad_utf8(key: &str, value: &str) -> Result<BadUtf8, FaultTextError> {
    match value {
        "invalid" => Ok(BadUtf8::Invalid),
        "cut" => Ok(BadUtf8::Cut),
        _ => Err(bad(key, value)),
    }
}

fn number<T: FromStr>(key: &str, value: &str) -> Result<T, FaultTextError> {
    value.parse().map_err(|_| bad(key, value))
}

fn bad(key: &str, value: &str) -> FaultTextError {
    FaultTextError(format!("{key} cannot be {value:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Fault {
        text.parse().unwrap()
    }

    #[test]
    fn pairs_flags_and_quoted_values_are_read() {
        let fault = parse(
            r#" status=429 header="Retry-After: 7"  header=Set-Cookie:a=b message="two \"words\"" gate "#,
        );
        assert_eq!(fault.status, Some(429));
        assert_eq!(fault.headers[0], ("Retry-After".to_owned(), "7".to_owned()));
        assert_eq!(fault.headers[1], ("Set-Cookie".to_owned(), "a=b".to_owned()));
        assert_eq!(fault.body, Some(FaultBody::Message("two \"words\"".to_owned())));
        assert!(fault.gate);
    }

    #[test]
    fn times_have_units() {
        assert_eq!(parse("delay=20").delay_before_head, Some(Wait::For(Duration::from_millis(20))));
        assert_eq!(parse("delay=20ms").delay_before_head, Some(Wait::For(Duration::from_millis(20))));
        assert_eq!(parse("first=2s").delay_before_body, Some(Wait::For(Duration::from_secs(2))));
        assert_eq!(parse("delay=forever").delay_before_head, Some(Wait::Forever));
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        let wrong = [
            "nonsense",
            "status=99",
            "status=x",
            "body=x",
            "slice=0",
            "utf8=x",
            "tool=x",
            "text=\"open",
            "header=x",
            "cut=",
        ];
        for text in wrong {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_empty_text_is_no_fault() {
        assert_eq!(parse("  "), Fault::default());
    }
}
