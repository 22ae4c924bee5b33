//! Event stream: every record of the request log, the status when it changes, and the answers of tests.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use serde::Serialize;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use super::status::{self, Status, wall_ms};
use super::{Control, ControlError, TestText};
use storage::request_log::RequestRecord;

/// Minimum time between two status events.
const MIN_STATUS_INTERVAL: Duration = Duration::from_millis(500);
/// Maximum time between two checks of the status, for changes without a notification.
const MAX_STATUS_INTERVAL: Duration = Duration::from_secs(60);

/// An event of the event stream.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum ControlEvent {
    Record(Arc<RequestRecord>),
    Status(Box<Status>),
    TestText(Arc<TestText>),
}

struct EventFeed {
    control: Control,
    records: broadcast::Receiver<Arc<RequestRecord>>,
    accounts: watch::Receiver<()>,
    changes: watch::Receiver<()>,
    test_texts: broadcast::Receiver<Arc<TestText>>,
    last: Option<Status>,
    /// Earliest time of the next status check. `None` if no check is due.
    due: Option<Instant>,
    sent: Option<Instant>,
}

impl Control {
    /// The events from now on, beginning with the status. A slow reader misses records.
    pub fn events(&self) -> impl Stream<Item = ControlEvent> + Send + use<> {
        let feed = EventFeed {
            records: self.journal.subscribe(),
            accounts: self.accounts.subscribe_changes(),
            changes: self.subscribe_changes(),
            test_texts: self.test_runs().subscribe(),
            control: self.clone(),
            last: None,
            due: Some(Instant::now()),
            sent: None,
        };
        stream::unfold(feed, |mut feed| async move { feed.next().await.map(|event| (event, feed)) })
    }

    /// The result of the command `status`.
    ///
    /// # Errors
    /// `starting`: the program does not listen yet, or no longer.
    pub fn status(&self) -> Result<Status, ControlError> {
        status::status(self)
    }
}

impl EventFeed {
    async fn next(&mut self) -> Option<ControlEvent> {
        loop {
            let wake = self.due.unwrap_or_else(|| Instant::now() + self.time_until_change());
            tokio::select! {
                record = self.records.recv() => match record {
                    Ok(record) => {
                        self.schedule_status();
                        return Some(ControlEvent::Record(record));
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => self.schedule_status(),
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                Ok(text) = self.test_texts.recv() => return Some(ControlEvent::TestText(text)),
                Ok(()) = self.accounts.changed() => self.schedule_status(),
                Ok(()) = self.changes.changed() => self.schedule_status(),
                () = tokio::time::sleep_until(wake) => {
                    self.due = None;
                    if let Some(status) = self.changed_status() {
                        return Some(ControlEvent::Status(Box::new(status)));
                    }
                }
            }
        }
    }

    /// Schedules a check of the status, no sooner than the minimum interval allows.
    fn schedule_status(&mut self) {
        let now = Instant::now();
        self.due.get_or_insert_with(|| self.sent.map_or(now, |sent| (sent + MIN_STATUS_INTERVAL).max(now)));
    }

    fn changed_status(&mut self) -> Option<Status> {
        let status = self.control.status().ok()?;
        if self.last.as_ref().is_some_and(|last| is_unchanged(last, &status)) {
            return None;
        }
        self.sent = Some(Instant::now());
        self.last = Some(status.clone());
        Some(status)
    }

    /// The time until the status changes without a notification: until the first limit ends.
    fn time_until_change(&self) -> Duration {
        let now = wall_ms(&self.control);
        let accounts = self.last.iter().flat_map(|status| &status.accounts);
        let ends = accounts.flat_map(|account| &account.limits).map(|limit| limit.until_ms);
        let left = ends.map(|end| Duration::from_millis(end.saturating_sub(now))).min();
        left.map_or(MAX_STATUS_INTERVAL, |left| left.clamp(MIN_STATUS_INTERVAL, MAX_STATUS_INTERVAL))
    }
}

/// Whether two statuses are equal apart from the remaining seconds of limits, which clients count down themselves.
fn is_unchanged(before: &Status, after: &Status) -> bool {
    let without_countdown = |status: &Status| {
        let mut status = status.clone();
        status
            .accounts
            .iter_mut()
            .flat_map(|account| &mut account.limits)
            .for_each(|limit| limit.seconds_left = 0);
        status
    };
    without_countdown(before) == without_countdown(after)
}
