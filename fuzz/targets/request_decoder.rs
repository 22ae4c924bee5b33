//! What a client sends as a request body: anything may come, and each end is an answer, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mammouth_proxy::dialects::Dialect;

fuzz_target!(|body: &[u8]| {
    let body = bytes::Bytes::copy_from_slice(body);
    for dialect in [Dialect::OpenAiChat, Dialect::OpenAiCompletions] {
        match dialect.decode(&body) {
            Ok(decoded) => {
                assert!(!decoded.request.messages.is_empty(), "an upstream needs something to answer")
            }
            Err(invalid) => assert!(!invalid.to_string().is_empty(), "a refusal says why"),
        }
    }
});
