//! Wall-clock times as numbers since the start of 1970 (UTC).

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the milliseconds since 1970; 0 for times before it.
pub fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the seconds since 1970; 0 for times before it.
pub fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_before_1970_count_as_its_start() {
        let later = UNIX_EPOCH + Duration::from_millis(1_500);
        assert_eq!((unix_ms(later), unix_seconds(later)), (1_500, 1));
        let earlier = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!((unix_ms(earlier), unix_seconds(earlier)), (0, 0));
    }
}
