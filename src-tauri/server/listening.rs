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

use super::Limits;
use super::accept::accept;
use super::bind::{BindError, Bound, bind};
use super::line::Lines;

/// A server that runs. When it is dropped without [`Server::stop`], everything is cut at once.
pub struct Server {
    shared: Arc<Shared>,
    active: Mutex<Active>,
    /// One switch at a time.
    turn: Semaphore,
    open: Box<dyn Fn(Bound, Stage) + Send + Sync>,
    whole: Stage,
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

struct Active {
    addr: SocketAddr,
    stage: Stage,
}

/// What all connections share.
pub(super) struct Shared {
    pub(super) limits: Limits,
    pub(super) lines: Arc<Lines>,
    /// Every task of the server.
    pub(super) tasks: TaskTracker,
    cut: AtomicUsize,
}

impl Shared {
    pub(super) fn count_cut(&self) {
        self.cut.fetch_add(1, Ordering::Relaxed);
    }
}

/// The steps towards the end, of one listener or of the whole server. They are taken in this order:
/// `draining`: nothing is accepted, idle connections close, a running answer is the last of its connection;
/// `closing`: streams say that they end; `cut`: what is still there is closed.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) draining: CancellationToken,
    pub(super) closing: CancellationToken,
    pub(super) cut: CancellationToken,
    /// Says that the listener is closed.
    pub(super) deaf: CancellationToken,
    /// The tasks that belong to this stage.
    pub(super) tasks: TaskTracker,
}

impl Server {
    /// Serves requests on a bound port.
    ///
    /// The service finds [`super::Peer`] and [`super::Closing`] in the extensions of each request. Must be called in
    /// a tokio runtime.
    pub fn start<S, B>(bound: Bound, service: S, limits: Limits) -> Self
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let shared = Arc::new(Shared {
            limits,
            lines: Arc::default(),
            tasks: TaskTracker::new(),
            cut: AtomicUsize::new(0),
        });
        let (for_new, service) = (Arc::clone(&shared), Mutex::new(service));
        let open = move |bound, stage: Stage| {
            let (tasks, service) =
                (stage.tasks.clone(), service.lock().unwrap_or_else(PoisonError::into_inner).clone());
            let accepting = accept(bound, service, Arc::clone(&for_new), stage);
            for_new.tasks.spawn(tasks.track_future(accepting));
        };
        let whole = Stage::new(shared.tasks.clone());
        let active = Active { addr: bound.addr(), stage: whole.part() };
        open(bound, active.stage.clone());
        Self { shared, active: Mutex::new(active), turn: Semaphore::new(1), open: Box::new(open), whole }
    }

    /// Where it listens now.
    pub fn addr(&self) -> SocketAddr {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).addr
    }

    /// Open connections, idle ones included.
    pub fn connections(&self) -> usize {
        self.shared.lines.len()
    }

    /// Cancelled when the whole server's grace is nearly over: a stream that watches it sends its error event and
    /// ends. [`super::Closing`] in a request's extensions also fires when only this request's port is left.
    ///
    /// The order of an end with a grace of `g`: at once, nothing more is accepted, idle connections close and running
    /// answers become the last of their connections; at `g` less [`Limits::last_words`] this token is cancelled (at
    /// once, if the grace is shorter than that); at `g` connections that are still there are cut.
    pub fn closing(&self) -> CancellationToken {
        self.whole.closing.clone()
    }

    /// Moves to another address: takes it, lets the caller save it, answers there, and only then leaves the old one,
    /// whose running answers have [`Limits::switch_grace`] to finish. One switch at a time; others wait. The address
    /// it has already is no change and is not saved. Returns the address with its real port.
    ///
    /// # Errors
    /// The old address stays as it is.
    pub async fn switch(
        &self,
        to: SocketAddr,
        save: impl FnOnce(SocketAddr) -> Result<(), String>,
    ) -> Result<SocketAddr, SwitchError> {
        let _turn = self.turn.acquire().await.map_err(|_| SwitchError::Stopping)?;
        if to == self.addr() {
            return Ok(to);
        }
        let bound = bind(to).await?;
        let addr = bound.addr();
        if self.whole.draining.is_cancelled() {
            return Err(SwitchError::Stopping);
        }
        save(addr).map_err(SwitchError::Save)?;
        let stage = self.whole.part();
        (self.open)(bound, stage.clone());
        self.leave(self.exchange(Active { addr, stage })).await;
        Ok(addr)
    }

    /// Ends the server; see [`Server::closing`] for the order. With no grace, everything is cut at once; a second
    /// call with a shorter grace shortens a first one that runs. Afterwards no task of the server is left.
    pub async fn stop(&self, grace: Duration) -> Drained {
        self.turn.close();
        self.whole.end(grace, &self.shared.limits).await;
        Drained { cut: self.shared.cut.load(Ordering::Relaxed) }
    }

    fn exchange(&self, new: Active) -> Stage {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *active, new).stage
    }

    /// The drain of an old listener is a task of the server, so a stop waits for it and cuts it short.
    async fn leave(&self, old: Stage) {
        let (limits, deaf) = (self.shared.limits.clone(), old.deaf.clone());
        self.shared.tasks.spawn(async move { old.end(limits.switch_grace, &limits).await });
        deaf.cancelled().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.whole.draining.cancel();
        self.whole.closing.cancel();
        self.whole.cut.cancel();
    }
}

impl Stage {
    fn new(tasks: TaskTracker) -> Self {
        let token = CancellationToken::new;
        Self { draining: token(), closing: token(), cut: token(), deaf: token(), tasks }
    }

    /// A stage that ends with this one, or before it.
    fn part(&self) -> Self {
        Self {
            draining: self.draining.child_token(),
            closing: self.closing.child_token(),
            cut: self.cut.child_token(),
            deaf: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    async fn end(&self, grace: Duration, limits: &Limits) {
        let last_words = limits.last_words.min(grace);
        self.tasks.close();
        self.draining.cancel();
        let _ = tokio::time::timeout(grace - last_words, self.tasks.wait()).await;
        self.closing.cancel();
        let _ = tokio::time::timeout(last_words, self.tasks.wait()).await;
        self.cut.cancel();
        self.tasks.wait().await;
    }
}
