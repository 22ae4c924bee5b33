//! The signals that ask a running proxy to end, which would otherwise end it without a drain.

use std::time::Duration;

use super::{Stop, exit, out};

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

/// Ends the program so long after the first signal, whatever it computes: signals reach a runtime only while one of its
/// threads waits, so this one has a thread and a runtime of its own.
pub(super) fn end_after(deadline: Duration) -> Result<(), Stop> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot_listen)?;
    let (listening, listens) = std::sync::mpsc::channel();
    let watch = move || {
        runtime.block_on(async {
            let listened = Signals::listen();
            let ok = listening.send(listened.as_ref().map(|_| ()).map_err(|stop| stop.message.clone()));
            let (Ok(mut signals), Ok(())) = (listened, ok) else { return };
            signals.next().await;
            tokio::time::sleep(deadline).await;
            out::note("it does not come to an end by itself: ended");
            std::process::exit(i32::from(exit::FAILED));
        });
    };
    std::thread::Builder::new().name("end-deadline".to_owned()).spawn(watch).map_err(cannot_listen)?;
    listens.recv().unwrap_or(Ok(())).map_err(Stop::failed)
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    const BUSY: &str = "MAMMOUTH_TEST_BUSY";
    const READY: &str = "all threads are busy";

    /// The program of the test below: a runtime whose only thread never waits again.
    #[test]
    fn busy_program() {
        if std::env::var_os(BUSY).is_none() {
            return;
        }
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut signals = Signals::listen().ok().unwrap();
            end_after(Duration::from_millis(1)).ok().unwrap();
            let busy = tokio::spawn(async {
                out::line(READY);
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
            .args(["--exact", "cli::signals::tests::busy_program", "--nocapture"])
            .env(BUSY, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.map_while(Result::ok).any(|line| line.contains(READY));
        assert!(ready, "the program ended early");
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(i32::from(exit::FAILED)));
    }
}
