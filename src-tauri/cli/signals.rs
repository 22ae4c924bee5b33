//! The signals that ask a running proxy to end, which would otherwise end it without a drain.

use super::Stop;

/// SIGTERM and SIGINT: none that arrives after [`Signals::listen`] is lost.
#[cfg(unix)]
pub(super) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Must be called inside a tokio runtime.
    pub(super) fn listen() -> Result<Self, Stop> {
        use tokio::signal::unix::{SignalKind, signal};
        let terminate = signal(SignalKind::terminate()).map_err(cannot_listen)?;
        let interrupt = signal(SignalKind::interrupt()).map_err(cannot_listen)?;
        Ok(Self { terminate, interrupt })
    }

    /// Returns at the next signal.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Ctrl-C: none that arrives after [`Signals::listen`] is lost.
#[cfg(windows)]
pub(super) struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    /// Must be called inside a tokio runtime.
    pub(super) fn listen() -> Result<Self, Stop> {
        tokio::signal::windows::ctrl_c().map(Self).map_err(cannot_listen)
    }

    /// Returns at the next Ctrl-C; never where there is no console.
    pub(super) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

fn cannot_listen(error: std::io::Error) -> Stop {
    Stop::failed(format!("cannot wait for signals: {error}"))
}
