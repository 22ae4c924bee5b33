//! Identity of an account: id, label, upstream and origin, without its state.

use sha2::{Digest, Sha256};

use storage::secrets::{ExposeSecret, Secret};
use upstreams::UpstreamId;

/// Origin of an account, which decides whether the account can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum AccountOrigin {
    /// The setting `COOKIES` or `API_KEYS`. The account is kept in memory only.
    Environment,
    /// Added by hand: the secret is in the keychain.
    Stored,
    /// An account of the simulator.
    Demo,
}

/// One account with its credential.
#[derive(Debug, Clone)]
pub struct Account {
    /// Identifier, stable over restarts. It is derived from the secret by a hash that is too short to reveal
    /// the secret, so it may be shown.
    pub id: String,
    /// The name shown to people, in logs and in headers.
    pub label: String,
    pub upstream: UpstreamId,
    pub origin: AccountOrigin,
    pub secret: Secret,
}

impl Account {
    pub fn new(
        label: impl Into<String>,
        upstream: UpstreamId,
        origin: AccountOrigin,
        secret: Secret,
    ) -> Self {
        Self { id: account_id(&secret), label: label.into(), upstream, origin, secret }
    }
}

fn account_id(secret: &Secret) -> String {
    let mut hash = Sha256::new();
    hash.update(b"mammouth-proxy account id\0");
    hash.update(secret.expose_secret().as_bytes());
    hex::encode(&hash.finalize()[..8])
}
