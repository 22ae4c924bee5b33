//! The address of the feed and the key that signs it.

use minisign_verify::PublicKey;
use url::Url;

/// The feed of this build. Empty: the project has no public address yet, and updates are not configured.
const RELEASE_FEED_URL: &str = "";
/// The minisign public key of releases, as the second line of a `.pub` file.
const RELEASE_PUBLIC_KEY: &str = "";

/// Address of the release feed, and the key that must have signed it.
#[derive(Debug, Clone)]
pub struct ReleaseSource {
    pub feed: Url,
    pub key: PublicKey,
}

impl ReleaseSource {
    /// The source that this build was made with. No setting, flag or variable changes it: who could change the key could
    /// replace the program.
    pub fn built_in() -> Option<Self> {
        Self::new(RELEASE_FEED_URL, RELEASE_PUBLIC_KEY)
    }

    /// A source; `None` if the address or the key, in base64, is none.
    pub fn new(feed: &str, key: &str) -> Option<Self> {
        let feed = Url::parse(feed).ok()?;
        PublicKey::from_base64(key).ok().map(|key| Self { feed, key })
    }
}
