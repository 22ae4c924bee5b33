//! The server: what listens now, how it moves to another port, and how it ends.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

use super::ConnectionLimits;
use super::accept::accept;
use super::bind::{BindError, BoundListener, bind};
use super::connection_state::ConnectionRegistry;

/// A server that runs. When it is dropped without [`Server::stop`], everything is cut at once.
pub struct Server {
    context: Arc<ServerContext>,
    active: Mutex<ActiveListener>,
    /// One switch at a time.
    switch_lock: Semaphore,
    start_listener: Box<dyn Fn(BoundListener, DrainSignals) + Send + Sync>,
    signals: DrainSignals,
}

/// What a stop found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Answers that were cut off because the grace was over.
    pub cut: usize,
}

/// Why the port stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// The new port could not be taken.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The new port could not be saved, so it was given back.
    #[error("the new port could not be saved: {0}")]
    Save(String),
    /// The server is ending.
    #[error("the server is stopping")]
    Stopping,
}

struct ActiveListener {
    addr: SocketAddr,
    signals: DrainSignals,
}

/// What all connections share.
pub(super) struct ServerContext {
    pub(super) limits: ConnectionLimits,
    pub(super) registry: Arc<ConnectionRegistry>,
    /// Every task of the server.
    pub(super) tasks: TaskTracker,
    cut_count: AtomicUsize,
}

impl ServerContext {
    pub(super) fn count_cut(&self) {
        self.cut_count.fetch_add(1, Ordering::Relaxed);
    }
}

/// The steps towards the end, of one listener or of the whole server. They are taken in this order:
/// `draining`: nothing is accepted, idle connections close, a running answer is the last of its connection;
/// `closing`: streams say that they end; `cut`: what is still there is closed.
#[derive(Clone)]
pub(super) struct DrainSignals {
    pub(super) draining: CancellationToken,
    pub(super) closing: CancellationToken,
    pub(super) cut: CancellationToken,
    /// Says that the listener is closed.
    pub(super) listener_closed: CancellationToken,
    /// The tasks that a drain with these signals waits for.
    pub(super) tasks: TaskTracker,
}

impl Server {
    /// Serves requests on a bound port.
    ///
    /// The service finds [`super::Peer`] and [`super::Closing`] in the extensions of each request. Must be called in
    /// a tokio runtime.
    pub fn start<S, B>(bound: BoundListener, service: S, limits: ConnectionLimits) -> Self
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let context = Arc::new(ServerContext {
            limits,
            registry: Arc::default(),
            tasks: TaskTracker::new(),
            cut_count: AtomicUsize::new(0),
        });
        let (task_context, service) = (Arc::clone(&context), Mutex::new(service));
        let start_listener = move |bound, signals: DrainSignals| {
            let (tasks, service) =
                (signals.tasks.clone(), service.lock().unwrap_or_else(PoisonError::into_inner).clone());
            let accept_loop = accept(bound, service, Arc::clone(&task_context), signals);
            task_context.tasks.spawn(tasks.track_future(accept_loop));
        };
        let signals = DrainSignals::new(context.tasks.clone());
        let active = ActiveListener { addr: bound.addr(), signals: signals.child() };
        start_listener(bound, active.signals.clone());
        Self {
            context,
            active: Mutex::new(active),
            switch_lock: Semaphore::new(1),
            start_listener: Box::new(start_listener),
            signals,
        }
    }

    /// Where it listens now.
    pub fn addr(&self) -> SocketAddr {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).addr
    }

    /// Open connections, idle ones included.
    pub fn connections(&self) -> usize {
        self.context.registry.len()
    }

    /// Cancelled when the whole server's grace is nearly over: a stream that watches it sends its error event and
    /// ends. [`super::Closing`] in a request's extensions also fires when only this request's port is left.
    ///
    /// The order of an end with a grace of `g`: at once, nothing more is accepted, idle connections close and running
    /// answers end their connections; at `g` less [`ConnectionLimits::final_error_window`] this token is cancelled (at
    /// once, if the grace is shorter than that); at `g` connections that are still there are cut.
    pub fn closing(&self) -> CancellationToken {
        self.signals.closing.clone()
    }

    /// Moves to another address: takes it, lets the caller save it, answers there, and only then leaves the old one,
    /// whose answers have [`ConnectionLimits::switch_grace`] to finish. One switch at a time; others wait. The address
    /// it has already is no change and is not saved. Returns the address with its real port.
    ///
    /// # Errors
    /// The old address stays as it is.
    pub async fn switch(
        &self,
        to: SocketAddr,
        save: impl FnOnce(SocketAddr) -> Result<(), String>,
    ) -> Result<SocketAddr, SwitchError> {
        let _guard = self.switch_lock.acquire().await.map_err(|_| SwitchError::Stopping)?;
        if to == self.addr() {
            return Ok(to);
        }
        let bound = bind(to).await?;
        let addr = bound.addr();
        if self.signals.draining.is_cancelled() {
            return Err(SwitchError::Stopping);
        }
        save(addr).map_err(SwitchError::Save)?;
        let signals = self.signals.child();
        (self.start_listener)(bound, signals.clone());
        self.drain_old_listener(self.replace_active(ActiveListener { addr, signals })).await;
        Ok(addr)
    }

    /// Ends the server; see [`Server::closing`] for the order. With no grace, everything is cut at once; a second
    /// call with a shorter grace shortens a first one that runs. Afterwards no task of the server is left.
    pub async fn stop(&self, grace: Duration) -> Drained {
        self.switch_lock.close();
        self.signals.drain(grace, &self.context.limits).await;
        Drained { cut: self.context.cut_count.load(Ordering::Relaxed) }
    }

    fn replace_active(&self, new: ActiveListener) -> DrainSignals {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *active, new).signals
    }

    /// The drain of an old listener is a task of the server, so a stop waits for it and cuts it short.
    async fn drain_old_listener(&self, old_signals: DrainSignals) {
        let (limits, listener_closed) = (self.context.limits.clone(), old_signals.listener_closed.clone());
        self.context.tasks.spawn(async move { old_signals.drain(limits.switch_grace, &limits).await });
        listener_closed.cancelled().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signals.draining.cancel();
        self.signals.closing.cancel();
        self.signals.cut.cancel();
    }
}

impl DrainSignals {
    fn new(tasks: TaskTracker) -> Self {
        let token = CancellationToken::new;
        Self { draining: token(), closing: token(), cut: token(), listener_closed: token(), tasks }
    }

    /// Signals that fire with these, or before them.
    fn child(&self) -> Self {
        Self {
            draining: self.draining.child_token(),
            closing: self.closing.child_token(),
            cut: self.cut.child_token(),
            listener_closed: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    async fn drain(&self, grace: Duration, limits: &ConnectionLimits) {
        let error_window = limits.final_error_window.min(grace);
        self.tasks.close();
        self.draining.cancel();
        let _ = tokio::time::timeout(grace - error_window, self.tasks.wait()).await;
        self.closing.cancel();
        let _ = tokio::time::timeout(error_window, self.tasks.wait()).await;
        self.cut.cancel();
        self.tasks.wait().await;
    }
}
