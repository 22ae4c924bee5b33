//! Notifications to the service manager (sd_notify(3)). Nothing is sent unless the manager asks for them.

use std::net::SocketAddr;

/// Sends `READY=1`, and from then on `WATCHDOG=1`, if the manager asks for it, as long as the runtime works. Must be
/// called inside the runtime.
#[cfg(target_os = "linux")]
pub(crate) fn serving(address: SocketAddr) {
    use sd_notify::NotifyState;
    let status = format!("Serving on {address}");
    notify_manager(&[NotifyState::Ready, NotifyState::Status(&status)]);
    if let Some(timeout) = sd_notify::watchdog_enabled().filter(|timeout| !timeout.is_zero()) {
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(timeout / 2);
            loop {
                ticks.tick().await;
                notify_manager(&[NotifyState::Watchdog]);
            }
        });
    }
}

/// Sends `STOPPING=1`.
#[cfg(target_os = "linux")]
pub(crate) fn stopping() {
    notify_manager(&[sd_notify::NotifyState::Stopping]);
}

#[cfg(target_os = "linux")]
fn notify_manager(state: &[sd_notify::NotifyState]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn serving(_: SocketAddr) {}

#[cfg(not(target_os = "linux"))]
pub(crate) fn stopping() {}
