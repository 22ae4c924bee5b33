//! The only clock of the request log, and dates for display.
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// One moment by both clocks: durations must not follow the time of day when someone sets it.
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

    /// Milliseconds from `self` to now, by the steady clock.
    pub(super) fn elapsed_ms(self) -> u64 {
        u64::try_from(self.monotonic.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// `2026-03-01 14:05:09Z`; times beyond the year 9999 show as its end.
pub fn format_utc(unix_ms: u64) -> String {
    let (date, [hour, minute, second]) = date_and_time(unix_ms);
    let [year, month, day] = date;
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
}

/// `2026-03-01T14:05:09.123Z`, as ISO 8601 and RFC 3339 have it.
pub(super) fn format_iso(unix_ms: u64) -> String {
    format_utc(unix_ms).replace(' ', "T").replace('Z', &format!(".{:03}Z", unix_ms % 1_000))
}

/// `20260301T140509Z`, fit for a file name, sorting by time.
pub(super) fn file_name_stamp(unix_ms: u64) -> String {
    format_utc(unix_ms).replace(['-', ':'], "").replace(' ', "T")
}

fn date_and_time(unix_ms: u64) -> ([u64; 3], [u64; 3]) {
    const END_OF_9999: u64 = 253_402_300_799;
    let seconds = (unix_ms / 1_000).min(END_OF_9999);
    let time = [seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60];
    (date_of_day(seconds / 86_400), time)
}

fn date_of_day(mut days: u64) -> [u64; 3] {
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap_year(year)) {
        days -= 365 + u64::from(is_leap_year(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap_year(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    [year, month, days + 1]
}

fn is_leap_year(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
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
