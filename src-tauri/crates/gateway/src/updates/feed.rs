//! Feed of releases, which is verified before it is parsed.

use std::cmp::Ordering;
use std::time::Duration;

use minisign_verify::Signature;
use semver::Version;
use serde::{Deserialize, Deserializer};
use url::Url;

use super::{ReleaseSource, UpdateError};
use upstreams::Outbound;
use upstreams::download::{DownloadLimits, download_bytes};

const FEED_LIMITS: DownloadLimits =
    DownloadLimits { max_bytes: 256 << 10, max_time: Duration::from_secs(60) };
pub(super) const SIGNATURE_LIMITS: DownloadLimits =
    DownloadLimits { max_bytes: 4 << 10, max_time: Duration::from_secs(60) };

/// Newest release that the signed feed announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    pub version: Version,
    pub files: Vec<FeedFile>,
}

/// A program of a release. Its signature is beside it, at the same address with `.minisig`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FeedFile {
    /// Name of the file in an installation.
    pub name: String,
    /// System of the program in Rust's names: `x86_64-linux`.
    pub system: String,
    #[serde(deserialize_with = "read_url")]
    pub url: Url,
    pub bytes: u64,
    /// Digest of the file, hexadecimal.
    pub sha256: String,
}

/// JSON of the feed. Unknown fields are ignored, so that later releases can add some.
#[derive(Deserialize)]
struct FeedJson {
    version: String,
    files: Vec<FeedFile>,
}

/// Relation of the feed's version to the running one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionOffer {
    Newer,
    Same,
    /// An older version, or a pre-release. Neither is installed.
    Refused,
}

impl Feed {
    /// Fetches the feed and its signature. The feed is parsed only if the signature is valid.
    ///
    /// # Errors
    /// [`UpdateError`] of the download, the signature or the format.
    pub async fn fetch(source: &ReleaseSource, outbound: &Outbound) -> Result<Self, UpdateError> {
        let signature_url = signature_url(&source.feed);
        let body = download_bytes(outbound, &source.feed, FEED_LIMITS).await.map_err(UpdateError::Feed)?;
        let signature =
            download_bytes(outbound, &signature_url, SIGNATURE_LIMITS).await.map_err(UpdateError::Feed)?;
        Self::verified(source, &body, &signature)
    }

    fn verified(source: &ReleaseSource, body: &[u8], signature: &[u8]) -> Result<Self, UpdateError> {
        let signature = read_signature(signature).ok_or(UpdateError::FeedSignature)?;
        source.key.verify(body, &signature, false).map_err(|_| UpdateError::FeedSignature)?;
        let json: FeedJson = serde_json::from_slice(body).map_err(|_| UpdateError::FeedFormat)?;
        let version = Version::parse(&json.version).map_err(|_| UpdateError::FeedFormat)?;
        Ok(Self { version, files: json.files })
    }

    /// Returns the file that replaces program `name` on `system`.
    ///
    /// # Errors
    /// The release has none.
    pub fn file(&self, name: &str, system: &str) -> Result<&FeedFile, UpdateError> {
        let fits = |file: &&FeedFile| file.name == name && file.system == system;
        self.files
            .iter()
            .find(fits)
            .ok_or_else(|| UpdateError::NoFile { version: self.version.to_string(), name: name.to_owned() })
    }
}

/// Returns whether `version` may replace version `running`.
pub(super) fn offer(version: &Version, running: &Version) -> VersionOffer {
    match version.cmp_precedence(running) {
        Ordering::Greater if version.pre.is_empty() => VersionOffer::Newer,
        Ordering::Equal => VersionOffer::Same,
        Ordering::Greater | Ordering::Less => VersionOffer::Refused,
    }
}

/// Returns the version of this program.
pub fn running_version() -> Version {
    Version::parse(env!("CARGO_PKG_VERSION")).expect("cargo accepts only such versions")
}

/// Returns the name of this system in feeds.
pub fn running_system() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

fn read_url<'de, D: Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    Url::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
}

pub(super) fn read_signature(text: &[u8]) -> Option<Signature> {
    Signature::decode(std::str::from_utf8(text).ok()?).ok()
}

pub(super) fn signature_url(url: &Url) -> Url {
    let mut beside = url.clone();
    beside.set_path(&format!("{}.minisig", url.path()));
    beside
}
