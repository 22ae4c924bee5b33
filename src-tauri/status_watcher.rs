//! Background task that keeps tray and notifications up to date.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::context::DesktopContext;
use super::notify::Notifier;
use super::tray::Tray;

/// Minimum time between two updates of the tray.
const MIN_UPDATE_INTERVAL: Duration = Duration::from_secs(1);
/// Maximum time between two updates. Without any event, the remaining time of a limit still changes.
const MAX_UPDATE_INTERVAL: Duration = Duration::from_secs(30);

/// Runs until the program ends.
pub(super) async fn watch_status(context: DesktopContext, tray: Option<Tray>) {
    let mut events = std::pin::pin!(context.control().events());
    let mut notifier = Notifier::default();
    loop {
        let updated = Instant::now();
        if let Some(status) = context.status().await {
            if let Some(tray) = &tray {
                tray.show(&status);
            }
            notifier.notify_changes(&context, &status).await;
        }
        tokio::select! {
            () = sleep_until(updated + MAX_UPDATE_INTERVAL) => {}
            happened = events.next() => if happened.is_none() { return },
        }
        sleep_until(updated + MIN_UPDATE_INTERVAL).await;
        // Events that arrived in the meantime are covered by this update.
        while events.next().now_or_never().flatten().is_some() {}
    }
}
