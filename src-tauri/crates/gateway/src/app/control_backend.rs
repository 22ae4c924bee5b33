//! Operations of the proxy and the server that management commands need.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use warp::reply::Response;

use super::keyless_listener::KeylessListener;
use super::service::HttpService;
use crate::management::{
    Backend, BoxFuture, ClientKeys, MainKey, SavePort, TestResult, TextSink, UserMessage,
};
use crate::proxy::Proxy;
use crate::server::SwitchError;
use storage::request_log::RequestErrorCode;
use storage::secrets::{ExposeSecret, Secret};

/// Time limit of a test request.
const TEST_REQUEST_TIMEOUT: Duration = Duration::from_secs(180);
/// The most bytes of a test request's response stream that are read.
const MAX_RESPONSE_BYTES: usize = 1 << 20;

/// Implementation of [`management::Backend`].
pub(super) struct AppBackend {
    pub(super) service: HttpService,
    pub(super) proxy: Proxy,
    pub(super) keys: ClientKeys,
    pub(super) keyless: Arc<KeylessListener>,
}

impl Backend for AppBackend {
    fn test_request(&self, model: String, text: String, sink: TextSink) -> BoxFuture<'_, TestResult> {
        Box::pin(async move {
            let Some(key) = self.key() else {
                return failed_result(
                    RequestErrorCode::KeyUnread,
                    "the client key cannot be read now: see Clients",
                );
            };
            let answer = self.send_test_request(&key, &model, &text, &sink);
            let result = tokio::time::timeout(TEST_REQUEST_TIMEOUT, answer).await;
            result.unwrap_or_else(|_| {
                failed_result(RequestErrorCode::UpstreamTimeout, "there was no answer within three minutes")
            })
        })
    }

    fn set_keyless_port<'a>(
        &'a self,
        port: Option<u16>,
        save: SavePort<'a>,
    ) -> BoxFuture<'a, Result<(), SwitchError>> {
        Box::pin(self.keyless.set_port(port, save))
    }

    fn set_stored_response_bytes(&self, max_bytes: usize) {
        self.proxy.set_stored_response_bytes(max_bytes);
    }

    fn keyless_notice(&self) -> Option<UserMessage> {
        self.keyless.message()
    }
}

impl AppBackend {
    fn key(&self) -> Option<Secret> {
        match self.keys.main() {
            MainKey::Kept { key, .. } | MainKey::ForThisRun { key, .. } => Some(key),
            MainKey::Unread { .. } => None,
        }
    }

    async fn send_test_request(&self, key: &Secret, model: &str, text: &str, sink: &TextSink) -> TestResult {
        let started = Instant::now();
        let Ok(request) = request(key, model, text) else {
            return failed_result(RequestErrorCode::InternalError, "the question cannot be sent");
        };
        // A task of its own: this one answers a command, and warp's routing keeps the request it works on in the task.
        // The request ends with this future, like that of a client that disconnects.
        let task = AbortOnDropHandle::new(tokio::spawn(self.service.clone().respond(request)));
        let Ok(response) = task.await else {
            return failed_result(
                RequestErrorCode::InternalError,
                "the proxy made a mistake; its log says more",
            );
        };
        let mut result = result_from_headers(&response);
        let mut body = response.into_body();
        let mut bytes = Vec::new();
        let mut read = 0;
        while let Some(Ok(frame)) = body.frame().await {
            if result.first_byte_ms == 0 {
                result.first_byte_ms = elapsed_ms(started);
            }
            let Ok(data) = frame.into_data() else { continue };
            bytes.extend_from_slice(&data);
            if result.status == 200 {
                // Whole lines only: the rest comes with the next frame.
                let end = memchr::memrchr(b'\n', &bytes).map_or(read, |at| at + 1);
                let lines = bytes.get(read..end).unwrap_or_default();
                for piece in texts(&String::from_utf8_lossy(lines)) {
                    sink(&piece);
                }
                read = end.max(read);
            }
            if bytes.len() > MAX_RESPONSE_BYTES {
                break;
            }
        }
        result.duration_ms = elapsed_ms(started);
        read_body(&mut result, &String::from_utf8_lossy(&bytes));
        result
    }
}

fn request(key: &Secret, model: &str, text: &str) -> Result<Request<Full<Bytes>>, http::Error> {
    let body = serde_json::json!({
        "model": model, "stream": true, "messages": [{ "role": "user", "content": text }],
    });
    Request::builder()
        .method(Method::POST)
        .uri("/v1/chat/completions")
        .header(header::HOST, "127.0.0.1")
        .header(header::AUTHORIZATION, format!("Bearer {}", key.expose_secret()))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body.to_string().into()))
}

fn result_from_headers(response: &Response) -> TestResult {
    let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
    TestResult {
        status: response.status().as_u16(),
        model: header("x-mammouth-model"),
        account: header("x-mammouth-account"),
        attempts: header("x-mammouth-attempts").and_then(|attempts| attempts.parse().ok()).unwrap_or(0),
        ..TestResult::default()
    }
}

/// Reads the text of a stream or of an error into the result.
fn read_body(view: &mut TestResult, body: &str) {
    let field = |json: &serde_json::Value, name| json["error"][name].as_str().map(str::to_owned);
    if view.status != 200 {
        let json = serde_json::from_str(body).unwrap_or_default();
        view.error = field(&json, "message").or_else(|| Some("the proxy refused the request".to_owned()));
        view.code = field(&json, "code");
        return;
    }
    for data in body.lines().filter_map(|line| line.strip_prefix("data: ")) {
        let json: serde_json::Value = serde_json::from_str(data).unwrap_or_default();
        view.text.push_str(json["choices"][0]["delta"]["content"].as_str().unwrap_or_default());
        view.error = field(&json, "message").or(view.error.take());
        view.code = field(&json, "code").or(view.code.take());
    }
}

/// The pieces of text in these lines of a stream.
fn texts(lines: &str) -> Vec<String> {
    let data = lines.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok());
    let text = |json: serde_json::Value| json["choices"][0]["delta"]["content"].as_str().map(str::to_owned);
    data.filter_map(text).filter(|text| !text.is_empty()).collect()
}

fn failed_result(code: RequestErrorCode, error: &str) -> TestResult {
    TestResult { error: Some(error.to_owned()), code: Some(code.name().to_owned()), ..TestResult::default() }
}

fn elapsed_ms(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_stream_lines_is_found() {
        let lines = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n\
                     data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\
                     data: {\"choices\":[{\"delta\":{\"content\":\"lo\"}}]}\n\n: comment\ndata: [DONE]\n";
        assert_eq!(texts(lines), ["Hel", "lo"]);
    }
}
