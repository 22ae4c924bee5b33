//! Tests that show what a new dialect and a new upstream need.

mod new_dialect;
mod new_upstream;

use bytes::Bytes;
use http::Request as HttpRequest;
use http_body_util::{BodyExt, Full};
use tower_service::Service;
use warp::Filter;

use super::{CallerInfo, Proxy, handle_rejection, route_table, routes};
use crate::auth::{Guard, KeyDigests, Policy, digest};

/// Posts a body through the guard. Returns the status and the body of the response.
async fn post(proxy: &Proxy, path: &str, body: &'static [u8]) -> (u16, String) {
    send(proxy, HttpRequest::post(path).header("content-type", "application/json"), body).await
}

/// Sends a request through the guard. Returns the status and the body of the response.
async fn send(proxy: &Proxy, request: http::request::Builder, body: &'static [u8]) -> (u16, String) {
    let keys = KeyDigests::new();
    keys.insert_digest("ide", digest("mp-key"));
    let table = route_table(proxy.inner.parts.dialects);
    let guard = Guard::new(table, Policy::default(), keys, digest("control"));
    let request = request.header("host", "localhost").header("authorization", "Bearer mp-key");
    let (mut head, ()) = request.body(()).unwrap().into_parts();
    let authorized = guard.admit(&head).expect("the route is in the table");
    head.uri = authorized.path.parse().unwrap();
    head.extensions.insert(CallerInfo {
        request_id: "1".into(),
        client: "ide".into(),
        api_family: authorized.api_family,
        origin: Default::default(),
        closing: Default::default(),
    });
    let routes = routes(proxy).recover(handle_rejection).unify();
    let response = warp::service(routes)
        .call(HttpRequest::from_parts(head, Full::new(Bytes::from_static(body))))
        .await
        .unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}
