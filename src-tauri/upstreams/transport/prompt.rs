//! The count of a prompt's tokens, for upstreams that do not tell it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::poll_fn;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::chat::{Part, Request, Vocabulary, prompt_tokens};

/// A prompt up to this size is counted where it stands; that takes half a millisecond at most.
const QUICK_PROMPT_BYTES: usize = 16 * 1024;

/// The prompt's tokens. They are counted after the last text of a reply or beside it, never before its first.
pub(in crate::upstreams) enum PromptTokens {
    Later(Arc<Request>),
    Running(JoinHandle<u64>),
    Known(u64),
}

impl PromptTokens {
    /// A vocabulary that is not loaded yet is loaded beside the reply.
    pub(in crate::upstreams) fn start(request: Arc<Request>, vocabulary: Vocabulary) -> Self {
        if vocabulary.is_loaded() && text_bytes(&request) <= QUICK_PROMPT_BYTES {
            return Self::Later(request);
        }
        Self::Running(spawn_blocking(move || {
            // The reply needs it even where the prompt is all pictures.
            vocabulary.load();
            prompt_tokens(&request)
        }))
    }

    /// Waits until the vocabulary is loaded, for replies that are counted as they come.
    pub(in crate::upstreams) async fn settled(mut self) -> Self {
        if matches!(self, Self::Running(_)) {
            self = Self::Known(poll_fn(|cx| self.poll(cx)).await);
        }
        self
    }

    pub(in crate::upstreams) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<u64> {
        match self {
            Self::Later(request) => Poll::Ready(prompt_tokens(request)),
            // A count that was cancelled by the program's end is missed by nobody.
            Self::Running(handle) => Pin::new(handle).poll(cx).map(Result::unwrap_or_default),
            Self::Known(tokens) => Poll::Ready(*tokens),
        }
    }
}

pub(in crate::upstreams) fn text_bytes(request: &Request) -> usize {
    request.messages.iter().map(|message| bytes_of(&message.parts, |_| 0)).sum()
}

/// As [`text_bytes`], and what is attached.
pub(in crate::upstreams) fn all_bytes(request: &Request) -> usize {
    let attached = |part: &Part| match part {
        Part::Image(image) => image.bytes().len(),
        Part::File(file) => file.data.len(),
        Part::Text(_) | Part::Reasoning(_) | Part::ImageLink(_) | Part::Call(_) | Part::Result(_) => 0,
    };
    request.messages.iter().map(|message| bytes_of(&message.parts, attached)).sum()
}

fn bytes_of(parts: &[Part], of_attachment: fn(&Part) -> usize) -> usize {
    let sizes = parts.iter().map(|part| match part {
        Part::Text(text) | Part::Reasoning(text) => text.len(),
        Part::Image(_) | Part::ImageLink(_) | Part::File(_) => of_attachment(part),
        Part::Call(call) => call.arguments.len(),
        Part::Result(result) => bytes_of(&result.parts, of_attachment),
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(stream: bool) -> Request {
        Request { stream, ..Request::default() }
    }

    #[tokio::test]
    async fn what_must_load_the_vocabulary_runs_beside_the_reply() {
        let vocabulary = Vocabulary::default();
        let first = PromptTokens::start(Arc::new(request(true)), vocabulary.clone());
        assert!(matches!(first, PromptTokens::Running(_)));
        assert!(matches!(first.settled().await, PromptTokens::Known(0)));
        assert!(matches!(PromptTokens::start(Arc::new(request(true)), vocabulary), PromptTokens::Later(_)));
    }
}
