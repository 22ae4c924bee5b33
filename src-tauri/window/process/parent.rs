//! The program's end of the window process: starts it, passes requests on, and answers its commands.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedMutexGuard, oneshot};
use tokio_util::sync::CancellationToken;

use super::super::host::{
    EventStream, OpenRequest, SaveRequest, SecretText, SignInRequest, about_to_end, event_values,
};
use super::messages::{FromWindow, Outcome, Request, ToWindow, write_message};
use crate::disable_gl;
use cli::ACTIVATION_TOKEN_VARIABLES;
use gateway::management::{self, Control, ControlError, ErrorCode};
use storage::secrets::Secret;

/// This executable, even if a newer version has replaced its file.
const OWN_EXECUTABLE: &str = "/proc/self/exe";
/// Time that the process has to end by itself.
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Handle on the window process, which runs only while there are windows. Cheap to clone.
#[derive(Clone)]
pub(crate) struct WindowProcess(Arc<Shared>);

struct Shared {
    control: Control,
    state: tokio::sync::Mutex<ProcessState>,
    /// Held while a process runs, so that the next one finds what the previous one saved.
    running: Arc<tokio::sync::Mutex<()>>,
    next_id: AtomicU64,
}

#[derive(Default)]
struct ProcessState {
    connection: Option<Connection>,
    /// Whether the program is about to end.
    closed: bool,
}

/// Connection to a running process.
struct Connection {
    outgoing: UnboundedSender<ToWindow>,
    pending: PendingRequests,
    end: CancellationToken,
}

/// Where the outcome of a request is awaited.
type OutcomeSender = oneshot::Sender<Result<Outcome, ControlError>>;

/// The requests without an outcome, by their ids.
type PendingRequests = Arc<Mutex<HashMap<u64, OutcomeSender>>>;

impl Connection {
    /// Sends a request, whose outcome goes to `sender`. If the process has just ended, `sender` is dropped.
    fn send(&self, id: u64, request: Request, sender: OutcomeSender) -> CancelOnDrop {
        self.pending.lock().insert(id, sender);
        if self.outgoing.send(ToWindow::Request { id, request }).is_err() {
            self.pending.lock().remove(&id);
        }
        CancelOnDrop { outgoing: self.outgoing.clone(), pending: self.pending.clone(), id: Some(id) }
    }
}

impl WindowProcess {
    pub(crate) fn new(control: Control) -> Self {
        Self(Arc::new(Shared {
            control,
            state: tokio::sync::Mutex::default(),
            running: Arc::default(),
            next_id: AtomicU64::new(0),
        }))
    }

    /// Brings the main window to the front. Starts the process if it does not run.
    ///
    /// # Errors
    /// `internal`: the system offers no window. `cancelled`: the program is about to end.
    pub(crate) async fn open(&self, request: OpenRequest) -> Result<(), ControlError> {
        let token = request.activation_token.clone();
        self.request(Request::Open(request), token.as_deref()).await.map(drop)
    }

    /// Opens the sign-in window and returns the session cookie once the site sets it.
    ///
    /// # Errors
    /// `cancelled`: the window was closed first. `exists`: a sign-in window is open already.
    pub(crate) async fn sign_in(&self, request: SignInRequest) -> Result<Secret, ControlError> {
        match self.request(Request::SignIn(request), None).await? {
            Outcome::Session(SecretText(session)) => Ok(session),
            Outcome::Done | Outcome::File(_) => Err(unexpected_outcome()),
        }
    }

    /// Asks where to save a file. Returns `None` if the user cancels.
    ///
    /// # Errors
    /// `internal`: the program is about to end.
    pub(crate) async fn save_as(&self, request: SaveRequest) -> Result<Option<PathBuf>, ControlError> {
        match self.request(Request::Save(request), None).await? {
            Outcome::File(path) => Ok(path.map(PathBuf::from)),
            Outcome::Done | Outcome::Session(_) => Err(unexpected_outcome()),
        }
    }

    /// Copies text to the clipboard on behalf of a window, which on Wayland no other process may do. Returns `None` if
    /// no process runs.
    pub(crate) async fn copy(&self, text: &str) -> Option<Result<(), ControlError>> {
        self.0.state.lock().await.connection.as_ref()?;
        let request = Request::Copy(SecretText(text.to_owned().into()));
        Some(self.request(request, None).await.map(drop))
    }

    /// Closes the windows and waits until the process has ended. No other can be started afterwards.
    pub(crate) async fn close(&self) {
        {
            let mut state = self.0.state.lock().await;
            state.closed = true;
            if let Some(connection) = state.connection.take() {
                connection.end.cancel();
            }
        }
        // The process is killed after the same time, so this lock becomes free.
        let _ended = self.0.running.lock().await;
    }

    /// Sends a request and waits for its outcome. Dropping the future cancels the request.
    async fn request(&self, request: Request, token: Option<&str>) -> Result<Outcome, ControlError> {
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let (sender, outcome) = oneshot::channel();
        let mut cancel_on_drop = {
            let mut state = self.0.state.lock().await;
            if state.closed {
                return Err(about_to_end());
            }
            let connection = match state.connection.take().filter(|open| !open.outgoing.is_closed()) {
                Some(open) => open,
                None => self.start(token).await.map_err(|error| {
                    ControlError::new(ErrorCode::Internal, format!("the process cannot be started: {error}"))
                })?,
            };
            state.connection.insert(connection).send(id, request, sender)
        };
        let outcome = outcome.await;
        cancel_on_drop.id = None;
        match outcome {
            Ok(outcome) => outcome,
            Err(_) if self.0.state.lock().await.closed => Err(about_to_end()),
            Err(_) => {
                Err(ControlError::new(ErrorCode::Internal, "the process of the window ended unexpectedly"))
            }
        }
    }

    /// Starts the process and the task that serves it. Waits for the end of the previous process.
    async fn start(&self, token: Option<&str>) -> io::Result<Connection> {
        let running = self.0.running.clone().lock_owned().await;
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let stream = UnixStream::from_std(ours)?;
        let child = command(theirs, token).spawn()?;
        let (outgoing, queue) = unbounded_channel();
        let connection = Connection {
            outgoing: outgoing.clone(),
            pending: PendingRequests::default(),
            end: CancellationToken::new(),
        };
        let task = ServingTask {
            process: self.clone(),
            outgoing,
            pending: connection.pending.clone(),
            end: connection.end.clone(),
            events: None,
        };
        tokio::spawn(task.run(stream, queue, child, running));
        Ok(connection)
    }

    /// Gives up the connection if no request is waiting. Returns whether it was given up.
    async fn release(&self, outgoing: &UnboundedSender<ToWindow>) -> bool {
        let mut state = self.0.state.lock().await;
        let idle = state
            .connection
            .as_ref()
            .is_none_or(|open| !open.outgoing.same_channel(outgoing) || open.pending.lock().is_empty());
        if idle {
            state.connection.take_if(|open| open.outgoing.same_channel(outgoing));
        }
        idle
    }
}

/// The command line of the process. The socket is its standard input, so that no other process inherits it.
fn command(socket: StdUnixStream, token: Option<&str>) -> Command {
    let mut command = Command::new(OWN_EXECUTABLE);
    if let Some(name) = std::env::args_os().next() {
        command.arg0(name);
    }
    command.arg("--window-process").stdin(Stdio::from(OwnedFd::from(socket))).stdout(Stdio::null());
    // The process sets them itself, and so knows which to keep from programs that it starts.
    disable_gl::set_variables().for_each(|name| {
        command.env_remove(name);
    });
    for name in ACTIVATION_TOKEN_VARIABLES {
        match token {
            Some(token) => command.env(name, token),
            None => command.env_remove(name),
        };
    }
    command
}

fn unexpected_outcome() -> ControlError {
    ControlError::new(ErrorCode::Internal, "the window answered another request")
}

/// Cancels a request whose outcome is no longer awaited.
struct CancelOnDrop {
    outgoing: UnboundedSender<ToWindow>,
    pending: PendingRequests,
    /// `None` once there is an outcome.
    id: Option<u64>,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        self.pending.lock().remove(&id);
        // An error means that the process has ended, and the request with it.
        let _ = self.outgoing.send(ToWindow::Cancel { id });
    }
}

/// The task that serves one process.
struct ServingTask {
    process: WindowProcess,
    outgoing: UnboundedSender<ToWindow>,
    pending: PendingRequests,
    end: CancellationToken,
    events: Option<EventStream>,
}

impl ServingTask {
    /// Serves the process until it ends or is no longer needed.
    async fn run(
        mut self,
        stream: UnixStream,
        mut queue: UnboundedReceiver<ToWindow>,
        mut child: Child,
        _running: OwnedMutexGuard<()>,
    ) {
        let served = self.serve(stream, &mut queue).await;
        queue.close();
        self.pending.lock().clear();
        match tokio::time::timeout(EXIT_TIMEOUT, child.wait()).await {
            Ok(Ok(status)) if served.is_ok() && status.success() => {}
            Ok(Ok(status)) => report_end(served, status),
            Ok(Err(error)) => tracing::warn!("the end of the window's process is not known: {error}"),
            Err(_) => {
                tracing::warn!("the window's process did not end and was killed");
                let _ = child.kill().await;
            }
        }
    }

    async fn serve(&mut self, stream: UnixStream, queue: &mut UnboundedReceiver<ToWindow>) -> io::Result<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        loop {
            tokio::select! {
                () = self.end.cancelled() => return Ok(()),
                line = lines.next_line() => {
                    let Some(line) = line? else { return Err(io::ErrorKind::UnexpectedEof.into()) };
                    if self.handle(serde_json::from_str(&line)?).await {
                        return Ok(());
                    }
                }
                Some(message) = queue.recv() => write_message(&mut write, &message).await?,
                event = next_event(&mut self.events) => match event {
                    Some(event) => write_message(&mut write, &ToWindow::Event(event)).await?,
                    None => self.events = None,
                },
            }
        }
    }

    /// Handles a message. Returns whether the process is no longer needed.
    async fn handle(&mut self, message: FromWindow) -> bool {
        match message {
            FromWindow::Outcome { id, outcome } => {
                if let Some(sender) = self.pending.lock().remove(&id) {
                    // The receiver is gone if the request was cancelled.
                    drop(sender.send(outcome));
                }
            }
            FromWindow::Command { id, name, args } => {
                let (control, outgoing) = (self.process.0.control.clone(), self.outgoing.clone());
                tokio::spawn(async move {
                    let result = management::dispatch(&control, &name, args).await;
                    // An error means that the process has ended.
                    let _ = outgoing.send(ToWindow::CommandResult { id, result });
                });
            }
            FromWindow::Subscribe => self.events = Some(event_values(&self.process.0.control)),
            FromWindow::Idle => {
                self.events = None;
                return self.process.release(&self.outgoing).await;
            }
        }
        false
    }
}

/// The next event. Never completes without a stream.
async fn next_event(events: &mut Option<EventStream>) -> Option<Value> {
    match events {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}

fn report_end(served: io::Result<()>, status: ExitStatus) {
    match served {
        Ok(()) => tracing::warn!("the window's process ended with {status}"),
        Err(error) => tracing::warn!("the window's process ended unexpectedly with {status}: {error}"),
    }
}
