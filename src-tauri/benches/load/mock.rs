//! The mock upstream: what Mammouth's website answers, as little of it as the proxy needs, and next to it what the proxy
//! would have answered, for the direct side. It runs in a process of its own, so that its CPU time is not the proxy's.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};

use crate::Outcome;
use crate::tokens::{self, Wish};
use crate::wire::{Head, Wire};

/// The running mock; ends with this value.
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
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The mock's side: says its address, and serves until its input ends, which it does with the parent.
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
        // A connection that breaks is the other side's to notice.
        tokio::spawn(async move { connection(socket).await.ok() });
    }
}

async fn connection(socket: TcpStream) -> Outcome<()> {
    let mut wire = Wire::new(socket)?;
    while let Some(head) = wire.head().await? {
        let body = wire.body(head.rest).await?;
        let wish = Wish::read(&body);
        match Form::of(&head) {
            None => wire.write(whole("application/json", FACTS).as_bytes()).await?,
            Some(form) if wish.chunks == 0 => wire.write(form.small().as_bytes()).await?,
            Some(form) => stream(&mut wire, form, wish).await?,
        }
    }
    Ok(())
}

/// What the proxy asks for besides replies: who the account is, what it has used, and where an uploaded picture lies.
const FACTS: &str = r#"{"email":"bench@example.invalid","percent":1,"byBrand":[],"usedModels":[],"currentSpendCents":1,"location":"https://bench.invalid/picture.png"}"#;
/// The parts of a streamed frame before and after its text, as long as the proxy's.
const BEFORE: &str = r#"data: {"id":"chatcmpl-0123456789abcdef0123456789abcdef","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":""#;
const AFTER: &str = "\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
const LAST: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

/// Who is asking for a reply.
#[derive(Clone, Copy)]
enum Form {
    /// The proxy: plain text.
    Text,
    /// The load itself: what the proxy answers.
    OpenAi,
}

impl Form {
    fn of(head: &Head) -> Option<Self> {
        if head.text.starts_with(b"POST /api/models/llms ") {
            Some(Self::Text)
        } else if head.text.starts_with(b"POST /v1/chat/completions ") {
            Some(Self::OpenAi)
        } else {
            None
        }
    }

    fn kind(self, streamed: bool) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::OpenAi if streamed => "text/event-stream; charset=utf-8",
            Self::OpenAi => "application/json",
        }
    }

    fn small(self) -> String {
        let text = tokens::whole();
        match self {
            Self::Text => whole(self.kind(false), &text),
            Self::OpenAi => {
                let text = text.replace('\n', "\\n");
                let body = format!(
                    r#"{{"id":"chatcmpl-0123456789abcdef0123456789abcdef","object":"chat.completion","created":1700000000,"model":"gpt-4o-mini","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":30,"completion_tokens":30,"total_tokens":60}}}}"#
                );
                whole(self.kind(false), &body)
            }
        }
    }

    /// One chunk of a stream, framed for HTTP.
    fn chunk(self, frame: &mut String, index: usize, stamped: bool) {
        let mut text = String::with_capacity(256);
        match self {
            Self::Text => tokens::chunk(&mut text, index, stamped),
            Self::OpenAi => {
                text.push_str(BEFORE);
                tokens::chunk(&mut text, index, stamped);
                text.push_str(AFTER);
            }
        }
        let _ = write!(frame, "{:x}\r\n{text}\r\n", text.len());
    }

    fn end(self) -> String {
        match self {
            Self::Text => "0\r\n\r\n".to_owned(),
            Self::OpenAi => format!("{:x}\r\n{LAST}\r\n0\r\n\r\n", LAST.len()),
        }
    }
}

fn whole(kind: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// Writes chunk after chunk, each in a write of its own and at its time, however long the one before took.
async fn stream(wire: &mut Wire, form: Form, wish: Wish) -> Outcome<()> {
    let mut frame =
        format!("HTTP/1.1 200 OK\r\ncontent-type: {}\r\ntransfer-encoding: chunked\r\n\r\n", form.kind(true));
    let mut due = Instant::now();
    for index in 0..wish.chunks {
        if index > 0 && !wish.gap.is_zero() {
            due += wish.gap;
            sleep_until(due).await;
        }
        form.chunk(&mut frame, index, wish.stamped);
        wire.write(frame.as_bytes()).await?;
        frame.clear();
    }
    wire.write(form.end().as_bytes()).await
}
