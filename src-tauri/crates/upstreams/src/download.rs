//! Download of files of a release, with limits in bytes and time. The caller checks the content.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::poll_fn;
use http::{Response, StatusCode, header};
use reqwest::Body;
use tokio::time::{Instant, timeout};
use url::Url;

use crate::transport::body::{BodyReadError, BodyReader};
use crate::transport::client::UpstreamClient;
use crate::transport::outbound::is_loopback;
use crate::{Outbound, UpstreamError};

const DOWNLOAD_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit between two chunks of a response.
const DOWNLOAD_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum number of redirects. Release hosts answer with one or two redirects to a storage server.
const MAX_DOWNLOAD_REDIRECTS: usize = 5;

/// Maximum size, in bytes, and duration of one download, redirects included.
#[derive(Debug, Clone, Copy)]
pub struct DownloadLimits {
    pub max_bytes: u64,
    pub max_time: Duration,
}

/// Reason why a file could not be downloaded.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    #[error("{}", .0.detail)]
    Request(Box<UpstreamError>),
    #[error("the server answered with status {0}")]
    Status(u16),
    #[error("the server named an address without encryption")]
    UnsafeAddress,
    #[error("the server redirected too often")]
    Redirects,
    #[error("the file is larger than announced")]
    TooLarge,
    #[error("the download took too long")]
    TooSlow,
    #[error("the download was cut off")]
    Interrupted,
    #[error("the outbound proxy or the extra certificates cannot be used")]
    Client,
    #[error("the file cannot be written: {0}")]
    Write(io::Error),
}

/// Downloads `url` through the outbound proxy and passes each part to `write`. The request names the program
/// and its version in `User-Agent` and nothing else.
///
/// # Errors
/// Any [`DownloadError`]. Some parts may have been written before it.
pub async fn download(
    outbound: &Outbound,
    url: &Url,
    limits: DownloadLimits,
    write: &mut (dyn FnMut(&[u8]) -> io::Result<()> + Send),
) -> Result<(), DownloadError> {
    let whole = async {
        let response = request(outbound, url).await?;
        let first_byte = Instant::now() + DOWNLOAD_IDLE_TIMEOUT;
        let body = response.into_body();
        let mut reader = BodyReader::new(body, first_byte, DOWNLOAD_IDLE_TIMEOUT, limits.max_bytes);
        while let Some(chunk) = poll_fn(|cx| reader.poll_chunk(cx)).await.map_err(read_error)? {
            write(&chunk).map_err(DownloadError::Write)?;
        }
        Ok(())
    };
    timeout(limits.max_time, whole).await.unwrap_or(Err(DownloadError::TooSlow))
}

/// Downloads a small file into memory.
///
/// # Errors
/// Any [`DownloadError`].
pub async fn download_bytes(
    outbound: &Outbound,
    url: &Url,
    limits: DownloadLimits,
) -> Result<Bytes, DownloadError> {
    let mut whole = Vec::new();
    let mut write = |chunk: &[u8]| {
        whole.extend_from_slice(chunk);
        Ok(())
    };
    download(outbound, url, limits, &mut write).await?;
    Ok(whole.into())
}

async fn request(outbound: &Outbound, first: &Url) -> Result<Response<Body>, DownloadError> {
    let mut url = first.clone();
    for _ in 0..=MAX_DOWNLOAD_REDIRECTS {
        if !is_allowed(&url, first) {
            return Err(DownloadError::UnsafeAddress);
        }
        let client = UpstreamClient::new(&url, DOWNLOAD_CONNECT_TIMEOUT, outbound)
            .map_err(|_| DownloadError::Client)?;
        let sent = client.http.get(url.clone()).send().await;
        let response: Response<Body> =
            sent.map_err(|error| DownloadError::Request(Box::new(client.request_error(error))))?.into();
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        url = redirect_target(&response, &url).ok_or(DownloadError::Status(response.status().as_u16()))?;
    }
    Err(DownloadError::Redirects)
}

/// Whether a file may be fetched from `url`: https anywhere, http only on this machine and only if the first address
/// was http.
fn is_allowed(url: &Url, first: &Url) -> bool {
    let is_plain_local = url.scheme() == "http" && first.scheme() == "http" && is_loopback(url);
    (url.scheme() == "https" || is_plain_local) && url.username().is_empty() && url.password().is_none()
}

fn redirect_target(response: &Response<Body>, from: &Url) -> Option<Url> {
    let location = response.headers().get(header::LOCATION).filter(|_| response.status().is_redirection())?;
    from.join(location.to_str().ok()?).ok()
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn read_error(error: BodyReadError) -> DownloadError {
    match error {
        BodyReadError::Stalled => DownloadError::TooSlow,
        BodyReadError::TooLarge => DownloadError::TooLarge,
        BodyReadError::Malformed | BodyReadError::Disconnected => DownloadError::Interrupted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w11_no_file_is_fetched_without_encryption() {
        let url = |text: &str| Url::parse(text).unwrap();
        let allowed = |to: &str, first: &str| is_allowed(&url(to), &url(first));
        assert!(allowed("https://b.example/file?token=1", "https://a.example/feed"));
        assert!(allowed("http://127.0.0.1:1/file", "http://127.0.0.1:2/feed"));
        for (to, first) in [
            ("http://a.example/file", "https://a.example/feed"),
            ("http://127.0.0.1/file", "https://a.example/feed"),
            ("http://a.example/file", "http://127.0.0.1/feed"),
            ("file:///etc/passwd", "https://a.example/feed"),
            ("https://user:password@a.example/", "https://a.example/feed"),
        ] {
            assert!(!allowed(to, first), "{to}");
        }
    }
}
