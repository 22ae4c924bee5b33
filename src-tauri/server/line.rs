//! What each connection is doing, and since when: the ground for its time limits and for the cap over all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Limits;

/// One connection.
pub(super) struct Line {
    state: Mutex<State>,
    /// Cancelled when the connection must make room for another.
    pub(super) pushed_out: CancellationToken,
    /// Cancelled with it and when the listener drains: the one token that a connection watches all the time.
    pub(super) called_off: CancellationToken,
}

#[derive(Clone, Copy)]
struct State {
    phase: Phase,
    since: Instant,
    /// Since when the peer has taken nothing of what waits to be sent.
    stalled: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No request is under way.
    Idle,
    /// A part of a head was received.
    Head,
    /// A request is with the service, or its answer is being sent.
    Busy,
    /// Pushed out: nothing that still arrives is looked at.
    Over,
}

impl Line {
    fn new(now: Instant, draining: &CancellationToken) -> Self {
        let state = State { phase: Phase::Idle, since: now, stalled: None };
        let (pushed_out, called_off) = (CancellationToken::new(), draining.child_token());
        Self { state: Mutex::new(state), pushed_out, called_off }
    }

    /// Bytes came. Returns whether they may be looked at.
    pub(super) fn received(&self, now: Instant) -> bool {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            (state.phase, state.since) = (Phase::Head, now);
        }
        state.phase != Phase::Over
    }

    /// The head is complete.
    pub(super) fn called(&self, now: Instant) {
        self.enter(Phase::Busy, now);
    }

    /// The answer was handed over to its end, or will never be.
    pub(super) fn answered(&self, now: Instant) {
        self.enter(Phase::Idle, now);
    }

    /// The peer took bytes. The end of an answer is often still being sent when the line counts as idle.
    pub(super) fn sent(&self, now: impl FnOnce() -> Instant) {
        let mut state = self.state();
        state.stalled = None;
        if state.phase == Phase::Idle {
            state.since = now();
        }
    }

    /// Bytes wait and the peer takes none.
    pub(super) fn stalled(&self, now: Instant) {
        self.state().stalled.get_or_insert(now);
    }

    /// When the connection has used up its time, if it stays as it is.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let state = *self.state();
        match (state.stalled, state.phase) {
            (Some(since), _) => Some(since + limits.write_stall),
            (None, Phase::Idle) => Some(state.since + limits.idle_timeout),
            (None, Phase::Head) => Some(state.since + limits.header_timeout),
            (None, Phase::Busy | Phase::Over) => None,
        }
    }

    /// Whether a request is with the service or its answer under way.
    pub(super) fn is_busy(&self) -> bool {
        let state = self.state();
        state.phase == Phase::Busy || state.stalled.is_some()
    }

    /// Whether a part of a head was received and no service was asked yet.
    pub(super) fn is_reading_head(&self) -> bool {
        self.state().phase == Phase::Head
    }

    fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.phase == Phase::Idle && state.stalled.is_none()).then_some(state.since)
    }

    /// Ends the line, unless a request came in the meantime.
    fn push_out(&self) -> bool {
        let mut state = self.state();
        let idle = state.phase == Phase::Idle;
        if idle {
            state.phase = Phase::Over;
            self.pushed_out.cancel();
            self.called_off.cancel();
        }
        idle
    }

    fn enter(&self, phase: Phase, now: Instant) {
        let mut state = self.state();
        if state.phase != Phase::Over {
            (state.phase, state.since) = (phase, now);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All connections of the server.
#[derive(Default)]
pub(super) struct Lines(Mutex<Register>);

#[derive(Default)]
struct Register {
    next: u64,
    lines: HashMap<u64, Arc<Line>>,
}

impl Lines {
    /// Takes in a connection; at the cap, in the place of the one that has been idle longest, if for `spare`.
    pub(super) fn admit(
        self: &Arc<Self>,
        cap: usize,
        spare: Duration,
        draining: &CancellationToken,
        now: Instant,
    ) -> Option<Admission> {
        let mut register = self.register();
        if register.lines.len() >= cap && !register.push_out_oldest(spare, now) {
            return None;
        }
        let id = register.next;
        register.next += 1;
        let line = Arc::new(Line::new(now, draining));
        register.lines.insert(id, Arc::clone(&line));
        Some(Admission { id, line, lines: Arc::clone(self) })
    }

    /// Ends the connection that has been idle longest, to free its socket.
    pub(super) fn push_out_oldest(&self, now: Instant) -> bool {
        self.register().push_out_oldest(Duration::ZERO, now)
    }

    pub(super) fn len(&self) -> usize {
        self.register().lines.len()
    }

    fn register(&self) -> MutexGuard<'_, Register> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Register {
    fn push_out_oldest(&mut self, spare: Duration, now: Instant) -> bool {
        let idle = self.lines.iter().filter_map(|(id, line)| Some((line.idle_since()?, *id)));
        let oldest = idle.filter(|(since, _)| now.duration_since(*since) >= spare).min();
        let pushed = oldest.filter(|(_, id)| self.lines.get(id).is_some_and(|line| line.push_out()));
        pushed.is_some_and(|(_, id)| self.lines.remove(&id).is_some())
    }
}

/// A connection's place; leaving scope gives it back.
pub(super) struct Admission {
    id: u64,
    pub(super) line: Arc<Line>,
    lines: Arc<Lines>,
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.lines.register().lines.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn p09_each_phase_has_its_own_deadline() {
        let (limits, start) = (Limits::default(), Instant::now());
        let line = Line::new(start, &CancellationToken::new());
        assert_eq!(line.deadline(&limits), Some(start + limits.idle_timeout));
        assert!(line.received(start + SECOND) && line.received(start + 5 * SECOND));
        assert_eq!(
            line.deadline(&limits),
            Some(start + SECOND + limits.header_timeout),
            "later bytes buy no time"
        );
        line.called(start + 6 * SECOND);
        assert_eq!(line.deadline(&limits), None);
        line.answered(start + 7 * SECOND);
        assert_eq!(line.deadline(&limits), Some(start + 7 * SECOND + limits.idle_timeout));
    }

    #[test]
    fn f57_a_peer_has_time_from_its_last_progress() {
        let (limits, start) = (Limits::default(), Instant::now());
        let line = Line::new(start, &CancellationToken::new());
        line.called(start);
        line.stalled(start + SECOND);
        line.stalled(start + 2 * SECOND);
        assert_eq!(line.deadline(&limits), Some(start + SECOND + limits.write_stall));
        line.answered(start + 3 * SECOND);
        assert!(line.is_busy() && line.idle_since().is_none(), "the end of the answer is still with us");
        line.sent(|| start + 4 * SECOND);
        assert_eq!(line.deadline(&limits), Some(start + 4 * SECOND + limits.idle_timeout));
    }

    #[test]
    fn p11_the_longest_idle_line_makes_room_and_a_busy_one_never() {
        let (lines, start) = (Arc::new(Lines::default()), Instant::now());
        let admit = |now| lines.admit(2, 2 * SECOND, &CancellationToken::new(), now);
        let first = admit(start).expect("room");
        let second = admit(start + SECOND).expect("room");
        assert!(admit(start + SECOND).is_none(), "nobody was idle long enough");
        first.line.called(start + SECOND);
        let third = admit(start + 3 * SECOND).expect("the second makes room");
        assert!(second.line.pushed_out.is_cancelled() && second.line.called_off.is_cancelled());
        assert!(!first.line.pushed_out.is_cancelled() && !first.line.called_off.is_cancelled());
        assert!(!second.line.received(start + 3 * SECOND), "a late request is not begun");
        third.line.called(start + 3 * SECOND);
        assert!(admit(start + 60 * SECOND).is_none());
        drop((first, second));
        assert_eq!(lines.len(), 1);
    }
}
