//! Server that reads whole requests and answers each with the steps of a test.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio_rustls::TlsAcceptor;
use url::Url;

/// Step of the server on a connection.
#[derive(Clone)]
pub(super) enum Step {
    Send(Bytes),
    /// Waits until the test calls [`StepServer::release_step`].
    Wait,
    /// Sends nothing more until the client closes the connection.
    Hang,
    /// Ends the connection with a reset.
    Reset,
}

/// A received request.
#[derive(Clone)]
pub(super) struct ReceivedRequest {
    /// Method and path, such as `POST /path`.
    pub(super) line: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Server that ends with the test's runtime.
pub(super) struct StepServer {
    pub(super) base: Url,
    requests: Arc<Mutex<Vec<ReceivedRequest>>>,
    steps: Arc<Semaphore>,
    closed: Arc<Notify>,
    connections: Arc<AtomicUsize>,
}

type ResponseScript = Arc<dyn Fn(&ReceivedRequest) -> Vec<Step> + Send + Sync>;

/// A stream whose connection can be reset.
trait Resettable: AsyncRead + AsyncWrite + Unpin + Send {
    fn reset(&self);
}

impl Resettable for TcpStream {
    fn reset(&self) {
        self.set_zero_linger().unwrap();
    }
}

impl Resettable for tokio_rustls::server::TlsStream<TcpStream> {
    fn reset(&self) {
        self.get_ref().0.reset();
    }
}

impl StepServer {
    pub(super) async fn start(
        answer: impl Fn(&ReceivedRequest) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        Self::listen("http://127.0.0.1", None, Arc::new(answer)).await
    }

    /// Starts a server over TLS; `host` is the host of the base URL.
    pub(super) async fn start_tls(
        host: &str,
        acceptor: TlsAcceptor,
        answer: impl Fn(&ReceivedRequest) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        Self::listen(&format!("https://{host}"), Some(acceptor), Arc::new(answer)).await
    }

    async fn listen(base: &str, tls: Option<TlsAcceptor>, answer: ResponseScript) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut base: Url = base.parse().unwrap();
        base.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let server = Self {
            base,
            requests: Arc::default(),
            steps: Arc::new(Semaphore::new(0)),
            closed: Arc::default(),
            connections: Arc::default(),
        };
        let (seen, steps, left) = (server.requests.clone(), server.steps.clone(), server.closed.clone());
        let connections = server.connections.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                let connection = Connection {
                    answer: answer.clone(),
                    requests: seen.clone(),
                    steps: steps.clone(),
                    closed: left.clone(),
                };
                let tls = tls.clone();
                tokio::spawn(async move {
                    match tls {
                        None => connection.run(socket).await,
                        Some(acceptor) => {
                            if let Ok(socket) = acceptor.accept(socket).await {
                                connection.run(socket).await;
                            }
                        }
                    }
                });
            }
        });
        server
    }

    pub(super) fn requests(&self) -> Vec<ReceivedRequest> {
        self.requests.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub(super) fn release_step(&self) {
        self.steps.add_permits(1);
    }

    /// Waits until a client has closed a connection that hung.
    pub(super) async fn wait_for_close(&self) {
        self.closed.notified().await;
    }
}

struct Connection {
    answer: ResponseScript,
    requests: Arc<Mutex<Vec<ReceivedRequest>>>,
    steps: Arc<Semaphore>,
    closed: Arc<Notify>,
}

impl Connection {
    async fn run(self, mut socket: impl Resettable) {
        while let Some(request) = read_request(&mut socket).await {
            let steps = (self.answer)(&request);
            self.requests.lock().unwrap().push(request);
            for step in steps {
                if !self.perform(&mut socket, step).await {
                    return;
                }
            }
        }
    }

    async fn perform(&self, socket: &mut impl Resettable, step: Step) -> bool {
        match step {
            Step::Send(bytes) => {
                return socket.write_all(&bytes).await.is_ok() && socket.flush().await.is_ok();
            }
            Step::Wait => self.steps.acquire().await.unwrap().forget(),
            Step::Hang => {
                let _ = socket.read(&mut [0]).await;
                self.closed.notify_one();
                return false;
            }
            Step::Reset => {
                socket.reset();
                return false;
            }
        }
        true
    }
}

async fn read_request(socket: &mut impl Resettable) -> Option<ReceivedRequest> {
    let mut data = Vec::new();
    let head = loop {
        if let Some(at) = data.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if socket.read_buf(&mut data).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(data[..head].to_vec()).unwrap();
    let (line, rest) = text.split_once("\r\n").unwrap();
    let headers: HeaderMap = rest.split("\r\n").map(header).collect();
    let length: usize =
        headers.get("content-length").map_or(0, |value| value.to_str().unwrap().parse().unwrap());
    while data.len() < head + 4 + length {
        if socket.read_buf(&mut data).await.ok()? == 0 {
            return None;
        }
    }
    let line = line.trim_end_matches(" HTTP/1.1").to_owned();
    Some(ReceivedRequest { line, headers, body: Bytes::from(data).slice(head + 4..) })
}

fn header(line: &str) -> (HeaderName, HeaderValue) {
    let (name, value) = line.split_once(": ").unwrap();
    (name.parse().unwrap(), value.parse().unwrap())
}

pub(super) fn send(bytes: impl Into<Bytes>) -> Step {
    Step::Send(bytes.into())
}

/// Returns the steps of a whole response; `headers` are lines that end in `\r\n`.
pub(super) fn answer(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Vec<Step> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status} Any\r\n{headers}content-length: {}\r\n\r\n", body.len());
    vec![send([head.as_bytes(), body].concat())]
}

pub(super) fn json(status: u16, body: &str) -> Vec<Step> {
    answer(status, "content-type: application/json\r\n", body)
}

/// Head of a chunked response.
pub(super) const TEXT_HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";

pub(super) fn text_head() -> Step {
    send(TEXT_HEAD)
}

pub(super) fn chunk(text: impl AsRef<[u8]>) -> Step {
    let text = text.as_ref();
    send([format!("{:x}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat())
}

/// Returns the steps of a whole reply in chunks.
pub(super) fn reply(chunks: &[&str]) -> Vec<Step> {
    let chunks = chunks.iter().map(chunk);
    [text_head()].into_iter().chain(chunks).chain([send("0\r\n\r\n")]).collect()
}
