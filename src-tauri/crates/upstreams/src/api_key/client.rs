//! HTTP client of the official API: common headers, timeouts, and the check of each response for errors.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use reqwest::{Body, RequestBuilder};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::ApiBuildError;
use super::error_mapping::{self, ApiErrorResponse};
use super::passthrough::CompleteResponse;
use super::usage_observer::Observed;
use crate::transport::body::{BodyReader, read_error_body};
use crate::transport::client::{self, HttpSettings, SharedClient, UpstreamClient};
use crate::transport::content_type::{MediaType, is_compressed};
use crate::transport::offload::offload_if_large;
use crate::{Credential, UpstreamError, UpstreamErrorKind};
use storage::secrets::{ExposeSecret, Secret};

const TIMEOUT_MESSAGE: &str = "the API did not answer in time";
/// Largest reply that is not streamed, bytes.
const MAX_COMPLETE_RESPONSE_BYTES: usize = 64 * 1024 * 1024;
/// Largest response about models or a key, bytes.
const MAX_METADATA_BYTES: usize = 8 * 1024 * 1024;

/// Client of one API host. Serves all keys.
pub(super) struct ApiClient {
    pub(super) http: SharedClient,
    settings: HttpSettings,
    pub(super) chat: Url,
    pub(super) embeddings: Url,
    pub(super) models: Url,
    pub(super) public_models: Url,
    pub(super) public_info: Url,
    pub(super) key_info: Url,
    pub(super) key_info_v1: Url,
}

impl ApiClient {
    pub(super) fn new(settings: HttpSettings) -> Result<Self, ApiBuildError> {
        let client = SharedClient::new(&settings)?;
        let url = |path| client::endpoint(&settings.base, path).ok_or(ApiBuildError::Base);
        Ok(Self {
            http: client,
            chat: url("/v1/chat/completions")?,
            embeddings: url("/v1/embeddings")?,
            models: url("/v1/models")?,
            public_models: url("/public/models")?,
            public_info: url("/public/model/info")?,
            key_info: url("/key/info")?,
            key_info_v1: url("/v1/key/info")?,
            settings,
        })
    }

    /// Sends a POST with a JSON body and waits for the response head.
    pub(super) async fn post<'a>(
        &'a self,
        credential: &'a Credential,
        url: &'a Url,
        body: Body,
    ) -> Result<ResponseHead<'a>, UpstreamError> {
        let client = self.http.get();
        let request = client.http.post(url.clone()).header(header::CONTENT_TYPE, "application/json");
        self.send(&client, Some(credential), url, request.body(body)).await
    }

    /// Sends a GET and parses the JSON response.
    pub(super) async fn get(
        &self,
        credential: Option<&Credential>,
        url: &Url,
    ) -> Result<Value, UpstreamError> {
        let client = self.http.get();
        let request = client.http.get(url.clone());
        self.send(&client, credential, url, request).await?.json(MAX_METADATA_BYTES).await
    }

    pub(super) async fn probe(&self) -> Result<Option<SystemTime>, UpstreamError> {
        self.http.probe(&self.public_models, HeaderMap::new(), TIMEOUT_MESSAGE).await
    }

    async fn send<'a>(
        &'a self,
        client: &UpstreamClient,
        credential: Option<&'a Credential>,
        url: &'a Url,
        request: RequestBuilder,
    ) -> Result<ResponseHead<'a>, UpstreamError> {
        let first_byte = Instant::now() + self.settings.first_byte_timeout;
        let mut request = request.header(header::ACCEPT_ENCODING, "identity");
        if let Some(credential) = credential {
            request = request.header(header::AUTHORIZATION, bearer(&credential.secret)?);
        }
        let late = |_| UpstreamError::new(UpstreamErrorKind::Timeout, TIMEOUT_MESSAGE);
        let sent = timeout_at(first_byte, request.send()).await.map_err(late)?;
        let response = sent.map_err(|error| client.request_error(error))?.into();
        Ok(ResponseHead {
            client: self,
            secret: credential.map(|known| &known.secret),
            url,
            first_byte,
            response,
        })
    }
}

fn bearer(secret: &Secret) -> Result<HeaderValue, UpstreamError> {
    let key = secret.expose_secret();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let detail = "the stored key holds characters that no key can hold";
        return Err(UpstreamError::new(UpstreamErrorKind::LoginRequired, detail));
    }
    let mut header = HeaderValue::from_str(&format!("Bearer {key}")).expect("visible ASCII makes a header");
    header.set_sensitive(true);
    Ok(header)
}

/// Response head whose body has not been read yet.
pub(super) struct ResponseHead<'a> {
    client: &'a ApiClient,
    secret: Option<&'a Secret>,
    url: &'a Url,
    pub(super) first_byte: Instant,
    response: http::Response<Body>,
}

impl ResponseHead<'_> {
    /// The body, if it is a stream of events.
    pub(super) async fn into_reader(self) -> Result<BodyReader, UpstreamError> {
        let value = self.response.headers().get(header::CONTENT_TYPE);
        let essence = value.and_then(|value| value.to_str().ok()).unwrap_or("text/event-stream");
        let essence = essence.split(';').next().unwrap_or_default().trim();
        if self.is_success() && essence.eq_ignore_ascii_case("text/event-stream") {
            let settings = &self.client.settings;
            let (idle, cap) = (settings.idle_timeout, settings.max_reply_bytes);
            return Ok(BodyReader::new(self.response.into_body(), self.first_byte, idle, cap));
        }
        if self.is_success() && MediaType::from_headers(self.response.headers()) == MediaType::Json {
            // The response may be an error in place of a stream. A reply that is not streamed is not what the
            // client waits for.
            let json = self.json(MAX_COMPLETE_RESPONSE_BYTES).await?;
            if is_empty_list(&json["choices"]) {
                return Err(empty_response_error());
            }
            return Err(bad_response_error(
                "the API answered with a whole reply where a stream was asked for",
            ));
        }
        Err(self.into_error().await)
    }

    /// The body of a whole chat completion, checked to the end.
    pub(super) async fn complete_chat(self) -> Result<CompleteResponse, UpstreamError> {
        self.complete_response("choices").await
    }

    /// The body of an embeddings response, checked to the end.
    pub(super) async fn embeddings(self) -> Result<CompleteResponse, UpstreamError> {
        self.complete_response("data").await
    }

    async fn complete_response(self, field: &'static str) -> Result<CompleteResponse, UpstreamError> {
        if !self.is_json() {
            return Err(self.into_error().await);
        }
        let (parts, body) = self.response.into_parts();
        let body = read_body(self.client, self.first_byte, body, MAX_COMPLETE_RESPONSE_BYTES).await?;
        let reading = body.clone();
        match offload_if_large(body.len(), move || Observed::from_body(&reading, field)).await {
            Some(seen) => Ok(CompleteResponse { body, observed: seen }),
            None => {
                Err(unexpected_json_error(parts.status, &parts.headers, &body, self.url, self.secret, field))
            }
        }
    }

    /// Reads JSON of at most `cap` bytes that is no error.
    async fn json(self, cap: usize) -> Result<Value, UpstreamError> {
        if !self.is_json() {
            return Err(self.into_error().await);
        }
        let (parts, body) = self.response.into_parts();
        let body = read_body(self.client, self.first_byte, body, cap).await?;
        match serde_json::from_slice::<Value>(&body) {
            Ok(json) if !error_mapping::is_error(&json) => Ok(json),
            Ok(_) | Err(_) => {
                Err(unexpected_json_error(parts.status, &parts.headers, &body, self.url, self.secret, "data"))
            }
        }
    }

    async fn into_error(self) -> UpstreamError {
        let (parts, body) = self.response.into_parts();
        if parts.status == StatusCode::NO_CONTENT {
            return UpstreamError::new(UpstreamErrorKind::Empty, "the API answered with nothing")
                .with_status(204);
        }
        let body = read_error_body(&parts, body, self.first_byte).await;
        if parts.status == StatusCode::OK && body.as_ref().is_some_and(Vec::is_empty) {
            return empty_response_error();
        }
        let body = body.unwrap_or_default();
        let refusal =
            ApiErrorResponse { status: parts.status, headers: &parts.headers, body: &body, url: self.url };
        refusal.to_error(self.secret, SystemTime::now())
    }

    fn is_json(&self) -> bool {
        let headers = self.response.headers();
        let named = headers.contains_key(header::CONTENT_TYPE);
        self.is_success() && (!named || MediaType::from_headers(headers) == MediaType::Json)
    }

    fn is_success(&self) -> bool {
        self.response.status() == StatusCode::OK && !is_compressed(self.response.headers())
    }
}

async fn read_body(
    host: &ApiClient,
    first_byte: Instant,
    body: Body,
    cap: usize,
) -> Result<Bytes, UpstreamError> {
    let source = BodyReader::new(body, first_byte, host.settings.idle_timeout, cap as u64);
    let body = source.collect(cap).await.map_err(|broken| broken.before_output())?;
    if body.is_empty() {
        return Err(UpstreamError::new(UpstreamErrorKind::Empty, "the API answered with nothing"));
    }
    Ok(body)
}

/// The error for unexpected JSON: one with a status of its own, or an invalid response.
fn unexpected_json_error(
    status: StatusCode,
    headers: &http::HeaderMap,
    body: &[u8],
    url: &Url,
    secret: Option<&Secret>,
    field: &str,
) -> UpstreamError {
    match serde_json::from_slice::<Value>(body) {
        Ok(json) if error_mapping::is_error(&json) => {
            ApiErrorResponse { status, headers, body, url }.to_error(secret, SystemTime::now())
        }
        Ok(json) if is_empty_list(&json[field]) => empty_response_error(),
        Ok(_) => bad_response_error(format!("expected JSON with {field} at {}", url.path())),
        Err(_) => bad_response_error("the answer is cut or is not valid JSON"),
    }
}

fn is_empty_list(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}

fn empty_response_error() -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::Empty, "the API answered with nothing").with_status(200)
}

fn bad_response_error(detail: impl Into<String>) -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::BadResponse, detail).with_status(200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s10_the_base_is_https_or_this_machine() {
        let built = |base: &str| ApiClient::new(HttpSettings::new(base.parse().unwrap()));
        for base in ["https://api.mammouth.ai", "http://127.0.0.1:9/prefix/"] {
            assert!(built(base).is_ok(), "{base}");
        }
        for base in ["http://api.mammouth.ai", "https://a:b@api.mammouth.ai", "http://10.0.0.1", "data:x"] {
            assert!(built(base).is_err(), "{base}");
        }
        let host = built("http://127.0.0.1:9/prefix/").ok().unwrap();
        assert_eq!(host.chat.as_str(), "http://127.0.0.1:9/prefix/v1/chat/completions");
    }

    #[test]
    fn g05_a_key_that_would_forge_a_header_is_not_sent() {
        for key in ["", "a\r\nX: y", "a b", "é"] {
            assert_eq!(bearer(&key.into()).unwrap_err().kind, UpstreamErrorKind::LoginRequired, "{key:?}");
        }
        let header = bearer(&"sk-1".into()).unwrap();
        assert!(header.is_sensitive() && header == "Bearer sk-1");
    }
}
