//! Responses before they are sent, and their changes by faults.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::chunks::BodyChunks;
use super::fault::{Fault, FaultBody};
use super::login;

/// Bytes that begin like a gzip stream and are not valid.
const INVALID_GZIP: &[u8] = b"\x1f\x8b\x08\x00\xde\xad\xbe\xef\xff\xff\xff\xff";
const HTML_PAGE: &str = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1>\
                         <script>document.title = 'page'</script></body></html>";
const CHALLENGE_PAGE: &str = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>\
                              <div id=\"challenge-running\">Checking your browser</div></body></html>";
const PORTAL_PAGE: &str = "<!DOCTYPE html><html><head><title>Welcome to our Wi-Fi</title></head><body>\
                           <form action=\"/accept\"><button>Accept the terms</button></form></body></html>";

/// Status, headers and body.
pub(super) struct MockResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) chunks: BodyChunks,
    /// Whether the response is sent with a `Content-Length`, otherwise in chunked encoding.
    pub(super) length_known: bool,
}

impl MockResponse {
    /// A model's reply, streamed.
    pub(super) fn plain_text(chunks: BodyChunks) -> Self {
        Self { length_known: false, ..Self::new(StatusCode::OK, "text/plain; charset=utf-8", chunks) }
    }

    pub(super) fn json(status: StatusCode, value: &Value) -> Self {
        Self::new(status, "application/json", BodyChunks::single(value.to_string()))
    }

    /// An error in the site's form.
    pub(super) fn error(status: StatusCode, message: &str) -> Self {
        let value = json!({"error": true, "statusCode": status.as_u16(), "statusMessage": message, "message": message});
        Self::json(status, &value)
    }

    pub(super) fn unauthorized() -> Self {
        let value = json!({"statusCode": 401, "statusMessage": "Unauthorized"});
        Self::json(StatusCode::UNAUTHORIZED, &value)
    }

    pub(super) fn quota() -> Self {
        Self::error(StatusCode::FORBIDDEN, "Your usage limit reached for this model. Please try again later.")
    }

    pub(super) fn html(status: StatusCode, page: &str) -> Self {
        Self::new(status, "text/html; charset=utf-8", BodyChunks::single(page.to_owned()))
    }

    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), chunks: BodyChunks::empty(), length_known: true }
    }

    fn new(status: StatusCode, kind: &'static str, chunks: BodyChunks) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
        Self { status, headers, chunks, length_known: true }
    }

    fn redirect(to: &str) -> Self {
        let mut answer = Self::empty(StatusCode::FOUND);
        if let Ok(to) = to.parse() {
            answer.headers.insert(LOCATION, to);
        }
        answer
    }

    /// The response with a fault. `make_response` makes the normal one and is called only if it is needed, because it
    /// may count against a quota. `cookie` is the request's header.
    pub(super) fn with_fault(fault: &Fault, cookie: &str, make_response: impl FnOnce() -> Self) -> Self {
        let status = fault.status.and_then(|code| StatusCode::from_u16(code).ok());
        let mut answer = match (&fault.body, status) {
            (Some(body), _) => Self::from_fault_body(body, cookie, make_response),
            (None, Some(status)) if !status.is_success() => {
                Self::error(status, status.canonical_reason().unwrap_or("Unknown"))
            }
            (None, _) => make_response(),
        };
        answer.status = status.unwrap_or(answer.status);
        answer.apply_body_faults(fault, |_, size| BodyChunks::filler(size));
        answer
    }

    pub(super) fn from_fault_body(
        body: &FaultBody,
        cookie: &str,
        make_response: impl FnOnce() -> Self,
    ) -> Self {
        const FAILED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
        match body {
            FaultBody::Quota => Self::quota(),
            FaultBody::BadCookie => Self::unauthorized(),
            FaultBody::Message(text) => Self::error(FAILED, text),
            FaultBody::Leak => Self::error(FAILED, &format!("cannot serve a request with Cookie: {cookie}")),
            FaultBody::Html => Self::html(StatusCode::BAD_GATEWAY, HTML_PAGE),
            FaultBody::Challenge => Self::challenge(),
            FaultBody::Portal => Self::html(StatusCode::OK, PORTAL_PAGE),
            FaultBody::Login => Self::redirect(login::PATH),
            FaultBody::Redirect(to) => Self::redirect(to),
            FaultBody::Text(text) => Self::plain_text(BodyChunks::single(text.clone())),
            FaultBody::Empty => Self::plain_text(BodyChunks::empty()),
            FaultBody::JsonError => {
                let value = json!({"error": true, "statusCode": 500, "message": "Something went wrong"});
                Self::json(StatusCode::OK, &value)
            }
            FaultBody::Json => make_response().map_text(|text| json!({"content": text}).to_string()),
            FaultBody::JsonString => make_response().map_text(|text| json!(text).to_string()),
            FaultBody::CutJson => make_response().map_text(truncated_json),
            FaultBody::Downgrade(model) => {
                make_response().map_text(|text| json!({"content": text, "model": model}).to_string())
            }
        }
    }

    /// Truncates the body in the middle.
    pub(super) fn truncated(self) -> Self {
        let whole = self.chunks.concat();
        Self { chunks: BodyChunks::single(whole.slice(..whole.len() / 2)), ..self }
    }

    /// Replaces the model's name in the JSON.
    pub(super) fn with_model(self, model: &str) -> Self {
        let Ok(mut json) = serde_json::from_slice::<Value>(&self.chunks.clone().concat()) else {
            return self;
        };
        json["model"] = json!(model);
        Self { chunks: BodyChunks::single(json.to_string()), ..self }
    }

    fn challenge() -> Self {
        let mut answer = Self::html(StatusCode::FORBIDDEN, CHALLENGE_PAGE);
        answer.headers.insert("cf-mitigated", HeaderValue::from_static("challenge"));
        answer
    }

    /// Wraps the text of a successful response in JSON.
    fn map_text(self, wrap: impl FnOnce(&str) -> String) -> Self {
        if !self.status.is_success() {
            return self;
        }
        let text = wrap(&String::from_utf8_lossy(&self.chunks.concat()));
        Self::new(self.status, "application/json", BodyChunks::single(text))
    }

    /// Applies the faults that change the body. `filled` makes a reply of a given size.
    pub(super) fn apply_body_faults(
        &mut self,
        fault: &Fault,
        resize: impl FnOnce(BodyChunks, u64) -> BodyChunks,
    ) {
        let mut chunks = std::mem::replace(&mut self.chunks, BodyChunks::empty());
        if let Some(mistake) = fault.tool_mistake.filter(|_| self.status.is_success()) {
            chunks = BodyChunks::words(&mistake.apply(&String::from_utf8_lossy(&chunks.concat())));
        }
        if let Some(size) = fault.size.or(fault.endless.then_some(u64::MAX)) {
            chunks = resize(chunks, size);
            self.length_known = false;
        }
        if let Some(after) = fault.error_after {
            chunks = chunks.with_error(after);
        }
        if let Some(kind) = fault.bad_utf8 {
            chunks = chunks.with_bad_utf8(kind);
        }
        if fault.gzip_garbage {
            chunks = BodyChunks::single(INVALID_GZIP);
            self.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        self.chunks = match fault.slice {
            Some(size) => chunks.sliced(size),
            None => chunks,
        };
        fault.headers.iter().for_each(|(name, value)| self.add_header(name, value));
    }

    fn add_header(&mut self, name: &str, value: &str) {
        let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) else {
            return;
        };
        if name == CONTENT_TYPE {
            self.headers.insert(name, value);
        } else {
            self.headers.append(name, value);
        }
    }
}

fn truncated_json(text: &str) -> String {
    let whole = json!({"content": text}).to_string();
    let middle = whole.len() / 2;
    let end = (0..=middle).rev().find(|index| whole.is_char_boundary(*index)).unwrap_or(0);
    whole[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under(fault: &str) -> (u16, String) {
        let answer = MockResponse::with_fault(&fault.parse().unwrap(), "c=1", || {
            MockResponse::plain_text(BodyChunks::words("a \"b\""))
        });
        (answer.status.as_u16(), String::from_utf8(answer.chunks.concat().to_vec()).unwrap())
    }

    #[test]
    fn the_reply_can_be_wrapped_and_cut() {
        assert_eq!(under("body=json"), (200, r#"{"content":"a \"b\""}"#.to_owned()));
        assert_eq!(under("body=json-string"), (200, r#""a \"b\"""#.to_owned()));
        assert_eq!(under("downgrade=m"), (200, r#"{"content":"a \"b\"","model":"m"}"#.to_owned()));
        assert_eq!(under("body=cut-json"), (200, r#"{"content""#.to_owned()));
    }

    #[test]
    fn a_status_goes_with_any_body() {
        assert_eq!(under("status=429 body=challenge").0, 429);
        assert_eq!(under("status=201"), (201, "a \"b\"".to_owned()));
        assert!(under("status=503").1.contains("\"statusCode\":503"));
        assert!(under("body=leak").1.contains("c=1"));
    }

    #[test]
    fn a_fault_status_does_not_build_the_normal_response() {
        let answer = MockResponse::with_fault(&Fault::status(500), "", || panic!("not needed"));
        assert_eq!(answer.status, 500);
        let answer = MockResponse::with_fault(&Fault::quota(), "", || panic!("not needed"));
        assert_eq!(answer.status, 403);
    }
}
