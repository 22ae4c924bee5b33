//! Prompt and reply of a request, collected only while the user has enabled storing them.
use super::record::Bodies;

/// Maximum stored size of each of the two, bytes.
const MAX_BODY_BYTES: usize = 64 << 10;

#[derive(Debug, Default)]
pub(super) struct BodyCollector {
    request: Vec<u8>,
    response: Vec<u8>,
    cut: bool,
}

impl BodyCollector {
    pub(super) fn push_request(&mut self, bytes: &[u8]) {
        self.cut |= append_capped(&mut self.request, bytes);
    }

    pub(super) fn push_response(&mut self, bytes: &[u8]) {
        self.cut |= append_capped(&mut self.response, bytes);
    }

    pub(super) fn finish(self) -> Bodies {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Bodies { request: text(self.request), response: text(self.response), cut: self.cut }
    }
}

/// Appends bytes up to the limit. Returns whether some were left out.
fn append_capped(buffer: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let room = MAX_BODY_BYTES.saturating_sub(buffer.len());
    buffer.extend_from_slice(&bytes[..bytes.len().min(room)]);
    bytes.len() > room
}
