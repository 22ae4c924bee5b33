//! The `Retry-After` header (RFC 9110, section 10.2.3).

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// Shortest and longest wait that is taken from the header.
const RETRY_AFTER_RANGE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3600));

/// The wait that `Retry-After` asks for, between 1 s and 1 h. `None` if the header is missing, sent twice or in
/// neither form of RFC 9110.
pub(crate) fn parse_retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let mut values = headers.get_all(RETRY_AFTER).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let value = value.to_str().ok()?.trim();
    let wait = seconds(value).or_else(|| date(value, now))?;
    Some(wait.clamp(RETRY_AFTER_RANGE.0, RETRY_AFTER_RANGE.1))
}

fn seconds(value: &str) -> Option<Duration> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(value.parse().unwrap_or(u64::MAX)))
}

fn date(value: &str, now: SystemTime) -> Option<Duration> {
    let at = httpdate::parse_http_date(value).ok()?;
    Some(at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_seconds(values: &[&'static str]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(RETRY_AFTER, value.parse().unwrap());
        }
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        parse_retry_after(&headers, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn f04_seconds_are_taken_as_they_are() {
        assert_eq!(parse_seconds(&["7"]), Some(7));
    }

    #[test]
    fn f05_both_forms_are_read_and_clamped_and_garbage_is_not() {
        assert_eq!(parse_seconds(&["Sun, 06 Nov 1994 08:50:37 GMT"]), Some(60));
        assert_eq!(parse_seconds(&["Sun, 06 Nov 1994 08:00:00 GMT"]), Some(1));
        assert_eq!(parse_seconds(&["Sat, 06 Nov 2004 08:49:37 GMT"]), Some(3600));
        assert_eq!(parse_seconds(&["0"]), Some(1));
        assert_eq!(parse_seconds(&["99999999999999999999999999"]), Some(3600));
        for bad in ["-1", "1e309", "1.5", "", "soon", "+7", "٧"] {
            assert_eq!(parse_seconds(&[bad]), None, "{bad}");
        }
        assert_eq!(parse_seconds(&["7", "8"]), None);
        assert_eq!(parse_seconds(&[]), None);
    }
}
