//! Counters of this run, for `GET /metrics` in Prometheus' text form and for `status`.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters; reading and counting never wait.
#[derive(Debug, Default)]
pub struct Metrics {
    answered: [AtomicU64; 5],
    calls_good: AtomicU64,
    calls_bad: AtomicU64,
    refused: AtomicU64,
}

impl Metrics {
    /// Counts a request that the guard refused.
    pub fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request whose handler panicked and was answered 500.
    pub fn crashed(&self) {
        self.answered(500);
    }

    pub(super) fn answered(&self, status: u16) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        self.answered[class].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn upstream_call(&self, good: bool) {
        let counter = if good { &self.calls_good } else { &self.calls_bad };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests that were answered so far, whatever the answer.
    pub fn requests(&self) -> u64 {
        self.answered.iter().map(|class| class.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn text(&self, log_dropped: u64) -> String {
        let mut out = String::new();
        let mut metric = |name: &str, help: &str, lines: &[(String, u64)]| {
            // Writing into a String cannot fail.
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter");
            for (labels, value) in lines {
                let _ = writeln!(out, "{name}{labels} {value}");
            }
        };
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let classes: Vec<_> = self
            .answered
            .iter()
            .enumerate()
            .map(|(i, n)| (format!("{{status=\"{}xx\"}}", i + 1), count(n)))
            .collect();
        metric("mammouth_requests_total", "Requests answered, by class of status.", &classes);
        let calls = [
            ("{result=\"ok\"}".to_owned(), count(&self.calls_good)),
            ("{result=\"failed\"}".to_owned(), count(&self.calls_bad)),
        ];
        metric("mammouth_upstream_calls_total", "Calls made to Mammouth.", &calls);
        metric(
            "mammouth_refused_total",
            "Requests refused before they were read.",
            &[(String::new(), count(&self.refused))],
        );
        metric(
            "mammouth_log_dropped_total",
            "Log records that found the queue full.",
            &[(String::new(), log_dropped)],
        );
        out
    }
}
