//! Counters of this run, for `GET /metrics` in the Prometheus text format and for the command `status`.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// Lock-free counters.
#[derive(Debug, Default)]
pub struct Metrics {
    responses_by_class: [AtomicU64; 5],
    succeeded_calls: AtomicU64,
    failed_calls: AtomicU64,
    rejected: AtomicU64,
}

impl Metrics {
    /// Counts a request that the guard rejected.
    pub fn record_rejection(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request whose handler panicked, and which got a 500.
    pub fn record_panic(&self) {
        self.record_response(500);
    }

    pub(super) fn record_response(&self, status: u16) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        self.responses_by_class[class].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn record_upstream_call(&self, success: bool) {
        let counter = if success { &self.succeeded_calls } else { &self.failed_calls };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of requests so far that got a response, including errors.
    pub fn total_requests(&self) -> u64 {
        self.responses_by_class.iter().map(|class| class.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn render(&self, log_dropped: u64) -> String {
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
            .responses_by_class
            .iter()
            .enumerate()
            .map(|(i, n)| (format!("{{status=\"{}xx\"}}", i + 1), count(n)))
            .collect();
        metric("mammouth_requests_total", "Requests answered, by class of status.", &classes);
        let calls = [
            ("{result=\"ok\"}".to_owned(), count(&self.succeeded_calls)),
            ("{result=\"failed\"}".to_owned(), count(&self.failed_calls)),
        ];
        metric("mammouth_upstream_calls_total", "Calls made to Mammouth.", &calls);
        metric(
            "mammouth_refused_total",
            "Requests refused before they were read.",
            &[(String::new(), count(&self.rejected))],
        );
        metric(
            "mammouth_log_dropped_total",
            "Log records that found the queue full.",
            &[(String::new(), log_dropped)],
        );
        out
    }
}
