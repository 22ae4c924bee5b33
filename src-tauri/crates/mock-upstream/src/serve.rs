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
use super::shared::SharedState;
use super::socket::{Socket, SocketIo};

const MAX_CONNECTIONS: usize = 4096;
/// Pause after a failed accept, so that a lack of sockets does not busy-loop.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// Number of a request's connection.
#[derive(Clone, Copy)]
pub(super) struct ConnectionNumber(pub(super) u64);

/// Accepts connections until the mock stops. There are no timeouts: the only client is this program, on
/// loopback.
pub(super) async fn accept_loop(listener: TcpListener, shared: Arc<SharedState>, tasks: TaskTracker) {
    let stop = shared.stop.clone();
    let accepting = async {
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                continue;
            };
            let number = shared.call_log.count_connection();
            let shared = Arc::clone(&shared);
            tasks.spawn(async move {
                let stop = shared.stop.clone();
                stop.run_until_cancelled(serve_connection(stream, number, shared)).await;
                drop(slot);
            });
        }
    };
    stop.run_until_cancelled(accepting).await;
}

async fn serve_connection(stream: TcpStream, number: u64, shared: Arc<SharedState>) {
    // Words are small, and without TCP_NODELAY the system would delay them.
    let _ = stream.set_nodelay(true);
    let socket = Arc::new(Socket::new(stream));
    let request_socket = Arc::clone(&socket);
    let service = service_fn(move |mut request| {
        request.extensions_mut().insert(ConnectionNumber(number));
        routes::route(Arc::clone(&shared), Arc::clone(&request_socket), request)
    });
    let wire = TokioIo::new(SocketIo(Arc::clone(&socket)));
    // An error is a client that disconnected or an injected fault; the call log has both.
    let _ = http1::Builder::new().serve_connection(wire, service).await;
    let _ = socket.write_raw_response().await;
}
