//! Readers of responses, independent of the program's own code.

use bytes::Bytes;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// A complete response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub async fn of(response: Result<reqwest::Response, reqwest::Error>) -> Self {
        let response = response.expect("an answer");
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        Self { status, headers, body: response.bytes().await.expect("a whole body") }
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Status and error code; the code is empty if there is none.
    pub fn error(&self) -> (u16, String) {
        (self.status, code_of(&self.json()))
    }

    /// Text of a complete chat completion.
    pub fn text(&self) -> String {
        let body = self.json();
        body["choices"][0]["message"]["content"]
            .as_str()
            .unwrap_or_else(|| panic!("no text: {body}"))
            .to_owned()
    }
}

/// Error code in a body of any dialect; empty if there is none.
pub fn code_of(body: &Value) -> String {
    let places = [&body["error"]["code"], &body["error"]["details"]["error_code"], &body["code"]];
    places.iter().find_map(|place| place.as_str()).unwrap_or_default().to_owned()
}

/// A stream of server-sent events, read one by one.
pub struct Sse {
    pub status: u16,
    pub headers: HeaderMap,
    response: reqwest::Response,
    waiting: Vec<u8>,
}

impl Sse {
    pub fn new(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, response, waiting: Vec::new() }
    }

    /// Data of the next event; `None` at the end of the body or after a connection error.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.waiting.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = self.waiting.drain(..end + 2).collect();
                let event = String::from_utf8(event).expect("events are UTF-8");
                if let Some(data) = event.trim_end().strip_prefix("data: ") {
                    return Some(data.to_owned());
                }
                continue;
            }
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.waiting.extend_from_slice(&chunk);
        }
    }

    /// The next frame without its end, whatever its content.
    pub async fn next_frame(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.waiting.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = self.waiting.drain(..end + 2).collect();
                return Some(String::from_utf8(frame).expect("events are UTF-8").trim_end().to_owned());
            }
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.waiting.extend_from_slice(&chunk);
        }
    }

    /// The next event as JSON.
    pub async fn next_json(&mut self) -> Value {
        let data = self.next().await.expect("another event");
        serde_json::from_str(&data).unwrap_or_else(|_| panic!("not JSON: {data}"))
    }

    /// Data of all remaining events.
    pub async fn all(mut self) -> Vec<String> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }

    /// Text of all remaining chunks, and whether the end mark was received.
    pub async fn text(self) -> (String, bool) {
        let events = self.all().await;
        let done = events.last().is_some_and(|event| event == "[DONE]");
        let chunks = events.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok());
        let text =
            chunks.filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned));
        (text.collect(), done)
    }
}
