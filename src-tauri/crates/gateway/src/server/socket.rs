//! A socket that records in the connection state which bytes arrive and whether the peer reads.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::connection_state::ConnectionState;
use super::plain_response;

/// The size of the system's send buffer. With the default, growing buffer, megabytes of a stream would count
/// as sent although the peer has not read them, and a slow reader could not be distinguished from one that
/// does not read.
pub(super) const SEND_BUFFER_BYTES: usize = 64 << 10;

/// The time after which a peer on another machine that does not acknowledge sent data is considered lost.
#[cfg(any(target_os = "linux", target_os = "android"))]
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(45);

/// Sets the socket options of an accepted connection. An option that the system lacks is skipped.
pub(super) fn configure(socket: &TcpStream, peer: SocketAddr) {
    let _ = socket.set_nodelay(true);
    let socket = SockRef::from(socket);
    let _ = socket.set_send_buffer_size(SEND_BUFFER_BYTES);
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(15)).with_interval(Duration::from_secs(5));
    let _ = socket.set_tcp_keepalive(&keepalive);
    // On loopback the system notices every lost peer, and the limit would cut readers that only pause.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if !peer.ip().is_loopback() {
        let _ = socket.set_tcp_user_timeout(Some(TCP_USER_TIMEOUT));
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = peer;
}

/// The monitored socket of a connection.
pub(super) struct MonitoredSocket<T> {
    socket: T,
    state: Arc<ConnectionState>,
    /// The unsent rest of the response that replaces hyper's own.
    replacement: Vec<u8>,
}

impl<T> MonitoredSocket<T> {
    pub(super) fn new(socket: T, state: Arc<ConnectionState>) -> Self {
        Self { socket, state, replacement: Vec::new() }
    }

    fn record_write(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Pending => self.state.record_stall(Instant::now()),
            Poll::Ready(_) => self.state.record_sent(Instant::now),
        }
    }
}

impl<T: AsyncWrite + Unpin> MonitoredSocket<T> {
    /// Sends our response instead of hyper's, and reports all of `buf` as written. `None` if `buf` is not hyper's own
    /// response.
    fn poll_replace(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Option<Poll<io::Result<usize>>> {
        if self.replacement.is_empty() {
            if !self.state.is_reading_head() {
                return None;
            }
            self.replacement = plain_response::replacement_for(buf)?;
        }
        while !self.replacement.is_empty() {
            match Pin::new(&mut self.socket).poll_write(cx, &self.replacement) {
                Poll::Ready(Ok(0)) => return Some(Poll::Ready(Err(io::ErrorKind::WriteZero.into()))),
                Poll::Ready(Ok(sent)) => drop(self.replacement.drain(..sent)),
                stopped @ (Poll::Ready(Err(_)) | Poll::Pending) => return Some(stopped),
            }
        }
        Some(Poll::Ready(Ok(buf.len())))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for MonitoredSocket<T> {
    /// Returns end of file for an evicted connection.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled_before = buf.filled().len();
        let result = Pin::new(&mut self.socket).poll_read(cx, buf);
        if buf.filled().len() > filled_before && !self.state.record_received(Instant::now()) {
            buf.set_filled(filled_before);
        }
        result
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for MonitoredSocket<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let replaced = self.poll_replace(cx, buf);
        let written = replaced.unwrap_or_else(|| Pin::new(&mut self.socket).poll_write(cx, buf));
        self.record_write(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first_buf = bufs.first().map(|buf| &**buf).unwrap_or_default();
        let replaced = self.poll_replace(cx, first_buf);
        let written = replaced.unwrap_or_else(|| Pin::new(&mut self.socket).poll_write_vectored(cx, bufs));
        self.record_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.socket).poll_flush(cx);
        if flushed.is_ready() {
            self.state.record_flush();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
