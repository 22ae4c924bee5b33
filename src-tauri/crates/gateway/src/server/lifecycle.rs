//! The server: start, switch of the port, and drain.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

use super::accept::accept;
use super::bind::{BindError, BoundListener, bind};
use super::connection_state::ConnectionRegistry;
use super::{ConnectionLimits, ResponseBody};

/// A running server. If it is dropped without [`Server::stop`], all connections are cut at once.
pub struct Server {
    context: Arc<ServerContext>,
    active: Mutex<ActiveListener>,
    /// Allows one port switch at a time.
    switch_lock: Semaphore,
    start_listener: Box<dyn Fn(BoundListener, DrainSignals) + Send + Sync>,
    signals: DrainSignals,
}

/// The result of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// The number of responses that were cut off at the end of the grace period.
    pub cut: usize,
}

/// Reason why a port switch failed.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// The new port could not be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The new port could not be saved. It was released again.
    #[error("the new port could not be saved: {0}")]
    Save(String),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

struct ActiveListener {
    addr: SocketAddr,
    signals: DrainSignals,
}

/// The state that all connections share.
pub(super) struct ServerContext {
    pub(super) limits: ConnectionLimits,
    pub(super) registry: Arc<ConnectionRegistry>,
    /// Tracker of the server's tasks.
    pub(super) tasks: TaskTracker,
    cut_count: AtomicUsize,
}

impl ServerContext {
    pub(super) fn count_cut(&self) {
        self.cut_count.fetch_add(1, Ordering::Relaxed);
    }
}

/// The steps of a drain, of one listener or of the whole server, in this order:
/// - `draining`: nothing is accepted, idle connections close, and connections close after their running response.
/// - `closing`: streams send their error event and end.
/// - `cut`: the remaining connections are cut.
#[derive(Clone)]
pub(super) struct DrainSignals {
    pub(super) draining: CancellationToken,
    pub(super) closing: CancellationToken,
    pub(super) cut: CancellationToken,
    /// Cancelled once the listening socket is closed.
    pub(super) listener_closed: CancellationToken,
    /// The tasks for which a drain with these signals waits.
    pub(super) tasks: TaskTracker,
}

impl Server {
    /// Starts to serve requests on a bound port.
    ///
    /// Each request has the extensions [`super::Peer`] and [`super::Closing`]. Must be called within a tokio runtime.
    pub fn start<S, B>(bound: BoundListener, service: S, limits: ConnectionLimits) -> Self
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
        B: ResponseBody,
    {
        let context = Arc::new(ServerContext {
            limits,
            registry: Arc::default(),
            tasks: TaskTracker::new(),
            cut_count: AtomicUsize::new(0),
        });
        let (task_context, service) = (Arc::clone(&context), Mutex::new(service));
        let start_listener = move |bound, signals: DrainSignals| {
            let (tasks, service) = (signals.tasks.clone(), service.lock().clone());
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

    /// The address of the active listener.
    pub fn addr(&self) -> SocketAddr {
        self.active.lock().addr
    }

    /// The number of open connections, including idle ones.
    pub fn connections(&self) -> usize {
        self.context.registry.len()
    }

    /// Cancelled shortly before the end of the whole server's grace period. A stream that watches the token sends its
    /// error event and ends. [`super::Closing`] in a request's extensions is also cancelled when only the request's
    /// listener is drained.
    ///
    /// The steps of a stop with the grace period `g`:
    /// - At once: nothing more is accepted, idle connections close, and connections close after their running response.
    /// - At `g` less [`ConnectionLimits::final_error_window`], or at once if `g` is shorter than that: this token is
    ///   cancelled.
    /// - At `g`: the remaining connections are cut.
    pub fn closing(&self) -> CancellationToken {
        self.signals.closing.clone()
    }

    /// Switches to another address: binds the address, lets the caller save it, serves on it, and then drains the old
    /// listener with the grace period [`ConnectionLimits::switch_grace`]. Concurrent switches run one after the other.
    /// The current address is neither bound again nor saved. Returns the address with its real port.
    ///
    /// # Errors
    /// [`SwitchError`]; the server still listens on the old address.
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

    /// Stops the server; see [`Server::closing`] for the steps. With a grace period of zero all connections are cut at
    /// once. A second call with a shorter grace period shortens a running stop. On return all tasks of the server have
    /// ended.
    pub async fn stop(&self, grace: Duration) -> Drained {
        self.switch_lock.close();
        self.signals.drain(grace, &self.context.limits).await;
        Drained { cut: self.context.cut_count.load(Ordering::Relaxed) }
    }

    fn replace_active(&self, new: ActiveListener) -> DrainSignals {
        let mut active = self.active.lock();
        std::mem::replace(&mut *active, new).signals
    }

    /// Drains an old listener in a task of the server, so that a stop waits for the drain and can cut it short.
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

    /// Signals that are cancelled with these, or earlier.
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
