//! Service wrapper that records in the connection state when a request begins and when its response ends.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;
use tower_service::Service;

use super::connection_state::{ConnectionRegistry, ConnectionState};
use super::{Closing, Peer, UnreadLimit};

/// The service of one connection, for hyper.
pub(super) struct ConnectionService<S> {
    pub(super) service: S,
    pub(super) state: Arc<ConnectionState>,
    pub(super) registry: Arc<ConnectionRegistry>,
    pub(super) unread: UnreadLimit,
    pub(super) peer: Peer,
    pub(super) closing: Closing,
}

impl<S, B> hyper::service::Service<Request<Incoming>> for ConnectionService<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body,
{
    type Response = Response<TrackedBody<B>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let in_flight = InFlightGuard::begin(&self.state);
        request.extensions_mut().insert(self.peer);
        request.extensions_mut().insert(self.closing.clone());
        let mut service = self.service.clone();
        let (state, registry, limit) = (Arc::clone(&self.state), Arc::clone(&self.registry), self.unread);
        Box::pin(async move {
            poll_fn(|cx| service.poll_ready(cx)).await?;
            let response = service.call(request).await?;
            let bytes = response.body().size_hint().exact().unwrap_or(0);
            registry.record_complete_response(&state, bytes, limit, Instant::now());
            Ok(response.map(|body| TrackedBody { body: Box::pin(body), _in_flight: in_flight }))
        })
    }
}

/// Guard of a request in flight: from the complete head to the end of the response, or until the response is dropped.
struct InFlightGuard(Arc<ConnectionState>);

impl InFlightGuard {
    fn begin(state: &Arc<ConnectionState>) -> Self {
        state.record_request(Instant::now());
        Self(Arc::clone(state))
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.record_response_end(Instant::now());
    }
}

/// A response body that keeps its connection busy until it is dropped.
pub(super) struct TrackedBody<B> {
    body: Pin<Box<B>>,
    _in_flight: InFlightGuard,
}

impl<B: Body> Body for TrackedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.body.as_mut().poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
