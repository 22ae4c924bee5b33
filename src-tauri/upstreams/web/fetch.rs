//! Fetches an image that a client named by a link. The link comes from anyone, a prompt included, so this client has no
//! cookie, no proxy and no way to anything but public addresses, and all its failures look the same from outside.

use std::net::IpAddr;
use std::time::Duration;

use http::{Response, StatusCode, header};
use reqwest::Body;
use tokio::time::{Instant, timeout};
use url::{Host, Url};

use super::{BuildError, Settings};
use crate::chat::{Image, MAX_IMAGE_BYTES};
use crate::upstreams::transport::body::Source;
use crate::upstreams::transport::client;
use crate::upstreams::transport::resolver::AddressPolicy;
use crate::upstreams::{Failure, FailureKind};

/// From the first lookup to the last byte, redirects included.
const TOTAL_TIME: Duration = Duration::from_secs(10);
const MAX_REDIRECTS: usize = 3;
const ACCEPT: &str = "image/png, image/jpeg, image/gif, image/webp";
/// One text for every reason: a difference would tell what stands behind an address.
const MESSAGE: &str = "an image link could not be used: it must be a public https link to a PNG, JPEG, GIF or WebP of at most 20 MB";

/// The client for image links.
pub(super) struct Fetcher {
    client: reqwest::Client,
    policy: AddressPolicy,
    pub(super) total_time: Duration,
}

impl Fetcher {
    /// Only addresses that pass `policy` are connected to.
    pub(super) fn new(settings: &Settings, policy: AddressPolicy) -> Result<Self, BuildError> {
        let roots = client::roots(&settings.extra_roots).ok_or(BuildError::Roots)?;
        let builder =
            client::builder(settings.connect_timeout, policy).https_only(true).tls_certs_merge(roots);
        // A connection to a stranger is not worth keeping, and a kept one would outlive the check of its address.
        let client = builder.pool_max_idle_per_host(0).build().map_err(|_| BuildError::Client)?;
        Ok(Self { client, policy, total_time: TOTAL_TIME })
    }

    /// The image behind a link.
    ///
    /// # Errors
    /// Always the same [`FailureKind::Image`].
    pub(super) async fn fetch(&self, url: &Url) -> Result<Image, Failure> {
        let fetched = timeout(self.total_time, self.follow(url.clone())).await;
        fetched.ok().flatten().ok_or_else(|| Failure::new(FailureKind::Image, MESSAGE))
    }

    async fn follow(&self, mut url: Url) -> Option<Image> {
        for _ in 0..=MAX_REDIRECTS {
            if !is_allowed(&url, self.policy) {
                return None;
            }
            let request = self.client.get(url.clone()).header(header::ACCEPT, ACCEPT);
            let response: Response<Body> = request.send().await.ok()?.into();
            if response.status() == StatusCode::OK {
                return read(response).await;
            }
            url = redirect(&response, &url)?;
        }
        None
    }
}

/// Whether a link may be asked at all. Names are checked once more when they are looked up, at connect time.
fn is_allowed(url: &Url, policy: AddressPolicy) -> bool {
    let address = match url.host() {
        Some(Host::Ipv4(ip)) => policy(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => policy(IpAddr::V6(ip)),
        Some(Host::Domain(_)) => true,
        None => false,
    };
    address && url.scheme() == "https" && url.username().is_empty() && url.password().is_none()
}

fn redirect(response: &Response<Body>, from: &Url) -> Option<Url> {
    let location = response.headers().get(header::LOCATION).filter(|_| response.status().is_redirection())?;
    from.join(location.to_str().ok()?).ok()
}

async fn read(response: Response<Body>) -> Option<Image> {
    let source =
        Source::new(response.into_body(), Instant::now() + TOTAL_TIME, TOTAL_TIME, MAX_IMAGE_BYTES as u64);
    let bytes = source.collect(MAX_IMAGE_BYTES).await.ok()?;
    Image::from_bytes(bytes).ok()
}
