//! The accept loop.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tower_service::Service;

use super::bind::BoundListener;
use super::connection;
use super::connection_state::ConnectionPermit;
use super::fd_limit::{connection_cap, refusal_cap};
use super::lifecycle::{DrainSignals, ServerContext};
use super::socket::configure;
use super::tracked_body::ConnectionService;
use super::{Closing, Peer, ResponseBody, plain_response};

/// The delay before the next accept when the system has no more sockets.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// The most connections that are answered with 503 at the same time. Further connections are closed without a response.
const MAX_CONCURRENT_REFUSALS: usize = 64;

/// Accepts connections until the drain begins. Each connection runs in a task of its own.
pub(super) async fn accept<S, B>(
    bound: BoundListener,
    service: S,
    context: Arc<ServerContext>,
    signals: DrainSignals,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: ResponseBody,
{
    let refusals = Arc::new(Semaphore::new(MAX_CONCURRENT_REFUSALS));
    while let Some(accepted) = signals.draining.run_until_cancelled(bound.listener.accept()).await {
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                handle_accept_error(&error, &context, &signals).await;
                continue;
            }
        };
        configure(&socket, peer);
        let cap = connection_cap(context.limits.max_connections);
        match context.registry.admit(
            cap,
            context.limits.min_idle_before_eviction,
            &signals.draining,
            Instant::now(),
        ) {
            Some(permit) => spawn_connection(socket, peer, service.clone(), &context, &signals, permit),
            None => refuse_connection(socket, &refusals, &context, &signals),
        }
    }
    drop(bound);
    signals.listener_closed.cancel();
}

/// Handles an error of `accept`. An error of one connection does not affect the others. Without free sockets the next
/// accept would fail at once, so the longest idle connection is evicted and the loop waits.
async fn handle_accept_error(error: &io::Error, context: &ServerContext, signals: &DrainSignals) {
    if is_connection_error(error) {
        return;
    }
    tracing::warn!(%error, "cannot accept connections for the moment");
    context.registry.evict_oldest(Instant::now());
    let _ = signals.draining.run_until_cancelled(tokio::time::sleep(ACCEPT_RETRY_DELAY)).await;
}

fn is_connection_error(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    [ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted].contains(&error.kind())
}

fn spawn_connection<S, B>(
    socket: TcpStream,
    peer: SocketAddr,
    service: S,
    context: &Arc<ServerContext>,
    signals: &DrainSignals,
    permit: ConnectionPermit,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: ResponseBody,
{
    let connection_service = ConnectionService {
        service,
        state: Arc::clone(&permit.state),
        registry: Arc::clone(&context.registry),
        unread: context.limits.unread,
        peer: Peer(peer),
        closing: Closing(signals.closing.clone()),
    };
    let (task_context, task_signals) = (Arc::clone(context), signals.clone());
    let task = async move {
        if connection::serve(socket, connection_service, &task_context.limits, &task_signals, permit).await {
            task_context.count_cut();
        }
    };
    context.tasks.spawn(signals.tasks.track_future(task));
}

fn refuse_connection(
    mut socket: TcpStream,
    refusals: &Arc<Semaphore>,
    context: &ServerContext,
    signals: &DrainSignals,
) {
    if MAX_CONCURRENT_REFUSALS - refusals.available_permits() >= refusal_cap(MAX_CONCURRENT_REFUSALS) {
        return;
    }
    let Ok(permit) = Arc::clone(refusals).try_acquire_owned() else { return };
    let (draining, linger_timeout) = (signals.draining.clone(), context.limits.linger_timeout);
    context.tasks.spawn(signals.tasks.track_future(async move {
        let _ = draining
            .run_until_cancelled(tokio::time::timeout(linger_timeout, send_too_many_connections(&mut socket)))
            .await;
        drop(permit);
    }));
}

/// Sends the 503 and reads the request to its end: closing a socket with unread bytes resets the connection, and the
/// peer would lose the response.
async fn send_too_many_connections(socket: &mut TcpStream) -> io::Result<()> {
    socket.write_all(&plain_response::too_many_connections()).await?;
    socket.shutdown().await?;
    let mut rest = vec![0; 4096];
    while socket.read(&mut rest).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f38_only_errors_of_one_connection_are_not_delayed() {
        assert!(is_connection_error(&io::ErrorKind::ConnectionAborted.into()));
        // EMFILE
        assert!(!is_connection_error(&io::Error::from_raw_os_error(24)));
    }
}
