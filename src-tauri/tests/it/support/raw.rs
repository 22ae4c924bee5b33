//! Exact bytes over a socket, for requests that no regular client sends.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes received before the peer closed the connection.
#[derive(Debug)]
pub struct RawAnswer {
    pub bytes: Vec<u8>,
}

impl RawAnswer {
    /// Status of the first response; 0 if there is none.
    pub fn status(&self) -> u16 {
        let text = String::from_utf8_lossy(&self.bytes);
        text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Sends bytes, then reads until the peer closes the connection. The request must cause that (`Connection:
/// close`, or an error that closes).
pub async fn raw(port: u16, bytes: &[u8]) -> RawAnswer {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    // The peer may close the connection before it has read everything; its response still counts.
    let _ = socket.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    RawAnswer { bytes: answer }
}
