//! Signals that shut the proxy down; without a handler they would end it without a drain.

use std::time::Duration;

use super::{ExitError, exit, output};

/// SIGTERM, SIGINT and SIGHUP. None after [`Signals::listen`] is lost.
#[cfg(unix)]
pub(super) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    /// SIGHUP; `None` where the parent process ignores it, as `nohup` does.
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    /// Starts to listen for signals. Must be called inside a tokio runtime. From then on a write beyond the
    /// file size limit (`RLIMIT_FSIZE`) fails as on a full disk, instead of ending the program by a signal.
    pub(super) fn listen() -> Result<Self, ExitError> {
        use rustix::process::Signal;
        use tokio::signal::unix::{SignalKind, signal};
        // The handler stays when its receiver is dropped.
        drop(signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map_err(cannot_listen)?);
        let hangup = (!hangup_is_ignored()).then(|| signal(SignalKind::hangup()));
        let hangup = hangup.transpose().map_err(cannot_listen)?;
        let terminate = signal(SignalKind::terminate()).map_err(cannot_listen)?;
        let interrupt = signal(SignalKind::interrupt()).map_err(cannot_listen)?;
        Ok(Self { terminate, interrupt, hangup })
    }

    /// Returns at the next signal.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = receive_or_pending(self.hangup.as_mut()) => {}
        }
    }
}

/// Waits for the next of these signals; for ever where there is none.
#[cfg(unix)]
async fn receive_or_pending(signal: Option<&mut tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Whether SIGHUP was ignored at the start (proc(5), `SigIgn`); `false` where that is unknown.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // SIGHUP is signal 1, the lowest bit.
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Ctrl-C, Ctrl-Break, and the console events of a closed window, a log-off and a shutdown. None after
/// [`Signals::listen`] is lost.
#[cfg(windows)]
pub(super) struct Signals {
    ctrl_c: tokio::signal::windows::CtrlC,
    ctrl_break: tokio::signal::windows::CtrlBreak,
    close: tokio::signal::windows::CtrlClose,
    logoff: tokio::signal::windows::CtrlLogoff,
    shutdown: tokio::signal::windows::CtrlShutdown,
}

#[cfg(windows)]
impl Signals {
    /// Starts to listen for console events. Must be called inside a tokio runtime.
    pub(super) fn listen() -> Result<Self, ExitError> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};
        Ok(Self {
            ctrl_c: ctrl_c().map_err(cannot_listen)?,
            ctrl_break: ctrl_break().map_err(cannot_listen)?,
            close: ctrl_close().map_err(cannot_listen)?,
            logoff: ctrl_logoff().map_err(cannot_listen)?,
            shutdown: ctrl_shutdown().map_err(cannot_listen)?,
        })
    }

    /// Waits for the next event; for ever where there is no console.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            Some(()) = self.ctrl_c.recv() => {}
            Some(()) = self.ctrl_break.recv() => {}
            Some(()) = self.close.recv() => {}
            Some(()) = self.logoff.recv() => {}
            Some(()) = self.shutdown.recv() => {}
            else => std::future::pending().await,
        }
    }
}

fn cannot_listen(error: std::io::Error) -> ExitError {
    ExitError::failed(format!("cannot wait for signals: {error}"))
}

/// Exits the process `deadline` after the first signal even if a task blocks. A runtime receives signals only while one
/// of its threads waits, so this uses its own thread and runtime.
pub(super) fn force_exit_after(deadline: Duration) -> Result<(), ExitError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot_listen)?;
    let (ready_sender, ready_receiver) = std::sync::mpsc::channel();
    let watch = move || {
        runtime.block_on(async {
            let listened = Signals::listen();
            let ok = ready_sender.send(listened.as_ref().map(|_| ()).map_err(|stop| stop.message.clone()));
            let (Ok(mut signals), Ok(())) = (listened, ok) else { return };
            signals.next().await;
            tokio::time::sleep(deadline).await;
            output::note("it does not come to an end by itself: ended");
            std::process::exit(i32::from(exit::FAILED));
        });
    };
    std::thread::Builder::new().name("end-deadline".to_owned()).spawn(watch).map_err(cannot_listen)?;
    ready_receiver.recv().unwrap_or(Ok(())).map_err(ExitError::failed)
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    const BUSY_VARIABLE: &str = "MAMMOUTH_TEST_BUSY";
    const READY_LINE: &str = "all threads are busy";

    /// The program of the test below: a runtime whose only thread never waits again.
    #[test]
    fn busy_program() {
        if std::env::var_os(BUSY_VARIABLE).is_none() {
            return;
        }
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut signals = Signals::listen().ok().unwrap();
            force_exit_after(Duration::from_millis(1)).ok().unwrap();
            let busy = tokio::spawn(async {
                output::line(READY_LINE);
                loop {
                    std::hint::spin_loop();
                }
            });
            signals.next().await;
            busy.await.unwrap();
        });
    }

    #[test]
    fn a_signal_ends_a_program_that_never_stops_computing() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "signals::tests::busy_program", "--nocapture"])
            .env(BUSY_VARIABLE, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.map_while(Result::ok).any(|line| line.contains(READY_LINE));
        assert!(ready, "the program ended early");
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(i32::from(exit::FAILED)));
    }
}
