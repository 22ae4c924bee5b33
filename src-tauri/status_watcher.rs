//! The one task that looks at the proxy and keeps tray and notifications up to date.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::context::DesktopContext;
use super::notify::Notifier;
use super::tray::Tray;

/// The tray changes at most this often.
const MIN_UPDATE_INTERVAL: Duration = Duration::from_secs(1);
/// Without any event it is looked at this often: the time that is left of a limit passes by itself.
const MAX_UPDATE_INTERVAL: Duration = Duration::from_secs(30);

/// Goes on until the program ends.
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
        // What came meanwhile is seen with this look.
        while events.next().now_or_never().flatten().is_some() {}
    }
}
