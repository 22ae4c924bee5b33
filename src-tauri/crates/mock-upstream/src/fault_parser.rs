//! Parser of the text form of [`Fault`], `KEY=VALUE KEY=VALUE …`.

use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::fault::{BadUtf8, Delay, Fault, FaultBody};
use super::tool_prompt::ToolMistake;

/// Error of the fault parser; names the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("fault text: {0}")]
pub struct FaultParseError(String);

impl FromStr for Fault {
    type Err = FaultParseError;

    fn from_str(text: &str) -> Result<Self, FaultParseError> {
        let mut fault = Self::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (key, value, after) = parse_pair(rest)?;
            set_field(&mut fault, key, &value)?;
            rest = after.trim_start();
        }
        Ok(fault)
    }
}

/// Parses the first `KEY=VALUE`, `KEY="JSON string"` or bare `KEY`; returns the rest too.
fn parse_pair(text: &str) -> Result<(&str, String, &str), FaultParseError> {
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
        Some(Err(_)) | None => Err(invalid_value(key, value)),
    }
}

fn set_field(fault: &mut Fault, key: &str, value: &str) -> Result<(), FaultParseError> {
    match key {
        "status" => fault.status = Some(parse_status(key, value)?),
        "body" => fault.body = Some(parse_body(value)?),
        "quota" => fault.body = Some(FaultBody::Quota),
        "bad-cookie" => fault.body = Some(FaultBody::BadCookie),
        "message" => fault.body = Some(FaultBody::Message(value.to_owned())),
        "redirect" => fault.body = Some(FaultBody::Redirect(value.to_owned())),
        "text" => fault.body = Some(FaultBody::Text(value.to_owned())),
        "downgrade" => fault.body = Some(FaultBody::Downgrade(value.to_owned())),
        "header" => fault.headers.push(parse_header(key, value)?),
        "delay" => fault.delay_before_head = Some(parse_delay(key, value)?),
        "first" => fault.delay_before_body = Some(parse_delay(key, value)?),
        "stall" => fault.stall_after = Some(parse_number(key, value)?),
        "reset" => fault.reset_after = Some(parse_number(key, value)?),
        "cut" => fault.cut_after = Some(parse_number(key, value)?),
        "error" => fault.error_after = Some(parse_number(key, value)?),
        "eof" => fault.eof_after = Some(parse_number(key, value)?),
        "slice" => fault.slice = Some(parse_number(key, value)?),
        "size" => fault.size = Some(parse_number(key, value)?),
        "endless" => fault.endless = true,
        "utf8" => fault.bad_utf8 = Some(parse_bad_utf8(key, value)?),
        "length" => fault.missing_bytes = Some(parse_number(key, value)?),
        "gzip" => fault.gzip_garbage = true,
        "tool" => {
            fault.tool_mistake = Some(ToolMistake::parse(value).ok_or_else(|| invalid_value(key, value))?)
        }
        "gate" => fault.gate = true,
        "raw" => fault.raw = Some(value.to_owned()),
        _ => return Err(FaultParseError(format!("{key:?} is not a key"))),
    }
    Ok(())
}

fn parse_body(value: &str) -> Result<FaultBody, FaultParseError> {
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
        _ => return Err(invalid_value("body", value)),
    })
}

fn parse_status(key: &str, value: &str) -> Result<u16, FaultParseError> {
    let code = parse_number(key, value)?;
    if (200..600).contains(&code) { Ok(code) } else { Err(invalid_value(key, value)) }
}

fn parse_header(key: &str, text: &str) -> Result<(String, String), FaultParseError> {
    let (name, value) = text.split_once(':').ok_or_else(|| invalid_value(key, text))?;
    let value = value.trim();
    let valid = name.parse::<HeaderName>().is_ok() && value.parse::<HeaderValue>().is_ok();
    if valid { Ok((name.to_owned(), value.to_owned())) } else { Err(invalid_value(key, text)) }
}

fn parse_delay(key: &str, value: &str) -> Result<Delay, FaultParseError> {
    if value == "forever" {
        return Ok(Delay::Forever);
    }
    let (digits, unit) = if let Some(digits) = value.strip_suffix("ms") {
        (digits, 1)
    } else if let Some(digits) = value.strip_suffix('s') {
        (digits, 1000)
    } else {
        (value, 1)
    };
    let amount: u32 = parse_number(key, digits)?;
    Ok(Delay::For(Duration::from_millis(u64::from(amount) * unit)))
}

fn parse_bad_utf8(key: &str, value: &str) -> Result<BadUtf8, FaultParseError> {
    match value {
        "invalid" => Ok(BadUtf8::Invalid),
        "cut" => Ok(BadUtf8::Cut),
        _ => Err(invalid_value(key, value)),
    }
}

fn parse_number<T: FromStr>(key: &str, value: &str) -> Result<T, FaultParseError> {
    value.parse().map_err(|_| invalid_value(key, value))
}

fn invalid_value(key: &str, value: &str) -> FaultParseError {
    FaultParseError(format!("{key} cannot be {value:?}"))
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
        assert_eq!(parse("delay=20").delay_before_head, Some(Delay::For(Duration::from_millis(20))));
        assert_eq!(parse("delay=20ms").delay_before_head, Some(Delay::For(Duration::from_millis(20))));
        assert_eq!(parse("first=2s").delay_before_body, Some(Delay::For(Duration::from_secs(2))));
        assert_eq!(parse("delay=forever").delay_before_head, Some(Delay::Forever));
    }

    #[test]
    fn invalid_fault_texts_are_refused() {
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
