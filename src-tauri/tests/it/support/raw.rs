//! Exact bytes over a socket, for what a proper client would never send.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back before the other side closed.
#[derive(Debug)]
pub struct RawAnswer {
    pub bytes: Vec<u8>,
}

impl RawAnswer {
    /// The status of the first answer; 0 where the connection was closed without one.
    pub fn status(&self) -> u16 {
        let text = String::from_utf8_lossy(&self.bytes);
        text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Sends bytes, then reads until the other side closes. The bytes must make it close (`Connection: close`, or an error
/// that closes).
pub async fn raw(port: u16, bytes: &[u8]) -> RawAnswer {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    // The other side may close before it has read everything: what it said still counts.
    let _ = socket.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    RawAnswer { bytes: answer }
}
