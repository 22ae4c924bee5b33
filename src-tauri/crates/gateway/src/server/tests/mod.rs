//! The server over real sockets, with a test service whose responses wait for a signal of the test.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::*;

mod limits;
mod protocol;
mod switching;

const HOUR: Duration = Duration::from_secs(3600);
/// Longer than the final error window.
const LONG_GRACE: Duration = Duration::from_secs(2 * 3600);
const SHORT_TIMEOUT: Duration = Duration::from_millis(30);

/// Limits that no test reaches unless it sets them.
fn generous_limits() -> ConnectionLimits {
    ConnectionLimits {
        header_timeout: HOUR,
        idle_timeout: HOUR,
        write_stall_timeout: HOUR,
        unread: unread(u64::MAX),
        max_connections: 1024,
        min_idle_before_eviction: Duration::ZERO,
        linger_timeout: HOUR,
        final_error_window: HOUR,
        switch_grace: LONG_GRACE,
    }
}

fn unread(max_bytes: u64) -> UnreadLimit {
    UnreadLimit { max_bytes, min_stall: Duration::ZERO }
}

/// A piece of the endless stream.
const PIECE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// The size of `/big`, in bytes; no buffer of the system holds it.
const BIG: usize = 8 << 20;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Responds by path, and records the requested paths.
#[derive(Clone)]
struct TestService {
    /// `/held` responds, and `/stream` ends, when a permit is added.
    release: Arc<Semaphore>,
    /// One permit for each dropped body of `/endless`.
    dropped_bodies: Arc<Semaphore>,
    /// The bytes that bodies of `/endless` have produced.
    produced: Arc<AtomicUsize>,
    requests: watch::Sender<Vec<String>>,
}

impl TestService {
    fn new() -> Self {
        Self {
            release: Arc::new(Semaphore::new(0)),
            dropped_bodies: Arc::new(Semaphore::new(0)),
            produced: Arc::default(),
            requests: watch::Sender::default(),
        }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.borrow().clone()
    }

    async fn wait_for_request(&self, path: &str) {
        let mut requests = self.requests.subscribe();
        with_timeout(requests.wait_for(|requests| requests.iter().any(|it| it == path)))
            .await
            .expect("we hold the sender");
    }

    async fn respond(self, request: Request<Incoming>) -> Response<Body> {
        let closing = request.extensions().get::<Closing>().expect("set by the server").0.clone();
        let peer = request.extensions().get::<Peer>().expect("set by the server").0;
        match request.uri().path() {
            "/peer" => full_response(peer.to_string()),
            "/echo" => match request.into_body().collect().await {
                Ok(body) => Response::new(Full::new(body.to_bytes()).boxed_unsync()),
                Err(_) => full_response("broken body".to_owned()),
            },
            "/held" => {
                self.release.acquire().await.expect("open").forget();
                full_response("held".to_owned())
            }
            "/stream" => streaming_response(move |index| {
                let (release, closing) = (Arc::clone(&self.release), closing.clone());
                async move {
                    match index {
                        0 => Some("first"),
                        1 => tokio::select! {
                            () = closing.cancelled() => Some("interrupted"),
                            permit = release.acquire() => { permit.expect("open").forget(); Some("last") }
                        },
                        _ => None,
                    }
                }
            }),
            "/stalled" => streaming_response(|index| async move {
                if index > 0 {
                    std::future::pending::<()>().await;
                }
                Some("first")
            }),
            "/endless" => {
                let drop_signal = DropSignal(Arc::clone(&self.dropped_bodies));
                streaming_response(move |_| {
                    let _ = &drop_signal;
                    self.produced.fetch_add(PIECE.len(), Ordering::Relaxed);
                    ready(Some(PIECE))
                })
            }
            "/big" => full_response("x".repeat(BIG)),
            path => full_response(format!("hello {path}")),
        }
    }
}

struct DropSignal(Arc<Semaphore>);

impl Drop for DropSignal {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

fn full_response(text: String) -> Response<Body> {
    Response::new(Full::from(text).boxed_unsync())
}

fn streaming_response<F>(mut part: impl FnMut(usize) -> F + Send + 'static) -> Response<Body>
where
    F: Future<Output = Option<&'static str>> + Send + 'static,
{
    let parts = futures_util::stream::unfold(0, move |index| {
        let next = part(index);
        async move { Some((Ok(Frame::data(Bytes::from_static(next.await?.as_bytes()))), index + 1)) }
    });
    Response::new(StreamBody::new(parts).boxed_unsync())
}

impl tower_service::Service<Request<Incoming>> for TestService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        self.requests.send_modify(|requests| requests.push(request.uri().to_string()));
        let response = self.clone().respond(request);
        Box::pin(async move { Ok(response.await) })
    }
}

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

async fn start(limits: ConnectionLimits) -> (Server, TestService) {
    let service = TestService::new();
    let bound = bind(loopback()).await.expect("a free port");
    (Server::start(bound, service.clone(), limits), service)
}

/// Fails a test that would otherwise wait forever.
async fn with_timeout<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("takes far too long")
}

/// A raw client that sends exactly the given bytes.
struct TestClient(TcpStream);

impl TestClient {
    async fn connect(addr: SocketAddr) -> Self {
        Self(TcpStream::connect(addr).await.expect("the server listens"))
    }

    /// Connects with the smallest receive buffer that the system allows.
    async fn connect_narrow(addr: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("before it connects");
        Self(socket.connect(addr).await.expect("the server listens"))
    }

    /// Connects, requests a path, and reads the beginning of the response.
    async fn connect_and_get(addr: SocketAddr, path: &str) -> Self {
        let mut client = Self::connect(addr).await;
        client.send_get(path).await;
        client.read_until("first").await;
        client
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.expect("the server still reads");
    }

    async fn send_get(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
    }

    /// Reads until the text has arrived, and returns everything read.
    async fn read_until(&mut self, end: &str) -> String {
        let mut received = Vec::new();
        while !received.ends_with(end.as_bytes()) {
            let byte = with_timeout(self.0.read_u8()).await;
            received.push(
                byte.unwrap_or_else(|error| panic!("{error} after {:?}", String::from_utf8_lossy(&received))),
            );
        }
        String::from_utf8(received).expect("text")
    }

    /// Reads a response head and this many bytes of its body.
    async fn read_response(&mut self, bytes: usize) {
        self.read_until("\r\n\r\n").await;
        let mut body = vec![0; bytes];
        with_timeout(self.0.read_exact(&mut body)).await.expect("it goes on");
    }

    /// Reads until the server closes the connection.
    async fn read_to_close(&mut self) -> String {
        let mut received = Vec::new();
        // A reset after the response is an end too.
        let _ = with_timeout(self.0.read_to_end(&mut received)).await;
        String::from_utf8_lossy(&received).into_owned()
    }

    /// Whether a request on this connection gets a response.
    async fn is_served(&mut self) -> bool {
        self.send_get("/again").await;
        self.read_until("hello /again").await.starts_with("HTTP/1.1 200")
    }
}

/// Whether the port is closed.
async fn is_refused(addr: SocketAddr) -> bool {
    TcpStream::connect(addr).await.is_err()
}

#[expect(dead_code, reason = "that it compiles is the proof")]
fn warp_filters_can_be_served(bound: BoundListener) -> Server {
    use warp::Filter;
    Server::start(bound, warp::service(warp::any().map(|| "hello")), ConnectionLimits::default())
}
