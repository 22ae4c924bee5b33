//! Circuit breaker of one upstream. While Mammouth itself is down, requests fail at once instead of queueing calls.

use std::collections::VecDeque;
use std::time::Duration;

const CONSECUTIVE_FAILURES_TO_OPEN: u32 = 4;
const MAX_RECENT_RESULTS: usize = 20;
const MIN_RESULTS_FOR_RATE: usize = 10;
const FAILURE_RATE_TO_OPEN: f64 = 0.6;
/// Time for which a result counts towards opening the breaker.
const RESULT_TTL: Duration = Duration::from_secs(60);
/// Time for which the breaker stays open after failures. Short and constant, so that the first success comes
/// within seconds of Mammouth's return.
const OPEN_DURATION: Duration = Duration::from_secs(2);
/// Times, in seconds, for which the breaker stays open after consecutive bot challenges. Frequent calls do
/// not clear a challenge.
const CHALLENGE_OPEN_SECONDS: [u64; 5] = [5, 10, 20, 40, 60];

/// Reason why calls are rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RejectionCause {
    Failing,
    Challenge,
}

/// Answer to a request for permission to make a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permit {
    Allowed,
    /// One call may test whether the upstream is available again.
    Probe,
    Rejected {
        retry_after: Duration,
        cause: RejectionCause,
    },
}

#[derive(Debug, Default)]
pub(super) struct CircuitBreaker {
    recent: VecDeque<(Duration, bool)>,
    consecutive_failures: u32,
    /// Replies that began and were interrupted, without a complete one in between.
    consecutive_interruptions: u32,
    challenge_count: usize,
    tripped: Option<Tripped>,
}

#[derive(Debug)]
struct Tripped {
    until: Duration,
    cause: RejectionCause,
    probing: bool,
    successes: u32,
}

impl CircuitBreaker {
    /// Requests permission for a call. After `Probe` the caller must call [`CircuitBreaker::record_result`] or
    /// [`CircuitBreaker::release_probe`].
    pub(super) fn try_acquire(&mut self, now: Duration) -> Permit {
        match &mut self.tripped {
            None => Permit::Allowed,
            Some(tripped) if now >= tripped.until && !tripped.probing => {
                tripped.probing = true;
                Permit::Probe
            }
            Some(tripped) => Permit::Rejected {
                retry_after: tripped.until.saturating_sub(now).max(Duration::from_secs(1)),
                cause: tripped.cause,
            },
        }
    }

    /// Returns the reason why calls are rejected now, without requesting permission. `None` while they are
    /// allowed.
    pub(super) fn open_cause(&self) -> Option<RejectionCause> {
        self.tripped.as_ref().map(|tripped| tripped.cause)
    }

    /// Records how a call ended. An account's refusal counts as a success, because it shows that Mammouth answers.
    pub(super) fn record_result(&mut self, success: bool, now: Duration) {
        self.push_recent(success, now);
        self.apply_result(success, now);
    }

    /// Records that a reply was interrupted after its first event: its call was recorded as a success too early.
    pub(super) fn record_interruption(&mut self, now: Duration) {
        self.consecutive_interruptions += 1;
        match self.recent.iter_mut().rev().find(|(_, good)| *good) {
            Some((_, good)) => *good = false,
            None => self.recent.push_back((now, false)),
        }
        self.apply_result(false, now);
    }

    /// Records that a reply was complete.
    pub(super) fn record_completion(&mut self) {
        self.consecutive_interruptions = 0;
    }

    fn apply_result(&mut self, success: bool, now: Duration) {
        let Some(tripped) = &mut self.tripped else {
            if self.should_open() {
                self.trip(RejectionCause::Failing, now + OPEN_DURATION);
            }
            return;
        };
        if !success {
            *tripped =
                Tripped { until: now + OPEN_DURATION, cause: tripped.cause, probing: false, successes: 0 };
            return;
        }
        tripped.probing = false;
        tripped.successes += 1;
        if tripped.successes >= 2 {
            *self = Self::default();
        }
    }

    /// Records a bot challenge: the breaker opens for all calls, longer after each consecutive one.
    pub(super) fn record_challenge(&mut self, now: Duration) {
        let seconds = CHALLENGE_OPEN_SECONDS[self.challenge_count.min(CHALLENGE_OPEN_SECONDS.len() - 1)];
        self.challenge_count += 1;
        self.trip(RejectionCause::Challenge, now + Duration::from_secs(seconds));
    }

    /// Releases a probe that had no result, for example because its client disconnected.
    pub(super) fn release_probe(&mut self) {
        if let Some(tripped) = &mut self.tripped {
            tripped.probing = false;
        }
    }

    fn trip(&mut self, cause: RejectionCause, until: Duration) {
        self.tripped = Some(Tripped { until, cause, probing: false, successes: 0 });
    }

    fn push_recent(&mut self, success: bool, now: Duration) {
        self.consecutive_failures = if success { 0 } else { self.consecutive_failures + 1 };
        self.recent.push_back((now, success));
        while self.recent.len() > MAX_RECENT_RESULTS
            || self.recent.front().is_some_and(|(at, _)| *at + RESULT_TTL < now)
        {
            self.recent.pop_front();
        }
    }

    fn should_open(&self) -> bool {
        let bad = self.recent.iter().filter(|(_, good)| !good).count();
        #[allow(clippy::cast_precision_loss, reason = "at most 20")]
        let share = bad as f64 / self.recent.len().max(1) as f64;
        self.consecutive_failures.max(self.consecutive_interruptions) >= CONSECUTIVE_FAILURES_TO_OPEN
            || (self.recent.len() >= MIN_RESULTS_FOR_RATE && share >= FAILURE_RATE_TO_OPEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(n: u64) -> Duration {
        Duration::from_secs(1_000 + n)
    }

    #[test]
    fn f07_four_consecutive_failures_open_it_and_two_successful_probes_close_it() {
        let mut breaker = CircuitBreaker::default();
        for _ in 0..3 {
            breaker.record_result(false, at(0));
            assert_eq!(breaker.try_acquire(at(0)), Permit::Allowed);
        }
        breaker.record_result(false, at(0));
        assert!(matches!(
            breaker.try_acquire(at(1)),
            Permit::Rejected { cause: RejectionCause::Failing, .. }
        ));
        assert_eq!(breaker.try_acquire(at(2)), Permit::Probe);
        assert!(matches!(breaker.try_acquire(at(2)), Permit::Rejected { .. }), "one probe at a time");
        breaker.record_result(true, at(2));
        assert_eq!(breaker.try_acquire(at(2)), Permit::Probe);
        breaker.record_result(true, at(2));
        assert_eq!(breaker.try_acquire(at(2)), Permit::Allowed);
    }

    #[test]
    fn f07_a_failure_rate_of_six_in_ten_opens_it() {
        let mut breaker = CircuitBreaker::default();
        for good in [false, false, true, false, false, true, false, true, true] {
            breaker.record_result(good, at(0));
        }
        assert_eq!(breaker.try_acquire(at(0)), Permit::Allowed);
        breaker.record_result(false, at(0));
        assert!(matches!(breaker.try_acquire(at(0)), Permit::Rejected { .. }));
    }

    #[test]
    fn f11_interruptions_count_and_a_completed_reply_resets_them() {
        let mut breaker = CircuitBreaker::default();
        let mut begin_and_break = || {
            breaker.record_result(true, at(0));
            breaker.record_interruption(at(0));
            breaker.try_acquire(at(0))
        };
        assert!((0..3).all(|_| begin_and_break() == Permit::Allowed));
        assert!(matches!(begin_and_break(), Permit::Rejected { cause: RejectionCause::Failing, .. }));
        let mut breaker = CircuitBreaker::default();
        for _ in 0..2 {
            (0..3).for_each(|_| breaker.record_result(true, at(0)));
            (0..3).for_each(|_| breaker.record_interruption(at(0)));
            (0..6).for_each(|_| breaker.record_result(true, at(0)));
            breaker.record_completion();
        }
        assert_eq!(breaker.try_acquire(at(0)), Permit::Allowed);
    }

    #[test]
    fn f02_challenges_are_probed_at_growing_intervals() {
        let mut breaker = CircuitBreaker::default();
        breaker.record_challenge(at(0));
        assert!(matches!(
            breaker.try_acquire(at(4)),
            Permit::Rejected { cause: RejectionCause::Challenge, .. }
        ));
        assert_eq!(breaker.try_acquire(at(5)), Permit::Probe);
        breaker.record_challenge(at(5));
        assert!(matches!(breaker.try_acquire(at(14)), Permit::Rejected { .. }));
        assert_eq!(breaker.try_acquire(at(15)), Permit::Probe);
    }

    #[test]
    fn f56_a_released_probe_can_be_taken_again() {
        let mut breaker = CircuitBreaker::default();
        (0..4).for_each(|_| breaker.record_result(false, at(0)));
        assert_eq!(breaker.try_acquire(at(3)), Permit::Probe);
        breaker.release_probe();
        assert_eq!(breaker.try_acquire(at(3)), Permit::Probe);
    }
}
