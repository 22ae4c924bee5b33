//! Minimal mock upstream: the website's responses that the proxy needs, and the proxy's own responses for the
//! direct side. The mock is a separate process, so that its CPU time is not the proxy's.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};

use crate::Outcome;
use crate::tokens::{self, ReplySpec};
use crate::wire::{Head, Wire};

/// The running mock; dropping this value ends it.
#[derive(Debug)]
pub(crate) struct Mock {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Mock {
    pub(crate) async fn start() -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--mock")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("the mock has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        Ok(Self { address: line.trim().parse()?, child })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Main function of the mock's process: prints the address and serves until stdin ends, which it does with
/// the parent.
pub(crate) async fn serve() -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let parent_gone = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0]));
    tokio::select! {
        ended = accept(listener) => ended,
        _ = parent_gone => Ok(()),
    }
}

async fn accept(listener: TcpListener) -> Outcome<()> {
    loop {
        let (socket, _) = listener.accept().await?;
        // The peer reports a broken connection.
        tokio::spawn(async move { serve_connection(socket).await.ok() });
    }
}

async fn serve_connection(socket: TcpStream) -> Outcome<()> {
    let mut wire = Wire::new(socket)?;
    while let Some(head) = wire.head().await? {
        let body = wire.body(head.rest).await?;
        let spec = ReplySpec::read(&body);
        match ReplyFormat::from_request(&head) {
            None => wire.write(response("application/json", ACCOUNT_JSON).as_bytes()).await?,
            Some(form) if spec.chunks == 0 => wire.write(form.unary_response().as_bytes()).await?,
            Some(form) => stream(&mut wire, form, spec).await?,
        }
    }
    Ok(())
}

/// Response to all other requests of the proxy: the account, its usage, and the location of an uploaded
/// image.
const ACCOUNT_JSON: &str = r#"{"email":"bench@example.invalid","percent":1,"byBrand":[],"usedModels":[],"currentSpendCents":1,"location":"https://bench.invalid/picture.png"}"#;
/// Parts of a streamed frame before and after its text, as long as the proxy's.
const FRAME_PREFIX: &str = r#"data: {"id":"chatcmpl-0123456789abcdef0123456789abcdef","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":""#;
const FRAME_SUFFIX: &str = "\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
const FINAL_FRAMES: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

/// Format of a reply, determined by the requesting side.
#[derive(Clone, Copy)]
enum ReplyFormat {
    /// Plain text, for the proxy.
    Text,
    /// The proxy's own format, for the load.
    OpenAi,
}

impl ReplyFormat {
    fn from_request(head: &Head) -> Option<Self> {
        if head.text.starts_with(b"POST /api/models/llms ") {
            Some(Self::Text)
        } else if head.text.starts_with(b"POST /v1/chat/completions ") {
            Some(Self::OpenAi)
        } else {
            None
        }
    }

    fn content_type(self, streamed: bool) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::OpenAi if streamed => "text/event-stream; charset=utf-8",
            Self::OpenAi => "application/json",
        }
    }

    fn unary_response(self) -> String {
        let text = tokens::whole();
        match self {
            Self::Text => response(self.content_type(false), &text),
            Self::OpenAi => {
                let text = text.replace('\n', "\\n");
                let body = format!(
                    r#"{{"id":"chatcmpl-0123456789abcdef0123456789abcdef","object":"chat.completion","created":1700000000,"model":"gpt-4o-mini","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":30,"completion_tokens":30,"total_tokens":60}}}}"#
                );
                response(self.content_type(false), &body)
            }
        }
    }

    /// One chunk of a stream, framed for HTTP.
    fn chunk(self, frame: &mut String, index: usize, stamped: bool) {
        let mut text = String::with_capacity(256);
        match self {
            Self::Text => tokens::chunk(&mut text, index, stamped),
            Self::OpenAi => {
                text.push_str(FRAME_PREFIX);
                tokens::chunk(&mut text, index, stamped);
                text.push_str(FRAME_SUFFIX);
            }
        }
        let _ = write!(frame, "{:x}\r\n{text}\r\n", text.len());
    }

    fn end(self) -> String {
        match self {
            Self::Text => "0\r\n\r\n".to_owned(),
            Self::OpenAi => format!("{:x}\r\n{FINAL_FRAMES}\r\n0\r\n\r\n", FINAL_FRAMES.len()),
        }
    }
}

fn response(kind: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// Writes the chunks, each in a separate write and at its scheduled time, independent of the duration of
/// earlier writes.
async fn stream(wire: &mut Wire, form: ReplyFormat, spec: ReplySpec) -> Outcome<()> {
    let mut frame = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {}\r\ntransfer-encoding: chunked\r\n\r\n",
        form.content_type(true)
    );
    let mut due = Instant::now();
    for index in 0..spec.chunks {
        if index > 0 && !spec.gap.is_zero() {
            due += spec.gap;
            sleep_until(due).await;
        }
        form.chunk(&mut frame, index, spec.stamped);
        wire.write(frame.as_bytes()).await?;
        frame.clear();
    }
    wire.write(form.end().as_bytes()).await
}
