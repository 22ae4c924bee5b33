//! Parsing of a `Host` header's value: an accepted value must be plain, and must have the same meaning when
//! it is parsed again.
#![no_main]

use gateway::auth::authority::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &[u8]| {
    let Ok(authority) = parse(value) else { return };
    let host = authority.host;
    assert!(!host.is_empty());
    assert!(!host.bytes().any(|byte| b"@/\\?#% ".contains(&byte)), "{host:?} could be read in two ways");
    assert!(value.starts_with(host.as_bytes()));
    let written = match authority.port {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    assert_eq!(parse(written.as_bytes()), Ok(authority));
});
