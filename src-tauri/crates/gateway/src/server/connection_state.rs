//! State of each connection, with timestamps, for its time limits and for the connection cap.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::socket::SEND_BUFFER_BYTES;
use super::{ConnectionLimits, UnreadLimit};

/// The state of one connection.
pub(super) struct ConnectionState {
    state: Mutex<PhaseState>,
    /// Cancelled when the connection is evicted to make room for another.
    pub(super) evicted: CancellationToken,
    /// Cancelled together with `evicted`, and when the listener drains. It is the only token that a connection watches
    /// all the time.
    pub(super) shutdown_requested: CancellationToken,
}

#[derive(Clone, Copy)]
struct PhaseState {
    phase: ConnectionPhase,
    since: Instant,
    /// The time since which the peer has not read any of the bytes that wait to be sent.
    stalled_since: Option<Instant>,
    /// The size of a complete response that the peer has not read to its end.
    unread_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionPhase {
    /// No request is active.
    Idle,
    /// A part of a request head was received.
    Head,
    /// The service handles a request, or its response is being sent.
    Busy,
    /// The connection is evicted: further received bytes are ignored.
    Evicted,
}

impl ConnectionState {
    fn new(now: Instant, draining: &CancellationToken) -> Self {
        let state =
            PhaseState { phase: ConnectionPhase::Idle, since: now, stalled_since: None, unread_bytes: 0 };
        let (evicted, shutdown_requested) = (CancellationToken::new(), draining.child_token());
        Self { state: Mutex::new(state), evicted, shutdown_requested }
    }

    /// Records received bytes. Returns whether they may be processed.
    pub(super) fn record_received(&self, now: Instant) -> bool {
        let mut state = self.state();
        if state.phase == ConnectionPhase::Idle {
            (state.phase, state.since) = (ConnectionPhase::Head, now);
        }
        state.phase != ConnectionPhase::Evicted
    }

    /// Records that a request head is complete.
    pub(super) fn record_request(&self, now: Instant) {
        self.set_phase(ConnectionPhase::Busy, now);
    }

    /// Records that the response body ended or was dropped.
    pub(super) fn record_response_end(&self, now: Instant) {
        self.set_phase(ConnectionPhase::Idle, now);
    }

    /// Records progress in sending. The end of a response is often still being sent when the connection counts as idle.
    pub(super) fn record_sent(&self, now: impl FnOnce() -> Instant) {
        let mut state = self.state();
        state.stalled_since = None;
        if state.phase == ConnectionPhase::Idle {
            state.since = now();
        }
    }

    /// Records that no byte waits to be sent. While a response is in progress, more of it follows.
    pub(super) fn record_flush(&self) {
        let mut state = self.state();
        if state.phase != ConnectionPhase::Busy {
            state.unread_bytes = 0;
        }
    }

    /// Records that bytes wait and the peer does not read.
    pub(super) fn record_stall(&self, now: Instant) {
        self.state().stalled_since.get_or_insert(now);
    }

    /// The time at which the current state exceeds its limit; `None` if it has no limit.
    pub(super) fn deadline(&self, limits: &ConnectionLimits) -> Option<Instant> {
        let state = *self.state();
        match (state.stalled_since, state.phase) {
            (Some(since), _) => Some(since + limits.write_stall_timeout),
            (None, ConnectionPhase::Idle) => Some(state.since + limits.idle_timeout),
            (None, ConnectionPhase::Head) => Some(state.since + limits.header_timeout),
            (None, ConnectionPhase::Busy | ConnectionPhase::Evicted) => None,
        }
    }

    /// Whether the service handles a request or its response is being sent.
    pub(super) fn is_busy(&self) -> bool {
        let state = self.state();
        state.phase == ConnectionPhase::Busy || state.stalled_since.is_some()
    }

    /// Whether a request head was received in part.
    pub(super) fn is_reading_head(&self) -> bool {
        self.state().phase == ConnectionPhase::Head
    }

    fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.phase == ConnectionPhase::Idle && state.stalled_since.is_none()).then_some(state.since)
    }

    /// Evicts the connection, unless it is no longer idle. Returns whether it was evicted.
    fn evict(&self) -> bool {
        let mut state = self.state();
        let is_idle = state.phase == ConnectionPhase::Idle;
        if is_idle {
            state.phase = ConnectionPhase::Evicted;
            self.evicted.cancel();
            self.shutdown_requested.cancel();
        }
        is_idle
    }

    /// Ends the connection in the middle of a response. Returns the bytes that the response held.
    fn abort(&self) -> u64 {
        let mut state = self.state();
        state.phase = ConnectionPhase::Evicted;
        self.evicted.cancel();
        self.shutdown_requested.cancel();
        std::mem::take(&mut state.unread_bytes)
    }

    fn unread_bytes(&self) -> u64 {
        self.state().unread_bytes
    }

    /// The time since which the peer has not read any of a complete response.
    fn unread_since(&self) -> Option<Instant> {
        let state = self.state();
        state.stalled_since.filter(|_| state.unread_bytes > 0)
    }

    fn set_phase(&self, phase: ConnectionPhase, now: Instant) {
        let mut state = self.state();
        if state.phase != ConnectionPhase::Evicted {
            (state.phase, state.since) = (phase, now);
        }
    }

    fn state(&self) -> MutexGuard<'_, PhaseState> {
        self.state.lock()
    }
}

/// Registry of the server's connections.
#[derive(Default)]
pub(super) struct ConnectionRegistry(Mutex<RegistryEntries>);

#[derive(Default)]
struct RegistryEntries {
    next_id: u64,
    connections: HashMap<u64, Arc<ConnectionState>>,
}

impl ConnectionRegistry {
    /// Admits a connection. At the cap, the connection that has been idle longest is evicted if it was idle for at
    /// least `min_idle`.
    pub(super) fn admit(
        self: &Arc<Self>,
        cap: usize,
        min_idle: Duration,
        draining: &CancellationToken,
        now: Instant,
    ) -> Option<ConnectionPermit> {
        let mut entries = self.entries();
        if entries.connections.len() >= cap && !entries.evict_oldest(min_idle, now) {
            return None;
        }
        let id = entries.next_id;
        entries.next_id += 1;
        let state = Arc::new(ConnectionState::new(now, draining));
        entries.connections.insert(id, Arc::clone(&state));
        Some(ConnectionPermit { id, state, registry: Arc::clone(self) })
    }

    /// Evicts the connection that has been idle longest, to free its socket. Returns whether there was one.
    pub(super) fn evict_oldest(&self, now: Instant) -> bool {
        self.entries().evict_oldest(Duration::ZERO, now)
    }

    /// Records that a connection was given a complete response. Above the limit, connections whose peers do not read are
    /// ended, the one that has waited longest first.
    pub(super) fn record_complete_response(
        &self,
        state: &ConnectionState,
        bytes: u64,
        limit: UnreadLimit,
        now: Instant,
    ) {
        // A response that fits into the system's buffer is not held by this program.
        if bytes <= SEND_BUFFER_BYTES as u64 {
            return;
        }
        state.state().unread_bytes = bytes;
        let entries = self.entries();
        let mut total: u64 = entries.connections.values().map(|state| state.unread_bytes()).sum();
        while total > limit.max_bytes {
            let Some(freed) = entries.abort_longest_unread(limit.min_stall, now) else { return };
            tracing::warn!(
                bytes = freed,
                "a response was aborted: its client does not read, and unread responses hold too much memory"
            );
            total = total.saturating_sub(freed);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries().connections.len()
    }

    fn entries(&self) -> MutexGuard<'_, RegistryEntries> {
        self.0.lock()
    }
}

impl RegistryEntries {
    fn evict_oldest(&mut self, min_idle: Duration, now: Instant) -> bool {
        let idle_connections =
            self.connections.iter().filter_map(|(id, state)| Some((state.idle_since()?, *id)));
        let oldest = idle_connections.filter(|(since, _)| now.duration_since(*since) >= min_idle).min();
        let evicted = oldest.filter(|(_, id)| self.connections.get(id).is_some_and(|state| state.evict()));
        evicted.is_some_and(|(_, id)| self.connections.remove(&id).is_some())
    }

    fn abort_longest_unread(&self, min_stall: Duration, now: Instant) -> Option<u64> {
        let unread = self.connections.values().filter_map(|state| Some((state.unread_since()?, state)));
        let longest = unread.min_by_key(|(since, _)| *since);
        longest.filter(|(since, _)| now.duration_since(*since) >= min_stall).map(|(_, state)| state.abort())
    }
}

/// A connection's entry in the registry, which is removed on drop.
pub(super) struct ConnectionPermit {
    id: u64,
    pub(super) state: Arc<ConnectionState>,
    registry: Arc<ConnectionRegistry>,
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.registry.entries().connections.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn p09_each_phase_has_its_own_deadline() {
        let (limits, start) = (ConnectionLimits::default(), Instant::now());
        let state = ConnectionState::new(start, &CancellationToken::new());
        assert_eq!(state.deadline(&limits), Some(start + limits.idle_timeout));
        assert!(state.record_received(start + SECOND) && state.record_received(start + 5 * SECOND));
        assert_eq!(
            state.deadline(&limits),
            Some(start + SECOND + limits.header_timeout),
            "later bytes buy no time"
        );
        state.record_request(start + 6 * SECOND);
        assert_eq!(state.deadline(&limits), None);
        state.record_response_end(start + 7 * SECOND);
        assert_eq!(state.deadline(&limits), Some(start + 7 * SECOND + limits.idle_timeout));
    }

    #[test]
    fn f57_the_stall_timeout_runs_from_the_last_progress() {
        let (limits, start) = (ConnectionLimits::default(), Instant::now());
        let state = ConnectionState::new(start, &CancellationToken::new());
        state.record_request(start);
        state.record_stall(start + SECOND);
        state.record_stall(start + 2 * SECOND);
        assert_eq!(state.deadline(&limits), Some(start + SECOND + limits.write_stall_timeout));
        state.record_response_end(start + 3 * SECOND);
        assert!(state.is_busy() && state.idle_since().is_none(), "the end of the answer is still with us");
        state.record_sent(|| start + 4 * SECOND);
        assert_eq!(state.deadline(&limits), Some(start + 4 * SECOND + limits.idle_timeout));
    }

    #[test]
    fn f57_complete_responses_above_the_limit_end_with_the_longest_unread() {
        const MB: u64 = 1 << 20;
        let (registry, start) = (Arc::new(ConnectionRegistry::default()), Instant::now());
        let admit = || registry.admit(9, SECOND, &CancellationToken::new(), start).expect("room");
        let [moving, late, early, stream] = [admit(), admit(), admit(), admit()];
        let limit = UnreadLimit { max_bytes: 3 * MB, min_stall: 10 * SECOND };
        let respond = |permit: &ConnectionPermit, bytes, seconds| {
            registry.record_complete_response(&permit.state, bytes, limit, start + seconds * SECOND);
        };
        for (permit, bytes) in [(&moving, MB), (&late, MB), (&early, MB), (&stream, 0)] {
            permit.state.record_request(start);
            respond(permit, bytes, 0);
        }
        for (permit, seconds) in [(&stream, 1), (&early, 2), (&late, 3)] {
            permit.state.record_stall(start + seconds * SECOND);
        }
        let evicted = || [&moving, &late, &early, &stream].map(|permit| permit.state.evicted.is_cancelled());
        assert_eq!(evicted(), [false; 4]);
        respond(&stream, 64 << 10, 20);
        assert_eq!(evicted(), [false; 4], "the system's buffer takes it in");
        respond(&moving, 2 * MB, 11);
        assert_eq!(evicted(), [false; 4], "each has some time");
        respond(&moving, 2 * MB, 12);
        assert_eq!(evicted(), [false, false, true, false]);
        moving.state.record_response_end(start);
        moving.state.record_flush();
        respond(&stream, 2 * MB, 20);
        assert_eq!(evicted(), [false, false, true, false], "what was sent is held no longer");
    }

    #[test]
    fn p11_the_longest_idle_connection_is_evicted_and_a_busy_one_never() {
        let (registry, start) = (Arc::new(ConnectionRegistry::default()), Instant::now());
        let admit = |now| registry.admit(2, 2 * SECOND, &CancellationToken::new(), now);
        let first = admit(start).expect("room");
        let second = admit(start + SECOND).expect("room");
        assert!(admit(start + SECOND).is_none(), "nobody was idle long enough");
        first.state.record_request(start + SECOND);
        let third = admit(start + 3 * SECOND).expect("the second makes room");
        assert!(second.state.evicted.is_cancelled() && second.state.shutdown_requested.is_cancelled());
        assert!(!first.state.evicted.is_cancelled() && !first.state.shutdown_requested.is_cancelled());
        assert!(!second.state.record_received(start + 3 * SECOND), "a late request is not begun");
        third.state.record_request(start + 3 * SECOND);
        assert!(admit(start + 60 * SECOND).is_none());
        drop((first, second));
        assert_eq!(registry.len(), 1);
    }
}
