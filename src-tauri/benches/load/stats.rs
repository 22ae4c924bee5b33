//! Median and tail of measurements.

use std::time::Duration;

/// Durations in nanoseconds, one a sample.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    sorted: bool,
    all: Vec<u64>,
}

impl Samples {
    pub(crate) fn push(&mut self, nanoseconds: u64) {
        self.sorted = false;
        self.all.push(nanoseconds);
    }

    pub(crate) fn add(&mut self, duration: Duration) {
        self.push(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.sorted = false;
        self.all.append(&mut other.all);
    }

    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// The value that `share` of a thousand samples do not exceed, milliseconds; 0 without samples.
    pub(crate) fn ms(&mut self, share: usize) -> f64 {
        if !self.sorted {
            self.all.sort_unstable();
            self.sorted = true;
        }
        let index = (self.all.len() * share / 1_000).min(self.all.len().saturating_sub(1));
        self.all.get(index).map_or(0.0, |&value| Duration::from_nanos(value).as_secs_f64() * 1_000.0)
    }

    pub(crate) fn middle_and_tail(mut self) -> Spread {
        Spread { p50: self.ms(500), p99: self.ms(990), count: self.all.len() }
    }
}

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spread {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) count: usize,
}

/// Median of some numbers; 0 if there are none.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}
