//! Minimal HTTP/1.1 over a keep-alive connection for both ends of a measurement, because a client that costs
//! more than the proxy would measure itself.

use std::net::SocketAddr;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Outcome;

/// Head of a message.
#[derive(Debug)]
pub(crate) struct Head {
    /// Bytes from the first line to the empty one.
    pub(crate) text: Bytes,
    pub(crate) rest: Rest,
}

impl Head {
    /// Status of a response; 0 if the head is not one.
    pub(crate) fn status(&self) -> u16 {
        let digits = self.text.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }
}

/// Remaining part of a message's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    Length(usize),
    Chunked,
    Nothing,
}

/// An HTTP/1.1 connection.
#[derive(Debug)]
pub(crate) struct Wire {
    socket: TcpStream,
    buffer: BytesMut,
}

impl Wire {
    pub(crate) async fn connect(address: SocketAddr) -> Outcome<Self> {
        Self::new(TcpStream::connect(address).await?)
    }

    pub(crate) fn new(socket: TcpStream) -> Outcome<Self> {
        socket.set_nodelay(true)?;
        Ok(Self { socket, buffer: BytesMut::with_capacity(1_024) })
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        Ok(self.socket.write_all(bytes).await?)
    }

    /// Reads the next head; `None` if the peer has closed the connection.
    pub(crate) async fn head(&mut self) -> Outcome<Option<Head>> {
        loop {
            if let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") {
                let text = self.buffer.split_to(end + 4).freeze();
                let rest = body_length(&text)?;
                return Ok(Some(Head { text, rest }));
            }
            if self.socket.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err("a head broke off".into()) };
            }
        }
    }

    /// Reads the next part of a body: the available bytes if the length is known, otherwise a whole chunk.
    pub(crate) async fn piece(&mut self, rest: &mut Rest) -> Outcome<Option<Bytes>> {
        loop {
            if *rest == Rest::Nothing {
                return Ok(None);
            }
            if let Some(piece) = take_piece(&mut self.buffer, rest)? {
                return Ok(Some(piece));
            }
            if *rest != Rest::Nothing && self.socket.read_buf(&mut self.buffer).await? == 0 {
                return Err("a body broke off".into());
            }
        }
    }

    /// Reads the rest of a body.
    pub(crate) async fn body(&mut self, mut rest: Rest) -> Outcome<Bytes> {
        let Some(first) = self.piece(&mut rest).await? else { return Ok(Bytes::new()) };
        if rest == Rest::Nothing {
            return Ok(first);
        }
        let mut all = BytesMut::from(first);
        while let Some(piece) = self.piece(&mut rest).await? {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}

fn body_length(head: &[u8]) -> Outcome<Rest> {
    for line in head.split(|&byte| byte == b'\n') {
        if let Some(value) = header(line, b"content-length:") {
            return Ok(match value.parse()? {
                0 => Rest::Nothing,
                length => Rest::Length(length),
            });
        }
        if header(line, b"transfer-encoding:").is_some() {
            return Ok(Rest::Chunked);
        }
    }
    Ok(Rest::Nothing)
}

fn header<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let (start, value) = line.split_at_checked(name.len())?;
    start
        .eq_ignore_ascii_case(name)
        .then_some(value)
        .and_then(|value| std::str::from_utf8(value).ok())
        .map(str::trim)
}

/// Removes the next complete part from the buffer; `None` if there is none.
fn take_piece(buffer: &mut BytesMut, rest: &mut Rest) -> Outcome<Option<Bytes>> {
    match *rest {
        Rest::Nothing => Ok(None),
        Rest::Length(_) if buffer.is_empty() => Ok(None),
        Rest::Length(length) => {
            let piece = buffer.split_to(length.min(buffer.len())).freeze();
            *rest = if piece.len() == length { Rest::Nothing } else { Rest::Length(length - piece.len()) };
            Ok(Some(piece))
        }
        Rest::Chunked => take_chunk(buffer, rest),
    }
}

fn take_chunk(buffer: &mut BytesMut, rest: &mut Rest) -> Outcome<Option<Bytes>> {
    let Some(line) = memmem::find(buffer, b"\r\n") else { return Ok(None) };
    let size = usize::from_str_radix(std::str::from_utf8(&buffer[..line])?.trim(), 16)?;
    if buffer.len() < line + 2 + size + 2 {
        return Ok(None);
    }
    buffer.advance(line + 2);
    let chunk = buffer.split_to(size).freeze();
    buffer.advance(2);
    if size == 0 {
        *rest = Rest::Nothing;
        return Ok(None);
    }
    Ok(Some(chunk))
}
