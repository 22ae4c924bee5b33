//! What a client sends as a request body: anything may come, and each end is an answer, never a panic.
#![no_main]

use dialects::Dialect;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let body = bytes::Bytes::copy_from_slice(body);
    for dialect in [
        Dialect::OpenAiChat,
        Dialect::OpenAiCompletions,
        Dialect::Anthropic,
        Dialect::OpenAiResponses,
        Dialect::OllamaChat,
        Dialect::OllamaGenerate,
    ] {
        match dialect.decode(&body) {
            Ok(decoded) => {
                let something = !decoded.request.messages.is_empty() || decoded.options.load_only;
                assert!(something, "an upstream needs something to answer")
            }
            Err(invalid) => assert!(!invalid.to_string().is_empty(), "a refusal says why"),
        }
    }
});
