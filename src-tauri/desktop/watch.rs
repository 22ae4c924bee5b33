//! The one task that looks at the proxy and keeps tray and notifications up to date.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::notify::Teller;
use super::shell::Shell;
use super::tray::Tray;

/// The tray changes at most this often.
const PAUSE: Duration = Duration::from_secs(1);
/// Without any event it is looked at this often: the time that is left of a limit passes by itself.
const LONGEST: Duration = Duration::from_secs(30);

/// Goes on until the program ends.
pub(super) async fn watch(shell: Shell, tray: Option<Tray>) {
    let mut events = std::pin::pin!(shell.control().events());
    let mut teller = Teller::default();
    loop {
        let looked = Instant::now();
        if let Some(seen) = shell.look().await {
            if let Some(tray) = &tray {
                tray.show(&seen);
            }
            teller.tell(&shell, &seen).await;
        }
        tokio::select! {
            () = sleep_until(looked + LONGEST) => {}
            happened = events.next() => if happened.is_none() { return },
        }
        sleep_until(looked + PAUSE).await;
        // What came meanwhile is seen with this look.
        while events.next().now_or_never().flatten().is_some() {}
    }
}
