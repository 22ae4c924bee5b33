//! HTTP client of the site: common headers, timeouts, and the check of each response for errors.

use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use reqwest::{Body, RequestBuilder};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::error_mapping::{WebErrorResponse, is_error};
use super::{WebBuildError, WebSettings};
use crate::transport::body::{BodyReader, read_error_body};
use crate::transport::client::{self, SharedClient};
use crate::transport::content_type::{MediaType, is_compressed};
use crate::transport::sanitize::sanitize;
use crate::{Credential, UpstreamError, UpstreamErrorKind};
use storage::secrets::{ExposeSecret, Secret};

const TIMEOUT_MESSAGE: &str = "the site did not answer in time";
/// Largest reply that is collected before it is passed on, bytes.
const MAX_COMPLETE_REPLY_BYTES: usize = 64 * 1024 * 1024;

/// Client of one site. Serves all sessions.
pub(super) struct SiteClient {
    pub(super) http: SharedClient,
    headers: HeaderMap,
    pub(super) settings: WebSettings,
    pub(super) chat: Url,
    pub(super) upload: Url,
    pub(super) user: Url,
    pub(super) recent_usage: Url,
    pub(super) current_usage: Url,
}

impl SiteClient {
    pub(super) fn new(settings: WebSettings) -> Result<Self, WebBuildError> {
        let client = SharedClient::new(&settings.http)?;
        check_names(&settings)?;
        let protocol = &settings.protocol;
        let url =
            |field, path| client::endpoint(&settings.http.base, path).ok_or(WebBuildError::Protocol(field));
        Ok(Self {
            http: client,
            headers: headers(&settings)?,
            chat: url("chat_path", &protocol.chat_path)?,
            upload: url("upload_path", &protocol.upload_path)?,
            user: url("user_path", &protocol.user_path)?,
            recent_usage: url("recent_usage_path", &protocol.recent_usage_path)?,
            current_usage: url("current_usage_path", &protocol.current_usage_path)?,
            settings,
        })
    }

    /// Sends a request and waits for the response head.
    pub(super) async fn send<'a>(
        &'a self,
        credential: &'a Credential,
        method: Method,
        url: &'a Url,
        fill: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<SiteResponse<'a>, UpstreamError> {
        let first_byte = Instant::now() + self.settings.http.first_byte_timeout;
        let mut headers = self.headers.clone();
        headers.insert(header::COOKIE, self.cookie(credential)?);
        let client = self.http.get();
        let request = fill(client.http.request(method, url.clone()).headers(headers));
        let late = |_| UpstreamError::new(UpstreamErrorKind::Timeout, TIMEOUT_MESSAGE);
        let sent = timeout_at(first_byte, request.send()).await.map_err(late)?;
        let response = sent.map_err(|error| client.request_error(error))?.into();
        Ok(SiteResponse { client: self, credential, url, first_byte, response })
    }

    /// Checks that the site responds at all, without a session. Returns the time of its `Date` header.
    pub(super) async fn probe(&self) -> Result<Option<SystemTime>, UpstreamError> {
        self.http.probe(&self.user, self.headers.clone(), TIMEOUT_MESSAGE).await
    }

    /// Sends a GET and parses the JSON response.
    pub(super) async fn get(
        &self,
        credential: &Credential,
        url: &Url,
        cap: usize,
    ) -> Result<Value, UpstreamError> {
        self.send(credential, Method::GET, url, |request| request).await?.json(cap).await
    }

    fn cookie(&self, credential: &Credential) -> Result<HeaderValue, UpstreamError> {
        let value = credential.secret.expose_secret();
        let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'"' | b'\\');
        if value.is_empty() || !value.bytes().all(allowed) {
            let detail = "the stored session cookie holds characters that no cookie can hold";
            return Err(UpstreamError::new(UpstreamErrorKind::LoginRequired, detail));
        }
        let mut header = HeaderValue::from_str(&format!("{}={value}", self.settings.protocol.cookie))
            .expect("a checked name and visible ASCII make a header");
        header.set_sensitive(true);
        Ok(header)
    }
}

/// Response head whose body has not been read yet.
pub(super) struct SiteResponse<'a> {
    client: &'a SiteClient,
    credential: &'a Credential,
    url: &'a Url,
    first_byte: Instant,
    response: http::Response<Body>,
}

/// A reply to a chat request.
pub(super) enum SiteReply {
    Stream(BodyReader),
    Complete { text: String, model: Option<String> },
}

impl SiteResponse<'_> {
    /// Reads the response as the reply of a model.
    pub(super) async fn reply(self) -> Result<SiteReply, UpstreamError> {
        match (self.is_success(), MediaType::from_headers(self.response.headers())) {
            (true, MediaType::Text) => Ok(SiteReply::Stream(self.into_reader())),
            (true, MediaType::Json) => {
                let shape = &self.client.settings.protocol;
                let misfit = format!("expected text or JSON with {} ({})", shape.content_key, shape.name);
                let key = shape.content_key.clone();
                let secret = &self.credential.secret;
                parse_complete_reply(self.json(MAX_COMPLETE_REPLY_BYTES).await?, &key, secret)
                    .ok_or_else(|| bad_response_error(misfit))
            }
            (true, MediaType::Html | MediaType::Other) | (false, _) => Err(self.into_error().await),
        }
    }

    /// Reads the response as JSON of at most `cap` bytes that is not an error.
    pub(super) async fn json(self, cap: usize) -> Result<Value, UpstreamError> {
        if !self.is_success() || MediaType::from_headers(self.response.headers()) != MediaType::Json {
            return Err(self.into_error().await);
        }
        let (parts, body) = self.response.into_parts();
        let source =
            BodyReader::new(body, self.first_byte, self.client.settings.http.idle_timeout, cap as u64);
        let body = source.collect(cap).await.map_err(|broken| broken.before_output())?;
        if body.is_empty() {
            return Err(UpstreamError::new(UpstreamErrorKind::Empty, "the site answered with nothing"));
        }
        let json = serde_json::from_slice(&body)
            .map_err(|_| bad_response_error("the answer is cut or is not valid JSON"))?;
        if is_error(&json) {
            let shape = &self.client.settings.protocol.name;
            let refusal = WebErrorResponse {
                status: parts.status,
                headers: &parts.headers,
                body: &body,
                url: self.url,
                protocol_name: shape,
            };
            return Err(refusal.to_error(&self.credential.secret, SystemTime::now()));
        }
        Ok(json)
    }

    async fn into_error(self) -> UpstreamError {
        let (parts, body) = self.response.into_parts();
        if parts.status == StatusCode::NO_CONTENT {
            return UpstreamError::new(UpstreamErrorKind::Empty, "the site answered with nothing")
                .with_status(204);
        }
        let body = read_error_body(&parts, body, self.first_byte).await.unwrap_or_default();
        let shape = &self.client.settings.protocol.name;
        let refusal = WebErrorResponse {
            status: parts.status,
            headers: &parts.headers,
            body: &body,
            url: self.url,
            protocol_name: shape,
        };
        refusal.to_error(&self.credential.secret, SystemTime::now())
    }

    fn is_success(&self) -> bool {
        let status = self.response.status();
        matches!(status, StatusCode::OK | StatusCode::CREATED) && !is_compressed(self.response.headers())
    }

    fn into_reader(self) -> BodyReader {
        let settings = &self.client.settings.http;
        BodyReader::new(
            self.response.into_body(),
            self.first_byte,
            settings.idle_timeout,
            settings.max_reply_bytes,
        )
    }
}

fn parse_complete_reply(json: Value, content_key: &str, secret: &Secret) -> Option<SiteReply> {
    let model = json.get("model").and_then(Value::as_str).map(|model| sanitize(model, secret));
    let model = model.filter(|model| !model.is_empty());
    let text = match json {
        Value::String(text) => text,
        Value::Object(mut object) => match object.remove(content_key)? {
            Value::String(text) => text,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                return None;
            }
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return None,
    };
    Some(SiteReply::Complete { text, model })
}

fn bad_response_error(detail: impl Into<String>) -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::BadResponse, detail).with_status(200)
}

fn check_names(settings: &WebSettings) -> Result<(), WebBuildError> {
    let plain = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.[]".contains(&b))
    };
    match settings.protocol.form_names().into_iter().find(|(_, name)| !plain(name)) {
        Some((field, _)) => Err(WebBuildError::Protocol(field)),
        None => Ok(()),
    }
}

fn headers(settings: &WebSettings) -> Result<HeaderMap, WebBuildError> {
    let shape = &settings.protocol;
    let mut headers = HeaderMap::with_capacity(8);
    let mut set = |field, name: HeaderName, value: &str| {
        headers.insert(name, HeaderValue::from_str(value).map_err(|_| WebBuildError::Protocol(field))?);
        Ok::<_, WebBuildError>(())
    };
    set("origin", header::ORIGIN, &shape.origin)?;
    set("referer", header::REFERER, &shape.referer)?;
    set("", header::ACCEPT_ENCODING, "identity")?;
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::super::site_protocol::SiteProtocol;
    use super::*;

    fn built(base: &str, change: impl FnOnce(&mut SiteProtocol)) -> Result<SiteClient, WebBuildError> {
        let mut settings = WebSettings::new(base.parse().unwrap());
        change(&mut settings.protocol);
        SiteClient::new(settings)
    }

    #[test]
    fn s10_the_base_is_https_or_this_machine() {
        for base in
            ["https://mammouth.ai", "http://127.0.0.1:9", "http://[::1]:9/prefix/", "http://localhost:1"]
        {
            assert!(built(base, |_| ()).is_ok(), "{base}");
        }
        for base in
            ["http://mammouth.ai", "https://a:b@mammouth.ai", "ftp://127.0.0.1", "http://10.0.0.1", "data:x"]
        {
            assert!(matches!(built(base, |_| ()), Err(WebBuildError::Base)), "{base}");
        }
    }

    #[test]
    fn p14_protocol_values_cannot_inject_headers_or_form_parts() {
        let field = |change: fn(&mut SiteProtocol)| match built("https://mammouth.ai", change) {
            Err(WebBuildError::Protocol(field)) => field,
            Ok(_) | Err(WebBuildError::Base | WebBuildError::Roots | WebBuildError::Client) => "none",
        };
        assert_eq!(field(|shape| shape.model_field = "a\"\r\nx".into()), "model_field");
        assert_eq!(field(|shape| shape.cookie = "a=b; c".into()), "cookie");
        assert_eq!(field(|shape| shape.origin = "a\r\nb".into()), "origin");
        assert_eq!(field(|shape| shape.chat_path = "@evil.example/".into()), "chat_path");
        assert_eq!(field(|shape| shape.chat_path = ".evil.example/".into()), "chat_path");
    }

    #[test]
    fn paths_are_relative_to_the_base() {
        let site = built("http://127.0.0.1:9/prefix/", |_| ()).unwrap();
        assert_eq!(site.chat.as_str(), "http://127.0.0.1:9/prefix/api/models/llms");
    }

    #[test]
    fn g05_a_cookie_value_that_would_forge_a_header_is_not_sent() {
        let site = built("https://mammouth.ai", |_| ()).unwrap();
        for value in ["", "a;b", "a\r\nX: y", "a b", "é", "\"q\""] {
            let credential = Credential { account: "a".into(), secret: value.into() };
            assert_eq!(
                site.cookie(&credential).unwrap_err().kind,
                UpstreamErrorKind::LoginRequired,
                "{value:?}"
            );
        }
        let credential = Credential { account: "a".into(), secret: "abc=".into() };
        let header = site.cookie(&credential).unwrap();
        assert!(header.is_sensitive() && header == "auth_session=abc=");
    }
}
