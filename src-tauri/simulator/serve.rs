//! The accept loop and the connections.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::routes;
use super::shared::Shared;
use super::wire::{Socket, Wire};

const MAX_CONNECTIONS: usize = 4096;
/// When the system has no socket to give, trying again at once would only burn the processor.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

/// The number of the connection that a request came over.
#[derive(Clone, Copy)]
pub(super) struct Connection(pub(super) u64);

/// Serves until the simulator stops. Without timers: its only client is this program, on loopback.
pub(super) async fn accept_loop(listener: TcpListener, shared: Arc<Shared>, tasks: TaskTracker) {
    let stop = shared.stop.clone();
    let accepting = async {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                continue;
            };
            let number = shared.record.connected();
            let shared = Arc::clone(&shared);
            tasks.spawn(async move {
                let stop = shared.stop.clone();
                stop.run_until_cancelled(connection(stream, number, shared)).await;
                drop(place);
            });
        }
    };
    stop.run_until_cancelled(accepting).await;
}

async fn connection(stream: TcpStream, number: u64, shared: Arc<Shared>) {
    // Words are small, and each is to leave at once. Without it they would only come later.
    let _ = stream.set_nodelay(true);
    let socket = Arc::new(Socket::new(stream));
    let beside = Arc::clone(&socket);
    let service = service_fn(move |mut request| {
        request.extensions_mut().insert(Connection(number));
        routes::route(Arc::clone(&shared), Arc::clone(&beside), request)
    });
    let wire = TokioIo::new(Wire(Arc::clone(&socket)));
    // An error is a client that left or a fault that was asked for; both are in the record.
    let _ = http1::Builder::new().serve_connection(wire, service).await;
    let _ = socket.write_raw().await;
}
