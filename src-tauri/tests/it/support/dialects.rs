//! Minimal clients for all dialects: building requests, and reading responses.

use serde_json::{Value, json};

use super::{Answer, TestEnv};

/// Client of a dialect.
#[derive(Clone, Copy)]
pub struct DialectClient {
    pub path: &'static str,
    /// Builds a request with one user message.
    pub ask: fn(&str) -> Value,
    /// Text of a complete reply.
    pub text: fn(&Value) -> &Value,
    /// Text in an event of a stream.
    pub piece: fn(&Value) -> &Value,
    /// Content of the last event of a complete stream.
    pub end: &'static str,
    /// Message of an error.
    pub message: fn(&Value) -> &Value,
}

pub const DIALECT_CLIENTS: [DialectClient; 6] = [
    DialectClient {
        path: "/v1/chat/completions",
        ask: |text| json!({ "model": "gpt-4.1", "messages": [{ "role": "user", "content": text }], "stream": false }),
        text: |body| &body["choices"][0]["message"]["content"],
        piece: |event| &event["choices"][0]["delta"]["content"],
        end: "[DONE]",
        message: |body| &body["error"]["message"],
    },
    DialectClient {
        path: "/v1/messages",
        ask: |text| json!({ "model": "gpt-4.1", "max_tokens": 900, "messages": [{ "role": "user", "content": text }], "stream": false }),
        text: |body| &body["content"][0]["text"],
        piece: |event| &event["delta"]["text"],
        end: "message_stop",
        message: |body| &body["error"]["message"],
    },
    DialectClient {
        path: "/v1/responses",
        ask: |text| json!({ "model": "gpt-4.1", "input": text, "stream": false }),
        text: |body| &body["output"][0]["content"][0]["text"],
        piece: |event| {
            if event["type"] == "response.output_text.delta" { &event["delta"] } else { &Value::Null }
        },
        end: "response.completed",
        message: |body| &body["error"]["message"],
    },
    DialectClient {
        path: "/api/chat",
        ask: |text| json!({ "model": "gpt-4.1", "messages": [{ "role": "user", "content": text }], "stream": false }),
        text: |body| &body["message"]["content"],
        piece: |event| &event["message"]["content"],
        end: "\"done\":true",
        message: |body| &body["error"],
    },
    DialectClient {
        path: "/api/generate",
        ask: |text| json!({ "model": "gpt-4.1", "prompt": text, "stream": false }),
        text: |body| &body["response"],
        piece: |event| &event["response"],
        end: "\"done\":true",
        message: |body| &body["error"],
    },
    DialectClient {
        path: "/v1/completions",
        ask: |text| json!({ "model": "gpt-4.1", "prompt": text, "stream": false }),
        text: |body| &body["choices"][0]["text"],
        piece: |event| &event["choices"][0]["text"],
        end: "[DONE]",
        message: |body| &body["error"]["message"],
    },
];

impl DialectClient {
    pub async fn send_complete(&self, env: &TestEnv, text: &str) -> Answer {
        env.program.post(self.path, &(self.ask)(text)).await
    }

    pub async fn send_streamed(&self, env: &TestEnv, text: &str) -> Answer {
        let mut body = (self.ask)(text);
        body["stream"] = json!(true);
        env.program.post(self.path, &body).await
    }

    /// Sends a request with or without streaming.
    pub async fn send(&self, env: &TestEnv, text: &str, stream: bool) -> Answer {
        if stream { self.send_streamed(env, text).await } else { self.send_complete(env, text).await }
    }

    /// Text of a stream and its last event.
    pub fn read_stream(&self, answer: &Answer) -> (String, String) {
        assert_eq!(answer.status, 200, "{}: {:?}", self.path, answer.body);
        let body = String::from_utf8(answer.body.to_vec()).expect("UTF-8");
        let data = |line: &str| line.strip_prefix("data: ").map(str::to_owned);
        let events: Vec<String> = match answer.header("content-type") {
            Some("application/x-ndjson") => body.lines().map(str::to_owned).collect(),
            Some(sse) if sse.starts_with("text/event-stream") => body.lines().filter_map(data).collect(),
            other => panic!("{}: {other:?}", self.path),
        };
        let pieces = events.iter().filter_map(|event| {
            let event: Value = serde_json::from_str(event).ok()?;
            (self.piece)(&event).as_str().map(str::to_owned)
        });
        (pieces.collect(), events.last().cloned().unwrap_or_default())
    }

    /// Status and code of an error. Checks that its body has the dialect's form.
    pub fn read_error(&self, answer: &Answer) -> (u16, String) {
        assert_eq!(answer.header("content-type"), Some("application/json"), "{}", self.path);
        let body = answer.json();
        assert!((self.message)(&body).as_str().is_some_and(|text| !text.is_empty()), "{}: {body}", self.path);
        answer.error()
    }
}
