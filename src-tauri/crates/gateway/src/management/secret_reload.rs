//! The way a command asks for secrets to be read again.

use tokio::sync::{mpsc, oneshot};

/// Commands that wait at the same time; more wait for their turn.
const MAX_WAITING_COMMANDS: usize = 16;

/// Asks the one task that reads secrets. A cheap handle.
#[derive(Debug, Clone)]
pub struct SecretReload(mpsc::Sender<oneshot::Sender<()>>);

/// What that task is asked: read now, then drop what came.
pub type ReloadRequests = mpsc::Receiver<oneshot::Sender<()>>;

/// The two ends.
pub fn reload_channel() -> (SecretReload, ReloadRequests) {
    let (sender, requests) = mpsc::channel(MAX_WAITING_COMMANDS);
    (SecretReload(sender), requests)
}

impl SecretReload {
    /// Has everything read that is not there yet, because the user wants it now: the keychain may ask for a password.
    /// Returns at once when nothing is missing.
    pub async fn reload(&self) {
        let (done, read) = oneshot::channel();
        if self.0.send(done).await.is_ok() {
            // The task drops its end when it has read; either way the state says what came of it.
            let _ = read.await;
        }
    }
}
