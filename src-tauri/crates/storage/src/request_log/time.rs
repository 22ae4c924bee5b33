//! Clock of the request log, and dates for display.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::civil::{DateTime, date};

/// One moment by both clocks: durations must not depend on changes of the time of day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timestamps {
    pub(super) monotonic: Instant,
    /// Unix time in microseconds.
    pub(super) unix_us: u64,
}

impl Timestamps {
    pub(super) fn now() -> Self {
        let unix_time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self { monotonic: Instant::now(), unix_us: u64::try_from(unix_time.as_micros()).unwrap_or(u64::MAX) }
    }

    pub(super) fn unix_ms(self) -> u64 {
        self.unix_us / 1_000
    }

    /// Returns the milliseconds from `self` to now, by the monotonic clock.
    pub(super) fn elapsed_ms(self) -> u64 {
        u64::try_from(self.monotonic.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Formats a date in UTC as `2026-03-01 14:05:09Z`. Times after the year 9999 are shown as its end.
pub fn format_utc(unix_ms: u64) -> String {
    date_time(unix_ms).strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Formats a date in UTC as `2026-03-01T14:05:09.123Z` (RFC 3339).
pub(super) fn format_iso(unix_ms: u64) -> String {
    date_time(unix_ms).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Formats a date in UTC as `20260301T140509Z`, for file names that sort by time.
pub(super) fn file_name_stamp(unix_ms: u64) -> String {
    date_time(unix_ms).strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn date_time(unix_ms: u64) -> DateTime {
    date(1970, 1, 1).at(0, 0, 0, 0).saturating_add(Duration::from_millis(unix_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_calendar() {
        assert_eq!(format_utc(0), "1970-01-01 00:00:00Z");
        assert_eq!(format_utc(951_782_400_000), "2000-02-29 00:00:00Z");
        assert_eq!(format_utc(1_772_373_909_123), "2026-03-01 14:05:09Z");
        assert_eq!(format_utc(4_102_444_799_000), "2099-12-31 23:59:59Z");
        assert_eq!(format_utc(u64::MAX), "9999-12-31 23:59:59Z");
        assert_eq!(file_name_stamp(1_772_373_909_123), "20260301T140509Z");
    }
}
