//! The budget of a key, from `/key/info`: named numbers only, because the answer may repeat credentials. Pure.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::Quota;

/// Dollars; no honest number is larger.
const MAX_DOLLARS: f64 = 1e9;

/// Reads what a key has spent, may spend, and when that begins anew.
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

/// `2026-12-01T00:00:00Z`, with a fraction or an offset or without: hours are all that matters.
fn parse_time(text: &str) -> Option<SystemTime> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let clock = |from| part(from, from + 2).unwrap_or_default();
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let seconds = days_from_civil(year, month, day) * 86_400 + clock(11) * 3_600 + clock(14) * 60 + clock(17)
        - utc_offset_seconds(text);
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).ok()?))
}

/// Days since 1970 in the Gregorian calendar; years begin in March here, so that the leap day is the last of one.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Seconds east of Greenwich.
fn utc_offset_seconds(text: &str) -> i64 {
    let Some(at) = text.get(19..).and_then(|rest| rest.find(['+', '-'])).map(|at| at + 19) else { return 0 };
    let part =
        |from: usize| text.get(from..from + 2).and_then(|part| part.parse::<i64>().ok()).unwrap_or_default();
    let seconds = part(at + 1) * 3_600 + part(at + 4) * 60;
    if text[at..].starts_with('-') { -seconds } else { seconds }
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
