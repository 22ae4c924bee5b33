//! The server over real sockets. The service is a stand-in whose answers wait for what the test does.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};

use super::*;

mod limits;
mod moving;
mod protocol;

const HOUR: Duration = Duration::from_secs(3600);
/// Longer than its own last words.
const LONG: Duration = Duration::from_secs(2 * 3600);
const SOON: Duration = Duration::from_millis(30);

/// No limit is reached in a test that does not set it.
fn patient() -> Limits {
    Limits {
        header_timeout: HOUR,
        idle_timeout: HOUR,
        write_stall: HOUR,
        max_connections: 1024,
        spare: Duration::ZERO,
        farewell: HOUR,
        last_words: HOUR,
        switch_grace: LONG,
    }
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Answers by path; what it was asked is kept.
#[derive(Clone)]
struct Service {
    /// `/held` answers, and `/stream` ends, when a permit is added.
    go: Arc<Semaphore>,
    /// A permit for each body of `/endless` that is gone.
    gone: Arc<Semaphore>,
    asked: watch::Sender<Vec<String>>,
}

impl Service {
    fn new() -> Self {
        Self {
            go: Arc::new(Semaphore::new(0)),
            gone: Arc::new(Semaphore::new(0)),
            asked: watch::Sender::default(),
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    async fn was_asked(&self, path: &str) {
        let mut asked = self.asked.subscribe();
        within(asked.wait_for(|asked| asked.iter().any(|it| it == path))).await.expect("we hold the sender");
    }

    async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        let closing = request.extensions().get::<Closing>().expect("set by the server").0.clone();
        let peer = request.extensions().get::<Peer>().expect("set by the server").0;
        match request.uri().path() {
            "/peer" => whole(peer.to_string()),
            "/echo" => match request.into_body().collect().await {
                Ok(body) => Response::new(Full::new(body.to_bytes()).boxed_unsync()),
                Err(_) => whole("broken body".to_owned()),
            },
            "/held" => {
                self.go.acquire().await.expect("open").forget();
                whole("held".to_owned())
            }
            "/stream" => streamed(move |place| {
                let (go, closing) = (Arc::clone(&self.go), closing.clone());
                async move {
                    match place {
                        0 => Some("first"),
                        1 => tokio::select! {
                            () = closing.cancelled() => Some("interrupted"),
                            permit = go.acquire() => { permit.expect("open").forget(); Some("last") }
                        },
                        _ => None,
                    }
                }
            }),
            "/deaf" => streamed(|place| async move {
                if place > 0 {
                    std::future::pending::<()>().await;
                }
                Some("first")
            }),
            "/endless" => {
                let gone = GoneGuard(Arc::clone(&self.gone));
                streamed(move |_| {
                    let _ = &gone;
                    ready(Some("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"))
                })
            }
            path => whole(format!("hello {path}")),
        }
    }
}

struct GoneGuard(Arc<Semaphore>);

impl Drop for GoneGuard {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

fn whole(text: String) -> Response<Body> {
    Response::new(Full::from(text).boxed_unsync())
}

fn streamed<F>(mut part: impl FnMut(usize) -> F + Send + 'static) -> Response<Body>
where
    F: Future<Output = Option<&'static str>> + Send + 'static,
{
    let parts = futures_util::stream::unfold(0, move |place| {
        let next = part(place);
        async move { Some((Ok(Frame::data(Bytes::from_static(next.await?.as_bytes()))), place + 1)) }
    });
    Response::new(StreamBody::new(parts).boxed_unsync())
}

impl tower_service::Service<Request<Incoming>> for Service {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        self.asked.send_modify(|asked| asked.push(request.uri().to_string()));
        let answer = self.clone().answer(request);
        Box::pin(async move { Ok(answer.await) })
    }
}

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

async fn start(limits: Limits) -> (Server, Service) {
    let service = Service::new();
    let bound = bind(loopback()).await.expect("a free port");
    (Server::start(bound, service.clone(), limits), service)
}

/// Fails a test that would otherwise hang.
async fn within<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("takes far too long")
}

/// A client that says exactly what it is told to.
struct Client(TcpStream);

impl Client {
    async fn connect(addr: SocketAddr) -> Self {
        Self(TcpStream::connect(addr).await.expect("the server listens"))
    }

    /// Connects, asks for a path, and reads the beginning of the answer.
    async fn begun(addr: SocketAddr, path: &str) -> Self {
        let mut client = Self::connect(addr).await;
        client.ask(path).await;
        client.until("first").await;
        client
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.expect("the server still reads");
    }

    async fn ask(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
    }

    /// Reads until this was said, and returns all of it.
    async fn until(&mut self, end: &str) -> String {
        let mut said = Vec::new();
        while !said.ends_with(end.as_bytes()) {
            let byte = within(self.0.read_u8()).await;
            said.push(
                byte.unwrap_or_else(|error| panic!("{error} after {:?}", String::from_utf8_lossy(&said))),
            );
        }
        String::from_utf8(said).expect("text")
    }

    /// Reads until the server closes.
    async fn rest(&mut self) -> String {
        let mut said = Vec::new();
        // A reset after what was said is an end too.
        let _ = within(self.0.read_to_end(&mut said)).await;
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Whether a request on this connection is answered.
    async fn is_served(&mut self) -> bool {
        self.ask("/again").await;
        self.until("hello /again").await.starts_with("HTTP/1.1 200")
    }
}

/// Whether nothing listens there any more.
async fn is_refused(addr: SocketAddr) -> bool {
    TcpStream::connect(addr).await.is_err()
}

#[expect(dead_code, reason = "that it compiles is the proof")]
fn warp_filters_can_be_served(bound: Bound) -> Server {
    use warp::Filter;
    Server::start(bound, warp::service(warp::any().map(|| "hello")), Limits::default())
}
