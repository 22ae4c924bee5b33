//! Main function of the window process.

use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use serde_json::Value;
use tauri::{AppHandle, Manager, RunEvent, WindowEvent};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::super::host::{self, EventStream, ManagementApi, SecretText, WindowHost, with_windows};
use super::messages::{FromWindow, Outcome, Request, ToWindow, write_message};
use crate::{Error, clipboard, disable_gl, display};
use gateway::management::{BoxFuture, ControlError, ErrorCode};
use storage::secrets::ExposeSecret;

/// Name of the process in lists of processes, which otherwise show the name of the file that was executed.
const PROCESS_NAME: &std::ffi::CStr = c"mammouth-window";

/// Runs the window process until the program closes the connection.
///
/// # Errors
/// The standard input is no socket, or the system offers no window.
pub(crate) fn run() -> Result<(), Error> {
    disable_gl::disable_opengl();
    display::check()?;
    // Without it the process works, under another name.
    let _ = rustix::thread::set_name(PROCESS_NAME);
    let socket = own_socket().map_err(|error| Error::Window(error.into()))?;
    let program = Program::default();
    let app = with_windows(tauri::Builder::default())
        .setup(move |app| {
            let host = WindowHost::new(app.handle().clone(), Box::new(program.clone()));
            app.manage(host.clone());
            app.manage(program.clone());
            tauri::async_runtime::spawn(async move {
                if let Err(error) = program.serve(&host, socket).await {
                    tracing::warn!("the connection to the program broke: {error}");
                }
                host.close().await;
                host.app().exit(0);
            });
            Ok(())
        })
        .build(crate::tauri_context())?;
    app.run_return(handle_event);
    Ok(())
}

/// The socket that the program gave this process as its standard input.
fn own_socket() -> io::Result<StdUnixStream> {
    let socket = StdUnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn handle_event(app: &AppHandle, event: RunEvent) {
    host::handle_event(app, &event);
    if let RunEvent::WindowEvent { event: WindowEvent::Destroyed, .. } = event {
        app.state::<Program>().report_if_idle(app);
    }
    // The program decides when the process ends.
    if let RunEvent::ExitRequested { code: None, api, .. } = event {
        api.prevent_exit();
    }
}

/// Handle on the connection to the program. Cheap to clone.
#[derive(Clone, Default)]
struct Program(Arc<Connection>);

#[derive(Default)]
struct Connection {
    outgoing: OnceLock<UnboundedSender<FromWindow>>,
    next_id: AtomicU64,
    /// Commands of the page that wait for their results.
    commands: Mutex<HashMap<u64, oneshot::Sender<Result<Value, ControlError>>>>,
    /// Requests of the program that are being carried out.
    requests: Mutex<HashMap<u64, AbortHandle>>,
    /// The page's listener.
    listener: Mutex<Option<UnboundedSender<Value>>>,
    /// Number of texts that the clipboard takes from this process.
    copied_texts: AtomicUsize,
}

impl Program {
    /// Carries out the program's requests until it closes the connection.
    async fn serve(&self, host: &WindowHost, socket: StdUnixStream) -> io::Result<()> {
        let (read, write) = UnixStream::from_std(socket)?.into_split();
        let (outgoing, queue) = unbounded_channel();
        // Set once; this function is called once.
        let _ = self.0.outgoing.set(outgoing);
        tokio::spawn(write_all(write, queue));
        let mut lines = BufReader::new(read).lines();
        while let Some(line) = lines.next_line().await? {
            self.handle(host, serde_json::from_str(&line)?);
        }
        Ok(())
    }

    fn handle(&self, host: &WindowHost, message: ToWindow) {
        match message {
            ToWindow::Request { id, request } => {
                let (program, host) = (self.clone(), host.clone());
                // Locked until the task is in the map, from which it removes itself.
                let mut requests = self.0.requests.lock();
                let task = tokio::spawn(async move {
                    let outcome = program.carry_out(&host, request).await;
                    program.0.requests.lock().remove(&id);
                    program.send(FromWindow::Outcome { id, outcome });
                    program.report_if_idle(host.app());
                });
                requests.insert(id, task.abort_handle());
            }
            ToWindow::Cancel { id } => {
                if let Some(task) = self.0.requests.lock().remove(&id) {
                    task.abort();
                }
                self.report_if_idle(host.app());
            }
            ToWindow::CommandResult { id, result } => {
                if let Some(sender) = self.0.commands.lock().remove(&id) {
                    // The receiver is gone if the page is.
                    drop(sender.send(result));
                }
            }
            ToWindow::Event(event) => {
                if let Some(listener) = &*self.0.listener.lock() {
                    // The receiver is gone if the page is.
                    let _ = listener.send(event);
                }
            }
        }
    }

    async fn carry_out(&self, host: &WindowHost, request: Request) -> Result<Outcome, ControlError> {
        match request {
            Request::Open(request) => host.open(request).await.map(|()| Outcome::Done),
            Request::SignIn(request) => {
                host.sign_in(request).await.map(|session| Outcome::Session(SecretText(session)))
            }
            Request::Save(request) => {
                let path = host.save_as(request).await?;
                let text = path.map(|path| path.into_os_string().into_string()).transpose();
                text.map(Outcome::File).map_err(|_| {
                    ControlError::new(ErrorCode::FileNotSaved, "the name of the file is not valid Unicode")
                })
            }
            Request::Copy(SecretText(text)) => {
                let owner = CopiedText::new(self.clone(), host.app().clone());
                clipboard::copy_as_owner(host.app(), text.expose_secret().to_owned(), owner)
                    .await
                    .map(|()| Outcome::Done)
            }
        }
    }

    fn send(&self, message: FromWindow) {
        if let Some(outgoing) = self.0.outgoing.get() {
            // An error means that the connection is closed, and the process about to end.
            let _ = outgoing.send(message);
        }
    }

    /// Tells the program that the process is no longer needed, if that is so.
    fn report_if_idle(&self, app: &AppHandle) {
        let is_idle = app.webview_windows().is_empty()
            && self.0.requests.lock().is_empty()
            && self.0.copied_texts.load(Ordering::Relaxed) == 0;
        if is_idle {
            self.send(FromWindow::Idle);
        }
    }
}

/// Writes the messages of the process in their order.
async fn write_all(mut socket: OwnedWriteHalf, mut queue: UnboundedReceiver<FromWindow>) {
    while let Some(message) = queue.recv().await {
        if write_message(&mut socket, &message).await.is_err() {
            // The reading end finds out too, and ends the process.
            return;
        }
    }
}

impl ManagementApi for Program {
    fn run_command(&self, name: String, args: Value) -> BoxFuture<'_, Result<Value, ControlError>> {
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let (sender, result) = oneshot::channel();
        self.0.commands.lock().insert(id, sender);
        self.send(FromWindow::Command { id, name, args });
        Box::pin(async move {
            result.await.unwrap_or_else(|_| {
                Err(ControlError::new(ErrorCode::Internal, "the program is about to end"))
            })
        })
    }

    fn events(&self) -> EventStream {
        let (sender, receiver) = unbounded_channel();
        *self.0.listener.lock() = Some(sender);
        self.send(FromWindow::Subscribe);
        Box::pin(futures_util::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|event| (event, receiver))
        }))
    }
}

/// Text that the clipboard takes from this process until another program copies something. Until then the process must
/// not end.
pub(crate) struct CopiedText {
    program: Program,
    app: AppHandle,
}

impl CopiedText {
    fn new(program: Program, app: AppHandle) -> Self {
        program.0.copied_texts.fetch_add(1, Ordering::Relaxed);
        Self { program, app }
    }
}

impl Drop for CopiedText {
    fn drop(&mut self) {
        self.program.0.copied_texts.fetch_sub(1, Ordering::Relaxed);
        self.program.report_if_idle(&self.app);
    }
}
