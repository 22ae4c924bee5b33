//! Baseline of the comparison: a relay of the program's own stack and nothing else. hyper accepts, one warp
//! route matches, reqwest sends. The program's cost beyond the baseline is that of its own code: guard,
//! decoding, account selection, log.

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Stdio};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use warp::Filter;
use warp::reply::{Reply, Response};

use crate::Outcome;
use crate::program::{Launcher, Target};

/// The running baseline; dropping this value ends it.
#[derive(Debug)]
pub(crate) struct Baseline {
    pub(crate) target: Target,
    child: Child,
}

impl Baseline {
    /// Starts this program again with `--baseline`.
    ///
    /// # Errors
    /// It does not say where it listens.
    pub(crate) fn start(upstream: SocketAddr) -> Outcome<Self> {
        Self::start_by(&Launcher::default(), upstream)
    }

    /// As [`Baseline::start`], by a tool.
    pub(crate) fn start_by(launcher: &Launcher, upstream: SocketAddr) -> Outcome<Self> {
        let mut child = launcher
            .command(std::env::current_exe()?)
            .args(["--baseline", &upstream.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("the baseline has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        Ok(Self { target: Target::direct(line.trim().parse()?), child })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends its input, and waits for its end.
    pub(crate) fn stop(mut self) -> Outcome<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the baseline ended with {status}").into()) }
    }
}

impl Drop for Baseline {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until the standard input ends, which it does with the parent.
pub(crate) async fn serve(upstream: SocketAddr) -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let parent_gone = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0]));
    tokio::select! {
        ended = accept(listener, upstream) => ended,
        _ = parent_gone => Ok(()),
    }
}

async fn accept(listener: TcpListener, upstream: SocketAddr) -> Outcome<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
    let url: reqwest::Url = format!("http://{upstream}/v1/chat/completions").parse()?;
    let route = warp::path!("v1" / "chat" / "completions")
        .and(warp::post())
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(move |headers, body| relay(client.clone(), url.clone(), headers, body));
    let service = TowerToHyperService::new(warp::service(route));
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service.clone());
        // A connection that breaks is the other side's to notice.
        tokio::spawn(async move { connection.await.ok() });
    }
}

async fn relay<B: Buf>(
    client: reqwest::Client,
    url: reqwest::Url,
    headers: HeaderMap,
    body: impl Stream<Item = Result<B, warp::Error>> + Send,
) -> Response {
    match ask(client, url, &headers, body).await {
        Ok(response) => response,
        Err(error) => {
            eprintln!("the baseline: {error}");
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}

async fn ask<B: Buf>(
    client: reqwest::Client,
    url: reqwest::Url,
    headers: &HeaderMap,
    body: impl Stream<Item = Result<B, warp::Error>> + Send,
) -> Outcome<Response> {
    let mut request = client.post(url).body(collect(body).await?);
    for name in [AUTHORIZATION, CONTENT_TYPE] {
        if let Some(value) = headers.get(&name) {
            request = request.header(name, value);
        }
    }
    let upstream = request.send().await?;
    let (status, content_type) = (upstream.status(), upstream.headers().get(CONTENT_TYPE).cloned());
    let mut response = if upstream.headers().contains_key(CONTENT_LENGTH) {
        Response::new(upstream.bytes().await?.into())
    } else {
        let chunks = upstream.bytes_stream().map(|chunk| Ok::<_, Infallible>(chunk.unwrap_or_default()));
        warp::reply::stream(sync_wrapper::SyncStream::new(chunks)).into_response()
    };
    *response.status_mut() = status;
    response.headers_mut().extend(content_type.map(|value| (CONTENT_TYPE, value)));
    Ok(response)
}

async fn collect<B: Buf>(body: impl Stream<Item = Result<B, warp::Error>>) -> Outcome<Bytes> {
    let mut body = std::pin::pin!(body);
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk?;
        bytes.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
    }
    Ok(bytes.freeze())
}
