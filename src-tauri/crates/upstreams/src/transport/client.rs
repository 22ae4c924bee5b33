//! Construction of the HTTP clients.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};
use parking_lot::RwLock;
use reqwest::{Certificate, ClientBuilder, redirect, retry};
use tokio::time::timeout;
use url::{Host, Url};

use super::error;
use super::outbound::{Outbound, ProxyServer};
use super::resolver::Resolver;
use crate::{UpstreamError, UpstreamErrorKind};
use storage::config::Config;

const USER_AGENT: &str = concat!("mammouth-proxy/", env!("CARGO_PKG_VERSION"));
/// Time after which an idle connection is closed: short, because networks drop idle connections silently.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// Flow-control window of an HTTP/2 stream, bytes. With 64 KiB each, 256 readers that do not read cannot
/// take the connection's share from the others.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;

/// Address, timeouts and limits of an upstream's HTTP client.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Base URL: `https` anywhere, `http` only to this machine.
    pub base: Url,
    /// Time limit of name lookup, connection and TLS handshake together.
    pub connect_timeout: Duration,
    /// Time limit from sending a request to the first byte of the response body, or to the first event of a stream.
    pub first_byte_timeout: Duration,
    /// Time limit between two chunks of a response.
    pub idle_timeout: Duration,
    /// Largest streamed reply, bytes. A larger one is ended with an error.
    pub max_reply_bytes: u64,
    /// Outbound proxy and additional certificates.
    pub outbound: Outbound,
}

impl HttpSettings {
    /// Creates settings with the default timeouts and limits and the default rules for outbound connections.
    pub fn new(base: Url) -> Self {
        Self {
            base,
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(120),
            max_reply_bytes: 1024 * 1024 * 1024,
            outbound: Outbound::default(),
        }
    }

    /// Returns the settings of a configuration for an upstream with this base URL.
    pub(crate) fn from_config(base: Url, config: &Config) -> Self {
        Self {
            connect_timeout: config.connect,
            first_byte_timeout: config.first_byte,
            idle_timeout: config.idle,
            outbound: Outbound::from(&config.outbound()),
            ..Self::new(base)
        }
    }
}

/// Builder of a client without redirects, cookies, proxy, decompression and retries.
pub(crate) fn builder(connect_timeout: Duration, resolver: Resolver) -> ClientBuilder {
    // An error means that a provider is installed already; that one is used then.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .retry(retry::never())
        .dns_resolver(resolver)
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .tcp_nodelay(true)
        .tcp_keepalive(TCP_KEEPALIVE)
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .http2_keep_alive_while_idle(true)
        .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
        .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
}

/// Parses additional root certificates; `None` if one is not valid PEM.
pub(crate) fn parse_roots(pems: &[String]) -> Option<Vec<Certificate>> {
    let bundles = pems.iter().map(|pem| Certificate::from_pem_bundle(pem.as_bytes()).ok());
    bundles.collect::<Option<Vec<_>>>().map(|bundles| bundles.into_iter().flatten().collect())
}

/// Reason why a client cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientError {
    /// The base URL is not safe for credentials.
    Base,
    /// An extra certificate is not valid PEM.
    Roots,
    /// TLS cannot be set up, or the proxy's address is not supported.
    Client,
}

/// The HTTP client for one upstream.
pub(crate) struct UpstreamClient {
    pub(crate) http: reqwest::Client,
    /// The outbound proxy.
    pub(crate) proxy: Option<ProxyServer>,
}

impl UpstreamClient {
    pub(crate) fn new(
        base: &Url,
        connect_timeout: Duration,
        outbound: &Outbound,
    ) -> Result<Self, ClientError> {
        let roots = parse_roots(&outbound.extra_roots).ok_or(ClientError::Roots)?;
        let proxy = outbound.proxy_for(base);
        let mut builder = builder(connect_timeout, Resolver::new(|_| true));
        if let Some(proxy) = &proxy {
            // Whether the base is an exception is decided already.
            builder = builder.proxy(proxy.to_reqwest(&[]).ok_or(ClientError::Client)?);
        }
        // Without TLS the system's certificates are not needed, and a machine without any can still show the demo.
        let is_plain = base.scheme() == "http";
        let builder = if is_plain { builder.tls_certs_only(roots) } else { builder.tls_certs_merge(roots) };
        Ok(Self { http: builder.build().map_err(|_| ClientError::Client)?, proxy })
    }

    /// The upstream error for a call without a response.
    pub(crate) fn request_error(&self, error: reqwest::Error) -> UpstreamError {
        error::from_reqwest(error, self.proxy.as_ref())
    }
}

/// An [`UpstreamClient`] that can be replaced while calls run: they keep their client.
pub(crate) struct SharedClient {
    base: Url,
    connect_timeout: Duration,
    current: RwLock<Arc<UpstreamClient>>,
}

impl SharedClient {
    pub(crate) fn new(settings: &HttpSettings) -> Result<Self, ClientError> {
        let HttpSettings { base, connect_timeout, outbound, .. } = settings;
        if !is_safe_base(base) {
            return Err(ClientError::Base);
        }
        let client = UpstreamClient::new(base, *connect_timeout, outbound)?;
        let current = RwLock::new(Arc::new(client));
        Ok(Self { base: base.clone(), connect_timeout: *connect_timeout, current })
    }

    /// The client for a new call.
    pub(crate) fn get(&self) -> Arc<UpstreamClient> {
        Arc::clone(&self.current.read())
    }

    /// Replaces the client for all later calls.
    pub(crate) fn replace(&self, outbound: &Outbound) -> Result<(), ClientError> {
        let client = UpstreamClient::new(&self.base, self.connect_timeout, outbound)?;
        *self.current.write() = Arc::new(client);
        Ok(())
    }

    /// Checks that the host answers a GET at all. Returns the time of the response's `Date` header. `late` is the
    /// error's text if there is no response in time.
    pub(crate) async fn probe(
        &self,
        url: &Url,
        headers: HeaderMap,
        late: &'static str,
    ) -> Result<Option<SystemTime>, UpstreamError> {
        let client = self.get();
        let request = client.http.get(url.clone()).headers(headers);
        let sent = timeout(self.connect_timeout.saturating_mul(2), request.send()).await;
        let sent = sent.map_err(|_| UpstreamError::new(UpstreamErrorKind::Timeout, late))?;
        let response = sent.map_err(|error| client.request_error(error))?;
        let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        Ok(date.and_then(|date| httpdate::parse_http_date(date).ok()))
    }
}

/// Whether a base URL is safe for credentials: `https` anywhere, `http` only to this machine.
fn is_safe_base(base: &Url) -> bool {
    let local = match base.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    let plain = base.username().is_empty() && base.password().is_none() && base.query().is_none();
    plain && (base.scheme() == "https" || (base.scheme() == "http" && local))
}

/// The URL of a path below the base; `None` if it would lead to another host.
pub(crate) fn endpoint(base: &Url, path: &str) -> Option<Url> {
    let url = Url::parse(&format!("{}{path}", base.as_str().trim_end_matches('/'))).ok()?;
    (path.starts_with('/') && url.origin() == base.origin()).then_some(url)
}
