//! Handwritten requests, and the headers that every response must have.

use reqwest::header::HeaderMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::reply::code_of;
use super::{KEY, RawAnswer};

/// Head of a request that closes its connection; `headers` are complete lines.
pub fn head(method: &str, path: &str, headers: &[&str]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n");
    headers.iter().for_each(|line| text.extend([*line, "\r\n"]));
    (text + "\r\n").into_bytes()
}

/// Header line with the client key of the tests.
pub fn with_key() -> String {
    format!("Authorization: Bearer {KEY}")
}

/// A complete POST request with JSON and the key, without `Connection: close`.
pub fn post(path: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut text = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{}\r\nContent-Type: application/json\r\n",
        with_key()
    );
    headers.iter().for_each(|line| text.extend([*line, "\r\n"]));
    [(text + "\r\n").as_bytes(), body].concat()
}

impl RawAnswer {
    /// Error code of the first response, or an empty text.
    pub fn code(&self) -> String {
        let text = self.text();
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        code_of(&json)
    }

    /// Values of a header in all responses; `name` is case-insensitive.
    pub fn headers(&self, name: &str) -> Vec<String> {
        let text = self.text();
        let lines = text.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).collect()
    }
}

/// Checks the headers that every response must have, and those that none may have (W03).
pub fn check_headers(headers: &HeaderMap, of: &str) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        let values: Vec<_> = headers.get_all(name).iter().collect();
        assert_eq!(values, [value], "{name} of {of}");
    }
    assert!(headers.contains_key("x-request-id"), "{of}");
    for banner in ["server", "x-powered-by", "via", "set-cookie"] {
        assert!(!headers.contains_key(banner), "{banner} of {of}");
    }
}

/// An open connection.
pub struct Wire {
    pub socket: TcpStream,
}

impl Wire {
    pub async fn open(port: u16) -> Self {
        Self { socket: TcpStream::connect(("127.0.0.1", port)).await.expect("a connection") }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        // The peer may have closed the connection; its response still counts.
        let _ = self.socket.write_all(bytes).await;
    }

    /// Reads until the peer closes the connection.
    pub async fn read_to_end(mut self) -> RawAnswer {
        let mut bytes = Vec::new();
        let _ = self.socket.read_to_end(&mut bytes).await;
        RawAnswer { bytes }
    }
}
