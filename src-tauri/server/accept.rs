//! The accept loop.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tower_service::Service;

use super::answer::Announced;
use super::bind::Bound;
use super::connection;
use super::files::{connections_that_fit, refusals_that_fit};
use super::line::Admission;
use super::listening::{Shared, Stage};
use super::socket::prepare;
use super::{Closing, Peer, plain_response};

/// The pause when the system has no more sockets for us.
const NO_SOCKETS: Duration = Duration::from_millis(100);

/// How many can be told at the same time that the house is full; others are just closed.
const MAX_REFUSING: usize = 64;

/// Accepts connections until the stage drains; each lives in a task of its own.
pub(super) async fn accept<S, B>(bound: Bound, service: S, shared: Arc<Shared>, stage: Stage)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let refusing = Arc::new(Semaphore::new(MAX_REFUSING));
    while let Some(accepted) = stage.draining.run_until_cancelled(bound.listener.accept()).await {
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                recover(&error, &shared, &stage).await;
                continue;
            }
        };
        prepare(&socket, peer);
        let cap = connections_that_fit(shared.limits.max_connections);
        match shared.lines.admit(cap, shared.limits.spare, &stage.draining, Instant::now()) {
            Some(place) => spawn(socket, peer, service.clone(), &shared, &stage, place),
            None => refuse(socket, &refusing, &shared, &stage),
        }
    }
    drop(bound);
    stage.deaf.cancel();
}

/// An error of one connection concerns nobody else. Without sockets, the next call would fail at once again and
/// again, so an idle connection gives up its own and we wait a little.
async fn recover(error: &io::Error, shared: &Shared, stage: &Stage) {
    if is_of_one_connection(error) {
        return;
    }
    tracing::warn!(%error, "cannot accept connections for the moment");
    shared.lines.push_out_oldest(Instant::now());
    let _ = stage.draining.run_until_cancelled(tokio::time::sleep(NO_SOCKETS)).await;
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    [ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted].contains(&error.kind())
}

fn spawn<S, B>(
    socket: TcpStream,
    peer: SocketAddr,
    service: S,
    shared: &Arc<Shared>,
    stage: &Stage,
    place: Admission,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let announced = Announced {
        service,
        line: Arc::clone(&place.line),
        peer: Peer(peer),
        closing: Closing(stage.closing.clone()),
    };
    let (shared_by_task, stage_of_task) = (Arc::clone(shared), stage.clone());
    let task = async move {
        if connection::serve(socket, announced, &shared_by_task.limits, &stage_of_task, place).await {
            shared_by_task.count_cut();
        }
    };
    shared.tasks.spawn(stage.tasks.track_future(task));
}

fn refuse(mut socket: TcpStream, refusing: &Arc<Semaphore>, shared: &Shared, stage: &Stage) {
    if MAX_REFUSING - refusing.available_permits() >= refusals_that_fit(MAX_REFUSING) {
        return;
    }
    let Ok(permit) = Arc::clone(refusing).try_acquire_owned() else { return };
    let (draining, time) = (stage.draining.clone(), shared.limits.farewell);
    shared.tasks.spawn(stage.tasks.track_future(async move {
        let _ = draining.run_until_cancelled(tokio::time::timeout(time, tell_full(&mut socket))).await;
        drop(permit);
    }));
}

/// The peer's request is read to its end, or closing would take the answer back.
async fn tell_full(socket: &mut TcpStream) -> io::Result<()> {
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
    fn f38_only_errors_of_one_connection_go_without_a_pause() {
        assert!(is_of_one_connection(&io::ErrorKind::ConnectionAborted.into()));
        // EMFILE
        assert!(!is_of_one_connection(&io::Error::from_raw_os_error(24)));
    }
}
