//! Stored responses of OpenAI's Responses API.

use std::time::Instant;

use warp::reply::Response;

use crate::proxy::error::ProxyError;
use crate::proxy::response::{json_response, render_error};
use crate::proxy::{CallerInfo, ProxyInner};
use dialects::ApiFamily;

/// `GET /v1/responses/{id}`.
pub(in crate::proxy) fn get_response(proxy: &ProxyInner, caller: &CallerInfo, id: &str) -> Response {
    match proxy.responses.get_body(&caller.client, id, Instant::now()) {
        Some(body) => json_response(200, body),
        None => render_error(&ProxyError::NoSuchResponse, ApiFamily::OpenAi).0,
    }
}

/// `DELETE /v1/responses/{id}`.
pub(in crate::proxy) fn delete_response(proxy: &ProxyInner, caller: &CallerInfo, id: &str) -> Response {
    if proxy.responses.remove(&caller.client, id, Instant::now()) {
        json_response(200, dialects::response_deleted(id))
    } else {
        render_error(&ProxyError::NoSuchResponse, ApiFamily::OpenAi).0
    }
}
