//! The way a command asks for secrets to be read again.

use tokio::sync::{mpsc, oneshot};

/// Commands that wait at the same time; more wait for their turn.
const WAITING: usize = 16;

/// Asks the one task that reads secrets. A cheap handle.
#[derive(Debug, Clone)]
pub struct Reader(mpsc::Sender<oneshot::Sender<()>>);

/// What that task is asked: read now, then drop what came.
pub type Asked = mpsc::Receiver<oneshot::Sender<()>>;

/// The two ends.
pub fn reader() -> (Reader, Asked) {
    let (ask, asked) = mpsc::channel(WAITING);
    (Reader(ask), asked)
}

impl Reader {
    /// Has everything read that is not there yet, because the user wants it now: the keychain may ask for a password.
    /// Returns at once when nothing is missing.
    pub async fn read_again(&self) {
        let (done, read) = oneshot::channel();
        if self.0.send(done).await.is_ok() {
            // The task drops its end when it has read; either way the state says what came of it.
            let _ = read.await;
        }
    }
}
