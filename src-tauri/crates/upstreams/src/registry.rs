//! Registry of the upstreams.

use super::upstream::UpstreamId;
use super::{api_key, web_session};

/// Every upstream.
pub const UPSTREAMS: &[UpstreamId] = &[web_session::ID, api_key::ID];

/// The names of all upstreams.
pub(super) const UPSTREAM_NAMES: &[&str] = &{
    let mut names = [""; UPSTREAMS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = UPSTREAMS[index].name();
        index += 1;
    }
    names
};
