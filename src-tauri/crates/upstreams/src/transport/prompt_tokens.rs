//! Token count of a prompt, for upstreams that do not report it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::{Fuse, FusedFuture};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

use protocol::{Part, Request, Tokenizer, prompt_tokens};

/// Largest prompt that is counted inline, bytes; that takes half a millisecond at most.
const MAX_INLINE_PROMPT_BYTES: usize = 16 * 1024;

/// Number of tokens of a prompt. It is counted during the call or after the reply, so that no text waits for it.
pub(crate) enum PromptTokens {
    Deferred(Arc<Request>),
    Running(RunningCount),
    #[cfg(test)]
    Known(u64),
}

/// A count on a blocking thread.
pub(crate) struct RunningCount {
    tokenizer_loaded: Fuse<oneshot::Receiver<()>>,
    tokens: JoinHandle<u64>,
}

impl PromptTokens {
    /// Starts to count a long prompt, and loads the vocabulary if it is not loaded. Call it before the upstream call.
    pub(crate) fn start(request: Arc<Request>, tokenizer: Tokenizer) -> Self {
        if tokenizer.is_loaded() && text_bytes(&request) <= MAX_INLINE_PROMPT_BYTES {
            return Self::Deferred(request);
        }
        // The reply needs the tokenizer even where the prompt is all pictures.
        Self::start_with(move || tokenizer.load(), move || prompt_tokens(&request))
    }

    /// Starts a count like [`PromptTokens::start`], with other functions to load the tokenizer and to count.
    pub(crate) fn start_with(
        load: impl FnOnce() + Send + 'static,
        count: impl FnOnce() -> u64 + Send + 'static,
    ) -> Self {
        let (loaded, tokenizer_loaded) = oneshot::channel();
        let tokens = spawn_blocking(move || {
            load();
            // An error means that the call failed and nothing waits for the count.
            if loaded.send(()).is_ok() { count() } else { 0 }
        });
        Self::Running(RunningCount { tokenizer_loaded: tokenizer_loaded.fuse(), tokens })
    }

    /// Ready once the vocabulary is loaded, for replies near their token limit; never waits for the count.
    pub(crate) fn poll_tokenizer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Running(count) if !count.tokenizer_loaded.is_terminated() => {
                // An error means that the program ends.
                count.tokenizer_loaded.poll_unpin(cx).map(drop)
            }
            Self::Running(_) | Self::Deferred(_) => Poll::Ready(()),
            #[cfg(test)]
            Self::Known(_) => Poll::Ready(()),
        }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<u64> {
        match self {
            Self::Deferred(request) => Poll::Ready(prompt_tokens(request)),
            // A count that the end of the program cancelled is not needed.
            Self::Running(count) => Pin::new(&mut count.tokens).poll(cx).map(Result::unwrap_or_default),
            #[cfg(test)]
            Self::Known(tokens) => Poll::Ready(*tokens),
        }
    }
}

pub(crate) fn text_bytes(request: &Request) -> usize {
    request.messages.iter().map(|message| parts_bytes(&message.parts, |_| 0)).sum()
}

/// Size of the texts and attachments of a request, bytes.
pub(crate) fn total_bytes(request: &Request) -> usize {
    let attached = |part: &Part| match part {
        Part::Image(image) => image.bytes().len(),
        Part::File(file) => file.data.len(),
        Part::Text(_) | Part::Reasoning(_) | Part::ImageLink(_) | Part::Call(_) | Part::Result(_) => 0,
    };
    request.messages.iter().map(|message| parts_bytes(&message.parts, attached)).sum()
}

fn parts_bytes(parts: &[Part], of_attachment: fn(&Part) -> usize) -> usize {
    let sizes = parts.iter().map(|part| match part {
        Part::Text(text) | Part::Reasoning(text) => text.len(),
        Part::Image(_) | Part::ImageLink(_) | Part::File(_) => of_attachment(part),
        Part::Call(call) => call.arguments.len(),
        Part::Result(result) => parts_bytes(&result.parts, of_attachment),
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use futures_util::future::poll_fn;

    use super::*;

    fn request(stream: bool) -> Request {
        Request { stream, ..Request::default() }
    }

    #[tokio::test]
    async fn loading_the_tokenizer_does_not_block_the_reply() {
        let tokenizer = Tokenizer::default();
        let mut first = PromptTokens::start(Arc::new(request(true)), tokenizer.clone());
        assert!(matches!(first, PromptTokens::Running(_)));
        poll_fn(|cx| first.poll_tokenizer(cx)).await;
        assert!(tokenizer.is_loaded());
        assert_eq!(poll_fn(|cx| first.poll(cx)).await, 0);
        assert!(matches!(PromptTokens::start(Arc::new(request(true)), tokenizer), PromptTokens::Deferred(_)));
    }
}
