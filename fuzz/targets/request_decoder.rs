//! Decoding of a request body: any body results in a request or an error, never in a panic.
#![no_main]

use dialects::{DIALECTS, ReplyMeta};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let body = bytes::Bytes::copy_from_slice(body);
    for dialect in DIALECTS {
        match dialect.decode(&body, ReplyMeta::default()) {
            Ok(decoded) => {
                let something = !decoded.request.messages.is_empty() || decoded.load_only;
                assert!(something, "an upstream needs something to answer")
            }
            Err(invalid) => assert!(!invalid.to_string().is_empty(), "a refusal says why"),
        }
    }
});
