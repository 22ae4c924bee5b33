//! Address of the feed, and the key that signs it.

use minisign_verify::PublicKey;
use url::Url;

/// Address of the feed of this build. Empty in a build that is not a release: it looks for no updates.
const RELEASE_FEED_URL: &str = match option_env!("MAMMOUTH_PROXY_BUILD_FEED_URL") {
    Some(url) => url,
    None => "",
};
/// Minisign public key of releases, as the second line of a `.pub` file.
const RELEASE_PUBLIC_KEY: &str = match option_env!("MAMMOUTH_PROXY_BUILD_PUBLIC_KEY") {
    Some(key) => key,
    None => "",
};

/// Address of the release feed, and the key that must have signed it.
#[derive(Debug, Clone)]
pub struct ReleaseSource {
    pub feed: Url,
    pub key: PublicKey,
}

impl ReleaseSource {
    /// Returns the source of this build, which its compiler was given. No setting, flag or variable of the running
    /// program changes it, because the key decides which program is installed.
    pub fn built_in() -> Option<Self> {
        Self::new(RELEASE_FEED_URL, RELEASE_PUBLIC_KEY)
    }

    /// Creates a source. `None` if the address or the key, in base64, is invalid.
    pub fn new(feed: &str, key: &str) -> Option<Self> {
        let feed = Url::parse(feed).ok()?;
        PublicKey::from_base64(key).ok().map(|key| Self { feed, key })
    }
}
