//! Fetcher of images that a client named by a link. A link may come from anyone, even from a prompt, so this
//! client sends no cookie, connects only to public addresses, and reports all failures alike.
//!
//! The check of an address requires that this machine looks the name up and that the connection goes to that
//! very address. A SOCKS proxy receives the address. An HTTP proxy receives names, which it looks up itself
//! and may resolve to hosts of its own network, so links are not fetched through one.

use std::net::IpAddr;
use std::time::Duration;

use http::{Response, StatusCode, header};
use reqwest::Body;
use tokio::time::{Instant, timeout};
use url::{Host, Url};

use super::WebBuildError;
use crate::transport::body::BodyReader;
use crate::transport::client;
use crate::transport::resolver::{AddressPolicy, Resolver};
use crate::{Outbound, ProxyChoice, UpstreamError, UpstreamErrorKind};
use protocol::{Image, MAX_IMAGE_BYTES};

/// Time limit of a fetch, from the first lookup to the last byte, redirects included.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_REDIRECTS: usize = 3;
const ACCEPT: &str = "image/png, image/jpeg, image/gif, image/webp";
/// Message of every error: different ones would reveal what is behind an address.
const LINK_ERROR_MESSAGE: &str = "an image link could not be used: it must be a public https link to a PNG, JPEG, GIF or WebP of at most 20 MB";

/// Message for links behind an HTTP proxy. It reveals nothing about the link either.
const HTTP_PROXY_ERROR_MESSAGE: &str = "image links are not fetched through an HTTP proxy, because it looks names up itself and could be led into your own network; send the image itself";

/// The client for image links.
pub(super) struct ImageFetcher {
    client: reqwest::Client,
    outbound: Outbound,
    policy: AddressPolicy,
    pub(super) total_time: Duration,
}

impl ImageFetcher {
    /// Creates a fetcher that connects only to addresses that pass `policy`.
    pub(super) fn new(
        connect_timeout: Duration,
        outbound: &Outbound,
        policy: AddressPolicy,
    ) -> Result<Self, WebBuildError> {
        let socks = match &outbound.proxy {
            ProxyChoice::Server(server) if !server.resolves_names() => Some(server.with_local_lookup()),
            ProxyChoice::Server(_) | ProxyChoice::System | ProxyChoice::Direct => None,
        };
        let mut resolver = Resolver::new(policy);
        if let Some(server) = &socks {
            resolver = resolver.with_exempt(server.host());
        }
        let roots = client::parse_roots(&outbound.extra_roots).ok_or(WebBuildError::Roots)?;
        let mut builder = client::builder(connect_timeout, resolver).https_only(true).tls_certs_merge(roots);
        if let Some(server) = socks {
            builder = builder.proxy(server.to_reqwest(&outbound.no_proxy).ok_or(WebBuildError::Client)?);
        }
        // Connections to arbitrary hosts are not pooled: a pooled one would outlive the check of its address.
        let client = builder.pool_max_idle_per_host(0).build().map_err(|_| WebBuildError::Client)?;
        Ok(Self { client, outbound: outbound.clone(), policy, total_time: FETCH_TIMEOUT })
    }

    /// Fetches the image behind a link.
    ///
    /// # Errors
    /// [`UpstreamErrorKind::Image`], with the same message for all links except those behind an HTTP proxy.
    pub(super) async fn fetch(&self, url: &Url) -> Result<Image, UpstreamError> {
        if self.uses_http_proxy(url) {
            return Err(UpstreamError::new(UpstreamErrorKind::Image, HTTP_PROXY_ERROR_MESSAGE));
        }
        let fetched = timeout(self.total_time, self.fetch_following_redirects(url.clone())).await;
        fetched.ok().flatten().ok_or_else(|| UpstreamError::new(UpstreamErrorKind::Image, LINK_ERROR_MESSAGE))
    }

    fn uses_http_proxy(&self, url: &Url) -> bool {
        self.outbound.proxy_for(url).is_some_and(|server| server.resolves_names())
    }

    /// Whether a link names the proxy's own host. That host is exempt from the check at connect time, so no link may.
    fn names_proxy(&self, url: &Url) -> bool {
        matches!(&self.outbound.proxy, ProxyChoice::Server(server)
            if url.host_str().is_some_and(|host| host.eq_ignore_ascii_case(server.host())))
    }

    async fn fetch_following_redirects(&self, mut url: Url) -> Option<Image> {
        for _ in 0..=MAX_REDIRECTS {
            let is_refused = self.uses_http_proxy(&url) || self.names_proxy(&url);
            if is_refused || !is_allowed(&url, self.policy) {
                return None;
            }
            let request = self.client.get(url.clone()).header(header::ACCEPT, ACCEPT);
            let response: Response<Body> = request.send().await.ok()?.into();
            if response.status() == StatusCode::OK {
                return read_image(response).await;
            }
            url = redirect_target(&response, &url)?;
        }
        None
    }
}

/// Whether a link may be fetched. Names are checked again at connect time, when they are looked up.
fn is_allowed(url: &Url, policy: AddressPolicy) -> bool {
    let address = match url.host() {
        Some(Host::Ipv4(ip)) => policy(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => policy(IpAddr::V6(ip)),
        Some(Host::Domain(_)) => true,
        None => false,
    };
    address && url.scheme() == "https" && url.username().is_empty() && url.password().is_none()
}

fn redirect_target(response: &Response<Body>, from: &Url) -> Option<Url> {
    let location = response.headers().get(header::LOCATION).filter(|_| response.status().is_redirection())?;
    from.join(location.to_str().ok()?).ok()
}

async fn read_image(response: Response<Body>) -> Option<Image> {
    let source = BodyReader::new(
        response.into_body(),
        Instant::now() + FETCH_TIMEOUT,
        FETCH_TIMEOUT,
        MAX_IMAGE_BYTES as u64,
    );
    let bytes = source.collect(MAX_IMAGE_BYTES).await.ok()?;
    Image::from_bytes(bytes).ok()
}
