//! Complete responses that are written without the service: for connections beyond the cap, and for heads that hyper
//! cannot parse.

/// The security headers that the service adds to its own responses: no sniffing, framing, caching or sharing.
const FIXED_HEADERS: &str = "x-content-type-options: nosniff\r\nx-frame-options: DENY\r\n\
referrer-policy: no-referrer\r\ncross-origin-resource-policy: same-origin\r\ncache-control: no-store\r\n\
content-type: application/json\r\nconnection: close\r\n";

/// The 503 for a connection beyond the cap.
pub(super) fn too_many_connections() -> Vec<u8> {
    let error =
        PlainError { kind: "server_error", code: "overloaded", message: "too many connections; try again" };
    render("503 Service Unavailable", "retry-after: 1\r\n", &error)
}

/// The response that replaces hyper's own response, of which `written` is the head; `None` if `written` is not such a
/// head. hyper's response to a head that it cannot parse has neither a body nor the security headers.
pub(super) fn replacement_for(written: &[u8]) -> Option<Vec<u8>> {
    if !written.starts_with(b"HTTP/1.1 4") || !written.ends_with(b"\r\n\r\n") {
        return None;
    }
    let client_error = |code, message| PlainError { kind: "invalid_request_error", code, message };
    let (status, error) = match written.get(9..12)? {
        b"400" => ("400 Bad Request", client_error("invalid_request", "this is not a valid HTTP request")),
        b"414" => ("414 URI Too Long", client_error("uri_too_long", "the path is too long")),
        b"431" => (
            "431 Request Header Fields Too Large",
            client_error("headers_too_large", "the headers are too large"),
        ),
        _ => return None,
    };
    Some(render(status, "", &error))
}

struct PlainError {
    kind: &'static str,
    code: &'static str,
    message: &'static str,
}

/// Renders a response with an error in OpenAI's format, since no path is known that would select another format.
fn render(status: &str, headers: &str, error: &PlainError) -> Vec<u8> {
    let PlainError { kind, code, message } = error;
    let body = format!(
        "{{\"error\":{{\"message\":\"{message}\",\"type\":\"{kind}\",\"param\":null,\"code\":\"{code}\"}}}}\n"
    );
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{FIXED_HEADERS}{headers}content-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_response_has_its_content_length_and_a_json_body() {
        let hyper_response =
            |status| format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        let replaced = [400, 414, 431]
            .map(|status| replacement_for(hyper_response(status).as_bytes()).expect("hyper's own"));
        for response in replaced.into_iter().chain([too_many_connections()]) {
            let text = String::from_utf8(response).expect("text");
            let (head, body) = text.split_once("\r\n\r\n").expect("head and body");
            assert!(head.contains(&format!("content-length: {}", body.len())), "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(body).is_ok(), "{body}");
        }
    }

    #[test]
    fn other_responses_are_not_replaced() {
        for written in
            ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 404 Not Found\r\n\r\n", "HTTP/1.1 400 x\r\n\r\nbody", ""]
        {
            assert!(replacement_for(written.as_bytes()).is_none(), "{written}");
        }
    }
}
