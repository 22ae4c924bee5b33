//! HTTP service of the server. Every request passes the guard here before routing, and every response gets the common
//! headers.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_util::FutureExt;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use hyper::body::Incoming;
use tower_service::Service;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use crate::auth::{self, Authorized, Guard};
use crate::management::http::FeedShutdown;
use crate::proxy::{self, Proxy};
use crate::server;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Headers of every response: no content sniffing, no framing, no reading by another site.
const SECURITY_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];
/// Default `cache-control`. A response with a header of its own keeps it, as files do whose names contain a hash of
/// their content.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The service that the server runs for each request.
#[derive(Clone)]
pub(super) struct HttpService {
    guard: Arc<Guard>,
    proxy: Proxy,
    routes: BoxedFilter<(Response,)>,
    ids: Arc<RequestIds>,
}

impl HttpService {
    pub(super) fn new(guard: Arc<Guard>, proxy: Proxy, routes: BoxedFilter<(Response,)>) -> Self {
        Self { guard, proxy, routes, ids: Arc::new(RequestIds::new()) }
    }
}

impl Service<Request<Incoming>> for HttpService {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.respond(request).await) })
    }
}

impl HttpService {
    /// Answers a request, whether it came over a connection or from inside the program.
    pub(super) async fn respond<B>(self, request: Request<B>) -> Response
    where
        B: http_body::Body + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let id = self.ids.next_id();
        let (mut head, body) = request.into_parts();
        let (mut response, cors) = match self.guard.admit(&head) {
            Ok(authorized) => {
                let cors = authorized.cors.clone();
                self.prepare_head(&mut head, authorized, &id);
                let call = warp::service(self.routes.clone()).call(Request::from_parts(head, body));
                // A panic in one handler must not break the connection's other requests.
                let result = AssertUnwindSafe(call).catch_unwind().await;
                (result.map_or_else(|_| self.panic_response(), |Ok(response)| response), cors)
            }
            Err(rejection) => {
                self.proxy.metrics().record_rejection();
                tracing::debug!(refusal = ?rejection.reason, "a request was refused");
                (proxy::rejection_response(&rejection, head.uri.path()), None)
            }
        };
        let headers = response.headers_mut();
        headers.reserve(SECURITY_HEADERS.len() + 3);
        headers.extend(SECURITY_HEADERS);
        headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
        if let Ok(id) = HeaderValue::from_str(&id) {
            headers.insert(REQUEST_ID, id);
        }
        if let Some(origin) = cors {
            auth::add_cors_headers(headers, &origin);
        }
        response
    }

    fn panic_response(&self) -> Response {
        self.proxy.metrics().record_panic();
        proxy::internal_error_response()
    }

    /// Sets the path that the guard checked for routing, and the client's identity for the handlers. A HEAD request
    /// becomes a GET request; hyper omits the body.
    fn prepare_head(&self, head: &mut http::request::Parts, admitted: Authorized, id: &Arc<str>) {
        if head.method == Method::HEAD {
            head.method = Method::GET;
        }
        // Mostly the path is the whole target, and then nothing needs parsing.
        let is_unchanged =
            head.uri.path() == admitted.path && head.uri.query().is_none() && head.uri.authority().is_none();
        if !is_unchanged && let Ok(uri) = Uri::try_from(admitted.path) {
            head.uri = uri;
        }
        let api_family = admitted.api_family;
        let closing =
            head.extensions.get::<server::Closing>().map(|closing| closing.0.clone()).unwrap_or_default();
        let client = match admitted.caller {
            auth::Caller::Client { name } => name,
            auth::Caller::Public | auth::Caller::Control => "".into(),
        };
        let origin = proxy::request_origin(&head.headers);
        head.extensions.insert(FeedShutdown(closing.clone()));
        let caller = proxy::CallerInfo { request_id: Arc::clone(id), client, api_family, origin, closing };
        head.extensions.insert(caller);
    }
}

/// Generator of request ids that are unique over restarts too.
struct RequestIds {
    run_id: u32,
    count: AtomicU64,
}

impl RequestIds {
    fn new() -> Self {
        Self { run_id: getrandom::u32().unwrap_or_else(|_| std::process::id()), count: AtomicU64::new(0) }
    }

    fn next_id(&self) -> Arc<str> {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        format!("{:08x}{count:08x}", self.run_id).into()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use warp::Filter;

    use super::*;
    use crate::auth::{KeyDigests, Policy};
    use crate::management;
    use crate::server::{ConnectionLimits, Server};

    fn front(proxy: &Proxy) -> HttpService {
        let mut table = proxy::route_table(dialects::DIALECTS);
        table.extend(management::ui::route_table());
        let guard = Guard::new(table, Policy::default(), KeyDigests::new(), auth::digest("x"));
        let panics = warp::path!("healthz").map(|| -> Response { panic!("a mistake in a handler") });
        let routes = panics.or(management::ui::routes()).unify().recover(proxy::handle_rejection).unify();
        HttpService::new(Arc::new(guard), proxy.clone(), routes.boxed())
    }

    #[tokio::test]
    async fn f36_a_panic_fails_one_request_and_keeps_the_connection() {
        let proxy = Proxy::new(proxy::ProxyParts::for_tests());
        let bound = server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let server = Server::start(bound, front(&proxy), ConnectionLimits::default());
        let mut socket = TcpStream::connect(server.addr()).await.unwrap();
        let requests =
            ["/healthz", "/", "/healthz"].map(|path| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n"));
        let [first, second, third] = requests;
        socket
            .write_all(format!("{first}\r\n{second}\r\n{third}Connection: close\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut answers = String::new();
        socket.read_to_string(&mut answers).await.unwrap();
        let statuses: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
        assert_eq!(statuses, ["500", "200", "500"]);
        assert!(answers.contains("internal_error") && !answers.contains("mistake in a handler"));
        assert_eq!(proxy.metrics().total_requests(), 2);
    }
}
