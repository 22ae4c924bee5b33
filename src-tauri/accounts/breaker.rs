//! The breaker of one upstream: while Mammouth itself is down, requests fail at once instead of queueing up calls.

use std::collections::VecDeque;
use std::time::Duration;

const IN_A_ROW: u32 = 4;
const REMEMBERED: usize = 20;
const AT_LEAST: usize = 10;
const SHARE: f64 = 0.6;
/// Results older than this say nothing about now.
const MEMORY: Duration = Duration::from_secs(60);
/// Short and constant, so that the first success comes within seconds of Mammouth's return.
const PAUSE: Duration = Duration::from_secs(2);
/// A challenge is not answered by asking often.
const CHALLENGE_PAUSES: [u64; 5] = [5, 10, 20, 40, 60];

/// Why no call is made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Failing,
    Challenge,
}

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// One call may try whether the upstream is back.
    Probe,
    Closed {
        wait: Duration,
        cause: Cause,
    },
}

#[derive(Debug, Default)]
pub(super) struct Breaker {
    recent: VecDeque<(Duration, bool)>,
    failures_in_a_row: u32,
    /// Replies that began and broke off, with no whole one in between.
    breaks_in_a_row: u32,
    challenges: usize,
    tripped: Option<Tripped>,
}

#[derive(Debug)]
struct Tripped {
    until: Duration,
    cause: Cause,
    probing: bool,
    good: u32,
}

impl Breaker {
    /// Asks for a call. After `Probe` the caller owes a [`Breaker::report`] or [`Breaker::abandon`].
    pub(super) fn gate(&mut self, now: Duration) -> Gate {
        match &mut self.tripped {
            None => Gate::Open,
            Some(tripped) if now >= tripped.until && !tripped.probing => {
                tripped.probing = true;
                Gate::Probe
            }
            Some(tripped) => Gate::Closed {
                wait: tripped.until.saturating_sub(now).max(Duration::from_secs(1)),
                cause: tripped.cause,
            },
        }
    }

    /// Whether calls are held back now, without asking for one.
    pub(super) fn tripped(&self) -> Option<Cause> {
        self.tripped.as_ref().map(|tripped| tripped.cause)
    }

    /// Learns how a call ended. An account's refusal is a good answer: Mammouth is there.
    pub(super) fn report(&mut self, good: bool, now: Duration) {
        self.remember(good, now);
        self.judge(good, now);
    }

    /// A reply that had begun broke off: it was not good after all.
    pub(super) fn broke_off(&mut self, now: Duration) {
        self.breaks_in_a_row += 1;
        match self.recent.iter_mut().rev().find(|(_, good)| *good) {
            Some((_, good)) => *good = false,
            None => self.recent.push_back((now, false)),
        }
        self.judge(false, now);
    }

    /// A reply came to its end.
    pub(super) fn completed(&mut self) {
        self.breaks_in_a_row = 0;
    }

    fn judge(&mut self, good: bool, now: Duration) {
        let Some(tripped) = &mut self.tripped else {
            if self.too_many_failures() {
                self.trip(Cause::Failing, now + PAUSE);
            }
            return;
        };
        if !good {
            *tripped = Tripped { until: now + PAUSE, cause: tripped.cause, probing: false, good: 0 };
            return;
        }
        tripped.probing = false;
        tripped.good += 1;
        if tripped.good >= 2 {
            *self = Self::default();
        }
    }

    /// A bot challenge: everybody waits, longer each time.
    pub(super) fn challenged(&mut self, now: Duration) {
        let pause = CHALLENGE_PAUSES[self.challenges.min(CHALLENGE_PAUSES.len() - 1)];
        self.challenges += 1;
        self.trip(Cause::Challenge, now + Duration::from_secs(pause));
    }

    /// A probe ended without telling anything, as when its client left.
    pub(super) fn abandon(&mut self) {
        if let Some(tripped) = &mut self.tripped {
            tripped.probing = false;
        }
    }

    fn trip(&mut self, cause: Cause, until: Duration) {
        self.tripped = Some(Tripped { until, cause, probing: false, good: 0 });
    }

    fn remember(&mut self, good: bool, now: Duration) {
        self.failures_in_a_row = if good { 0 } else { self.failures_in_a_row + 1 };
        self.recent.push_back((now, good));
        while self.recent.len() > REMEMBERED || self.recent.front().is_some_and(|(at, _)| *at + MEMORY < now)
        {
            self.recent.pop_front();
        }
    }

    fn too_many_failures(&self) -> bool {
        let bad = self.recent.iter().filter(|(_, good)| !good).count();
        #[allow(clippy::cast_precision_loss, reason = "at most 20")]
        let share = bad as f64 / self.recent.len().max(1) as f64;
        self.failures_in_a_row.max(self.breaks_in_a_row) >= IN_A_ROW
            || (self.recent.len() >= AT_LEAST && share >= SHARE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(n: u64) -> Duration {
        Duration::from_secs(1_000 + n)
    }

    #[test]
    fn f07_four_in_a_row_open_it_one_probe_and_two_good_close_it() {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            breaker.report(false, second(0));
            assert_eq!(breaker.gate(second(0)), Gate::Open);
        }
        breaker.report(false, second(0));
        assert!(matches!(breaker.gate(second(1)), Gate::Closed { cause: Cause::Failing, .. }));
        assert_eq!(breaker.gate(second(2)), Gate::Probe);
        assert!(matches!(breaker.gate(second(2)), Gate::Closed { .. }), "one probe at a time");
        breaker.report(true, second(2));
        assert_eq!(breaker.gate(second(2)), Gate::Probe);
        breaker.report(true, second(2));
        assert_eq!(breaker.gate(second(2)), Gate::Open);
    }

    #[test]
    fn f07_six_of_ten_open_it() {
        let mut breaker = Breaker::default();
        for good in [false, false, true, false, false, true, false, true, true] {
            breaker.report(good, second(0));
        }
        assert_eq!(breaker.gate(second(0)), Gate::Open);
        breaker.report(false, second(0));
        assert!(matches!(breaker.gate(second(0)), Gate::Closed { .. }));
    }

    #[test]
    fn f11_replies_that_break_off_count_and_a_whole_one_begins_anew() {
        let mut breaker = Breaker::default();
        let mut begin_and_break = || {
            breaker.report(true, second(0));
            breaker.broke_off(second(0));
            breaker.gate(second(0))
        };
        assert!((0..3).all(|_| begin_and_break() == Gate::Open));
        assert!(matches!(begin_and_break(), Gate::Closed { cause: Cause::Failing, .. }));
        let mut breaker = Breaker::default();
        for _ in 0..2 {
            (0..3).for_each(|_| breaker.report(true, second(0)));
            (0..3).for_each(|_| breaker.broke_off(second(0)));
            (0..6).for_each(|_| breaker.report(true, second(0)));
            breaker.completed();
        }
        assert_eq!(breaker.gate(second(0)), Gate::Open);
    }

    #[test]
    fn f02_challenges_are_probed_with_growing_pauses() {
        let mut breaker = Breaker::default();
        breaker.challenged(second(0));
        assert!(matches!(breaker.gate(second(4)), Gate::Closed { cause: Cause::Challenge, .. }));
        assert_eq!(breaker.gate(second(5)), Gate::Probe);
        breaker.challenged(second(5));
        assert!(matches!(breaker.gate(second(14)), Gate::Closed { .. }));
        assert_eq!(breaker.gate(second(15)), Gate::Probe);
    }

    #[test]
    fn f56_a_probe_whose_client_left_does_not_close_the_gate_for_ever() {
        let mut breaker = Breaker::default();
        (0..4).for_each(|_| breaker.report(false, second(0)));
        assert_eq!(breaker.gate(second(3)), Gate::Probe);
        breaker.abandon();
        assert_eq!(breaker.gate(second(3)), Gate::Probe);
    }
}
