//! Channel by which commands request that secrets be read again.

use tokio::sync::{mpsc, oneshot};

/// The most requests that wait in the channel.
const MAX_WAITING_COMMANDS: usize = 16;

/// Sender to the task that reads secrets. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SecretReload(mpsc::Sender<oneshot::Sender<()>>);

/// Receiver of that task. It reads the secrets, then drops the received sender.
pub type ReloadRequests = mpsc::Receiver<oneshot::Sender<()>>;

/// Creates both ends.
pub fn reload_channel() -> (SecretReload, ReloadRequests) {
    let (sender, requests) = mpsc::channel(MAX_WAITING_COMMANDS);
    (SecretReload(sender), requests)
}

impl SecretReload {
    /// Reads every secret that is missing. The keychain may prompt for a password, as the user wants the secrets now.
    /// Returns at once if none is missing.
    pub async fn reload(&self) {
        let (done, read) = oneshot::channel();
        if self.0.send(done).await.is_ok() {
            // The task drops its end when it has read. The result is in the state of the accounts.
            let _ = read.await;
        }
    }
}
