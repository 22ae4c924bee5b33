//! The two HTTP clients' common ground: what they never do, and how long they try.

use std::time::Duration;

use reqwest::{Certificate, ClientBuilder, redirect, retry};

use super::resolver::{AddressPolicy, Resolver};
use super::{BuildError, Settings};

const USER_AGENT: &str = concat!("mammouth-proxy/", env!("CARGO_PKG_VERSION"));
/// An idle connection is given up early, because networks forget them silently.
const POOL_IDLE: Duration = Duration::from_secs(30);
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// What one HTTP/2 stream and one connection may have in flight. With 64 KiB each, 256 readers that do not read cannot
/// take the connection's share from the others.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;

/// A client that follows no redirect, keeps no cookie, uses no proxy, inflates nothing and repeats nothing.
pub(super) fn builder(settings: &Settings, policy: AddressPolicy) -> ClientBuilder {
    // Someone else in the process may have been first; then theirs is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .retry(retry::never())
        .dns_resolver(Resolver::new(policy))
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(POOL_IDLE)
        .tcp_nodelay(true)
        .tcp_keepalive(TCP_KEEPALIVE)
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .http2_keep_alive_while_idle(true)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
}

/// The extra certificates that the settings name.
pub(super) fn roots(settings: &Settings) -> Result<Vec<Certificate>, BuildError> {
    let pems = settings.extra_roots.iter();
    pems.map(|pem| Certificate::from_pem(pem.as_bytes()).map_err(|_| BuildError::Roots)).collect()
}
