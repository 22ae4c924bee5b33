//! Timestamps for the rules of account selection.

use std::time::{Duration, Instant, SystemTime};

/// A point in time on two clocks. Rules compare `uptime`, which clock changes do not affect. `wall` is for display and
/// for the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// Time since a fixed point, including time asleep if the system counts it.
    pub uptime: Duration,
    pub wall: SystemTime,
}

impl Timestamp {
    /// The timestamp `time` later; for tests and for the end of a limit.
    #[must_use]
    pub fn plus(self, time: Duration) -> Self {
        Self { uptime: self.uptime + time, wall: self.wall + time }
    }

    /// The wall time at which `uptime` is reached.
    pub fn wall_at(self, uptime: Duration) -> SystemTime {
        self.wall + uptime.saturating_sub(self.uptime)
    }
}

/// The source of [`Timestamp`].
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    #[cfg_attr(
        any(target_os = "linux", target_os = "macos"),
        allow(dead_code, reason = "the system has a clock that counts the time asleep")
    )]
    start: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock {
    pub fn now(self) -> Timestamp {
        Timestamp { uptime: self.uptime(), wall: SystemTime::now() }
    }

    /// Reads the clock that counts the time asleep: a limit that ended while a laptop slept must be over, and `Instant`
    /// stands still during sleep on Linux and macOS. On macOS that clock is `CLOCK_MONOTONIC` (clock_gettime(3) there).
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    fn uptime(self) -> Duration {
        use rustix::time::ClockId;
        #[cfg(target_os = "linux")]
        const WITH_SLEEP: ClockId = ClockId::Boottime;
        #[cfg(target_os = "macos")]
        const WITH_SLEEP: ClockId = ClockId::Monotonic;
        let time = rustix::time::clock_gettime(WITH_SLEEP);
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    fn uptime(self) -> Duration {
        self.start.elapsed()
    }
}
