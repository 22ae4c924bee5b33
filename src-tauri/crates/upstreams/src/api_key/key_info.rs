//! Budget of a key, from `/key/info` of LiteLLM. Only named numbers are read, because the response may repeat
//! credentials. Pure.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::Quota;

/// Largest plausible amount, US dollars.
const MAX_DOLLARS: f64 = 1e9;

/// Parses the spend, the budget and the reset time of a key.
pub(super) fn parse_quota(json: &Value) -> Quota {
    let info = json.get("info").unwrap_or(json);
    let number = |name: &str| info.get(name).and_then(parse_dollars);
    let (spent, budget) = (number("spend"), number("max_budget").filter(|most| *most > 0.0));
    let percent = spent.zip(budget).map(|(spent, most)| (spent / most * 100.0).min(100.0));
    Quota {
        percent,
        spent_usd: spent,
        budget_usd: budget,
        budget_reset: info.get("budget_reset_at").and_then(Value::as_str).and_then(parse_time),
        ..Quota::default()
    }
}

fn parse_dollars(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number.filter(|number| (0.0..=MAX_DOLLARS).contains(number))
}

/// Parses a date of RFC 3339, in whole seconds. Time and offset may be missing: midnight, UTC.
fn parse_time(text: &str) -> Option<SystemTime> {
    let timestamp = text.parse::<Timestamp>().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(local).ok()
    })?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(timestamp.as_second()).ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_named_numbers_are_read() {
        let quota = parse_quota(
            &json!({"key": "sk-x", "info": {"spend": 1.25, "max_budget": 5, "budget_reset_at": "2026-12-01T00:00:00Z", "token": "sk-x"}}),
        );
        assert_eq!((quota.spent_usd, quota.budget_usd, quota.percent), (Some(1.25), Some(5.0), Some(25.0)));
        let reset = quota.budget_reset.unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(reset.as_secs(), 1_796_083_200);
    }

    #[test]
    fn r08_anything_else_is_left_out() {
        for info in [
            json!({"spend": -1, "max_budget": null}),
            json!({"spend": "NaN"}),
            json!(null),
            json!({"spend": 1e300}),
        ] {
            assert_eq!(parse_quota(&json!({"info": info})), Quota::default());
        }
        assert_eq!(parse_quota(&json!({"spend": "2.5"})).spent_usd, Some(2.5));
    }

    #[test]
    fn times_with_and_without_offset_are_read() {
        let seconds =
            |text| parse_time(text).map(|at| at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs());
        assert_eq!(seconds("1970-01-02T00:00:01.5+00:00"), Some(86_401));
        assert_eq!(seconds("2024-02-29T12:00:00+02:00"), Some(1_709_200_800));
        assert_eq!(seconds("2024-03-01"), Some(1_709_251_200));
        assert_eq!((seconds("soon"), seconds("2024-13-01"), seconds("é2024-01-01")), (None, None, None));
    }
}
