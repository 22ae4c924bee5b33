//! Time as the rules of this room see it.

use std::time::{Duration, Instant, SystemTime};

/// A moment. Rules compare `uptime`, which no clock change moves; `wall` is for people and for the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// Time since some fixed moment, time asleep included where the system tells it.
    pub uptime: Duration,
    pub wall: SystemTime,
}

impl Timestamp {
    /// The same moment later on: for tests and for saying when something ends.
    #[must_use]
    pub fn plus(self, time: Duration) -> Self {
        Self { uptime: self.uptime + time, wall: self.wall + time }
    }

    /// The time of day at which `uptime` is reached.
    pub fn wall_at(self, uptime: Duration) -> SystemTime {
        self.wall + uptime.saturating_sub(self.uptime)
    }
}

/// Where `Timestamp` comes from.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    #[cfg_attr(target_os = "linux", allow(dead_code, reason = "Linux counts the time asleep itself"))]
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

    /// A laptop that slept through a limit must find it over: `Instant` stands still during sleep on Linux.
    #[cfg(target_os = "linux")]
    fn uptime(self) -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
    }

    #[cfg(not(target_os = "linux"))]
    fn uptime(self) -> Duration {
        self.start.elapsed()
    }
}
