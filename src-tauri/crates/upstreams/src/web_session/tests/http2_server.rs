//! Server like Mammouth's front end: TLS and HTTP/2, with connections that end, refuse requests or stop
//! responding.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use url::Url;

use super::tls::acceptor;

/// Reaction of the server to one request.
#[derive(Clone, Copy)]
pub(super) enum RequestAction {
    /// Sends a reply.
    Reply,
    /// Announces the end of the connection. Sends the first text of this request, and the rest when the test
    /// calls [`Http2Server::release_step`].
    HoldAndLeave,
    /// Resets only this request, before its response.
    Reset(Reason),
    /// Resets only this request after its first text, when the test calls [`Http2Server::release_step`].
    Break(Reason),
    /// Closes the whole connection with this reason.
    Away(Reason),
    /// Sends a reply and then nothing more on this connection, which stays open.
    ReplyAndFallSilent,
}

type ActionScript = Arc<dyn Fn(usize) -> RequestAction + Send + Sync>;

/// Server that ends with the test's runtime.
pub(super) struct Http2Server {
    pub(super) base: Url,
    /// Certificate authority of the server, PEM.
    pub(super) root: String,
    counts: Arc<ServerState>,
}

#[derive(Default)]
struct ServerState {
    /// Number of the connection of each request.
    connection_ids: Mutex<Vec<usize>>,
    connections: AtomicUsize,
    running: AtomicUsize,
    max_running: AtomicUsize,
    steps: StepGate,
}

struct StepGate(Semaphore);

impl Default for StepGate {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Http2Server {
    /// Starts a server. `play` returns the action for the first request, the second, and so on.
    pub(super) async fn start(play: impl Fn(usize) -> RequestAction + Send + Sync + 'static) -> Self {
        Self::with_streams(100, play).await
    }

    /// Starts a server with a limit on concurrent requests per connection.
    pub(super) async fn with_streams(
        streams: u32,
        play: impl Fn(usize) -> RequestAction + Send + Sync + 'static,
    ) -> Self {
        let (acceptor, root) = acceptor("localhost");
        let mut config = rustls::ServerConfig::clone(acceptor.config());
        config.alpn_protocols = vec![b"h2".to_vec()];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("https://localhost:{}", listener.local_addr().unwrap().port()).parse().unwrap();
        let counts = Arc::new(ServerState::default());
        let (acceptor, shared, play): (TlsAcceptor, _, ActionScript) =
            (Arc::new(config).into(), Arc::clone(&counts), Arc::new(play));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let number = shared.connections.fetch_add(1, Ordering::SeqCst);
                let (acceptor, shared, play) = (acceptor.clone(), Arc::clone(&shared), Arc::clone(&play));
                tokio::spawn(
                    async move { connection(acceptor, socket, number, streams, shared, play).await },
                );
            }
        });
        Self { base, root, counts }
    }

    /// Returns the number of the connection of each request.
    pub(super) fn connection_ids(&self) -> Vec<usize> {
        self.counts.connection_ids.lock().unwrap().clone()
    }

    /// Returns the largest number of concurrent requests.
    pub(super) fn max_concurrent_requests(&self) -> usize {
        self.counts.max_running.load(Ordering::SeqCst)
    }

    pub(super) fn release_step(&self) {
        self.counts.steps.0.add_permits(1);
    }
}

async fn connection(
    acceptor: TlsAcceptor,
    socket: TcpStream,
    number: usize,
    streams: u32,
    counts: Arc<ServerState>,
    play: ActionScript,
) {
    let Ok(socket) = acceptor.accept(socket).await else { return };
    let mut builder = h2::server::Builder::new();
    builder.max_concurrent_streams(streams);
    let Ok(mut connection) = builder.handshake::<_, Bytes>(socket).await else { return };
    let silent = Arc::new(tokio::sync::Notify::new());
    loop {
        let accepted = tokio::select! {
            accepted = connection.accept() => accepted,
            () = silent.notified() => break,
        };
        let Some(Ok((request, respond))) = accepted else { return };
        let at = {
            let mut seen = counts.connection_ids.lock().unwrap();
            seen.push(number);
            seen.len() - 1
        };
        let act = play(at);
        match act {
            RequestAction::HoldAndLeave => connection.graceful_shutdown(),
            RequestAction::Away(reason) => {
                connection.abrupt_shutdown(reason);
                continue;
            }
            RequestAction::Reply
            | RequestAction::Reset(_)
            | RequestAction::Break(_)
            | RequestAction::ReplyAndFallSilent => {}
        }
        let (counts, silent) = (Arc::clone(&counts), Arc::clone(&silent));
        tokio::spawn(async move {
            let running = counts.running.fetch_add(1, Ordering::SeqCst) + 1;
            counts.max_running.fetch_max(running, Ordering::SeqCst);
            answer(request.into_body(), respond, act, &counts).await;
            counts.running.fetch_sub(1, Ordering::SeqCst);
            if matches!(act, RequestAction::ReplyAndFallSilent) {
                silent.notify_one();
            }
        });
    }
    // The reply is being sent; then the socket stays open and is not read any more.
    let mut flushing = std::pin::pin!(connection.accept());
    let _ = futures_util::poll!(&mut flushing);
    std::future::pending::<()>().await;
}

async fn answer(
    mut body: h2::RecvStream,
    mut respond: SendResponse<Bytes>,
    act: RequestAction,
    counts: &ServerState,
) {
    while let Some(Ok(piece)) = body.data().await {
        let _ = body.flow_control().release_capacity(piece.len());
    }
    if let RequestAction::Reset(reason) = act {
        return respond.send_reset(reason);
    }
    let head =
        http::Response::builder().header("content-type", "text/plain; charset=utf-8").body(()).unwrap();
    let Ok(mut text) = respond.send_response(head, false) else { return };
    let last = !matches!(act, RequestAction::HoldAndLeave | RequestAction::Break(_));
    let _ = text.send_data(Bytes::from_static(b"Hi"), last);
    if last {
        return;
    }
    counts.steps.0.acquire().await.unwrap().forget();
    if let RequestAction::Break(reason) = act {
        text.send_reset(reason);
    } else {
        let _ = text.send_data(Bytes::from_static(b" there"), true);
    }
}
