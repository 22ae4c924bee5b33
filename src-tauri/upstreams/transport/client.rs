//! The HTTP clients' common ground: what they never do, and how long they try.

use std::time::Duration;

use reqwest::{Certificate, ClientBuilder, redirect, retry};
use url::{Host, Url};

use super::resolver::{AddressPolicy, Resolver};

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
pub(in crate::upstreams) fn builder(connect_timeout: Duration, policy: AddressPolicy) -> ClientBuilder {
    // Someone else in the process may have been first; then theirs is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .retry(retry::never())
        .dns_resolver(Resolver::new(policy))
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(POOL_IDLE)
        .tcp_nodelay(true)
        .tcp_keepalive(TCP_KEEPALIVE)
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .http2_keep_alive_while_idle(true)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
}

/// The certificates that settings name beside the system's; `None` where one is not valid PEM.
pub(in crate::upstreams) fn roots(pems: &[String]) -> Option<Vec<Certificate>> {
    pems.iter().map(|pem| Certificate::from_pem(pem.as_bytes()).ok()).collect()
}

/// The client for one upstream.
pub(in crate::upstreams) fn to_upstream(
    base: &Url,
    connect_timeout: Duration,
    roots: Vec<Certificate>,
) -> reqwest::Result<reqwest::Client> {
    let builder = builder(connect_timeout, |_| true);
    // Without TLS the system's certificates are not needed, and a machine without any can still show the demo.
    let is_plain = base.scheme() == "http";
    let builder = if is_plain { builder.tls_certs_only(roots) } else { builder.tls_certs_merge(roots) };
    builder.build()
}

/// https anywhere, http to this machine only: a credential in clear text must not leave it.
pub(in crate::upstreams) fn is_safe_base(base: &Url) -> bool {
    let local = match base.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    let plain = base.username().is_empty() && base.password().is_none() && base.query().is_none();
    plain && (base.scheme() == "https" || (base.scheme() == "http" && local))
}

/// A path below the base; a path that would lead to another host makes none.
pub(in crate::upstreams) fn endpoint(base: &Url, path: &str) -> Option<Url> {
    let url = Url::parse(&format!("{}{path}", base.as_str().trim_end_matches('/'))).ok()?;
    (path.starts_with('/') && url.origin() == base.origin()).then_some(url)
}
