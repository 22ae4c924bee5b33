//! Tests over a raw socket, so that every byte of a response can be checked.

mod control;
mod faults;
mod protocol;
mod site;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{MockAccount, MockUpstream, MockUpstreamOptions};

const COOKIE: &str = "Cookie: auth_session=alice-session\r\n";

async fn simulator() -> MockUpstream {
    let accounts = vec![MockAccount::web("alice"), MockAccount::web("bob").with_limit(1)];
    MockUpstream::start(MockUpstreamOptions::instant(accounts)).await.unwrap()
}

/// All bytes received until the connection was closed.
#[derive(Debug)]
struct RawResponse {
    raw: Vec<u8>,
    reset: bool,
}

impl RawResponse {
    fn head(&self) -> String {
        let end = self.raw.windows(4).position(|four| four == b"\r\n\r\n").expect("no head");
        String::from_utf8(self.raw[..end + 2].to_vec()).unwrap()
    }

    fn status(&self) -> u16 {
        self.head()[9..12].parse().unwrap()
    }

    fn header(&self, name: &str) -> Option<String> {
        let head = self.head();
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    }

    fn body(&self) -> &[u8] {
        &self.raw[self.head().len() + 2..]
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(self.body()).unwrap()
    }

    /// The chunks of a chunked body, and whether the final chunk was received.
    fn chunks(&self) -> (Vec<Vec<u8>>, bool) {
        assert_eq!(self.header("transfer-encoding").as_deref(), Some("chunked"));
        let (mut rest, mut chunks) = (self.body(), Vec::new());
        while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
            let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
            if size == 0 {
                return (chunks, true);
            }
            chunks.push(rest[line + 2..line + 2 + size].to_vec());
            rest = &rest[line + 4 + size..];
        }
        (chunks, false)
    }

    fn text(&self) -> String {
        let (chunks, complete) = self.chunks();
        assert!(complete, "cut: {chunks:?}");
        String::from_utf8(chunks.concat()).unwrap()
    }
}

async fn connect(simulator: &MockUpstream) -> TcpStream {
    TcpStream::connect(simulator.address).await.unwrap()
}

/// Sends a request that ends the connection, without reading the response.
async fn send(simulator: &MockUpstream, first_line: &str, headers: &str, body: &[u8]) -> TcpStream {
    let mut stream = connect(simulator).await;
    let head = format!(
        "{first_line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    stream
}

async fn read_all(mut stream: TcpStream) -> RawResponse {
    let mut raw = Vec::new();
    let reset = match stream.read_to_end(&mut raw).await {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
            true
        }
    };
    RawResponse { raw, reset }
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.contains(end) {
        let mut buffer = [0; 1024];
        let count = stream.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "closed after {text}");
        text += std::str::from_utf8(&buffer[..count]).unwrap();
    }
    text
}

async fn request(simulator: &MockUpstream, first_line: &str, headers: &str, body: &[u8]) -> RawResponse {
    read_all(send(simulator, first_line, headers, body).await).await
}

async fn get(simulator: &MockUpstream, path: &str, headers: &str) -> RawResponse {
    request(simulator, &format!("GET {path}"), headers, b"").await
}

fn field(name: &str, value: &str) -> String {
    format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn turn(content: &str, images: &[&str]) -> String {
    let value = serde_json::json!({"content": content, "imagesData": images, "documentsData": []});
    field("messages", &value.to_string())
}

/// A form for a model with these turns.
fn form(model: &str, turns: &[String]) -> String {
    format!("{}{}{}--XX--\r\n", field("model", model), field("preprompt", "be kind"), turns.concat())
}

async fn send_form(simulator: &MockUpstream, path: &str, cookie: &str, form: &[u8]) -> TcpStream {
    let headers = format!("{cookie}Content-Type: multipart/form-data; boundary=XX\r\n");
    send(simulator, &format!("POST {path}"), &headers, form).await
}

async fn start_asking(simulator: &MockUpstream, message: &str) -> TcpStream {
    let form = form("openai-gpt-5", &[turn(message, &[])]);
    send_form(simulator, super::LLMS_PATH, COOKIE, form.as_bytes()).await
}

async fn ask_as(simulator: &MockUpstream, cookie: &str, model: &str, turns: &[String]) -> RawResponse {
    let form = form(model, turns);
    read_all(send_form(simulator, super::LLMS_PATH, cookie, form.as_bytes()).await).await
}

async fn ask(simulator: &MockUpstream, message: &str) -> RawResponse {
    read_all(start_asking(simulator, message).await).await
}

async fn upload(simulator: &MockUpstream, cookie: &str, bytes: &[u8]) -> RawResponse {
    let mut form = field("type", "image") + &field("name", "cat.png");
    form += "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"blob\"\r\n\
             Content-Type: image/png\r\n\r\n";
    let form = [form.as_bytes(), bytes, b"\r\n--XX--\r\n"].concat();
    read_all(send_form(simulator, super::UPLOAD_PATH, cookie, &form).await).await
}
