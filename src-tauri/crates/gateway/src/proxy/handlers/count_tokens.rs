//! Token counts of Anthropic's API.

use std::sync::Arc;

use bytes::Buf;
use futures_util::Stream;
use warp::reply::Response;

use super::respond_to_body;
use crate::proxy::ProxyInner;
use crate::proxy::error::ProxyError;
use crate::proxy::response::json_response;
use dialects::ApiFamily;
use protocol::prompt_tokens;

/// `POST /v1/messages/count_tokens`: an estimate by the local tokenizer.
pub(in crate::proxy) async fn count_tokens<S, B>(
    proxy: Arc<ProxyInner>,
    content_length: Option<u64>,
    stream: S,
) -> Response
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    respond_to_body(proxy, content_length, stream, ApiFamily::Anthropic, async |_, body| {
        // Counting is CPU work, and the first count loads the tokenizer.
        let counting = tokio::task::spawn_blocking(move || {
            let request = dialects::decode_anthropic_prompt(&body).map_err(ProxyError::Invalid)?;
            Ok(prompt_tokens(&request))
        });
        let tokens = counting.await.map_err(|_| ProxyError::Internal)??;
        Ok(json_response(200, dialects::anthropic_count(tokens)))
    })
    .await
}
