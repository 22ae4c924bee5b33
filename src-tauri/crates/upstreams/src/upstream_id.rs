//! Identity and fixed properties of an upstream, apart from its client.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::Url;

use super::api_key::ModelCatalog;
use super::registry::{UPSTREAM_NAMES, UPSTREAMS};
use super::resolved_model::{ModelQuery, UpstreamModel};
use super::upstream::{BuildSettings, Upstream, UpstreamBuildError};
use storage::config::Config;
use storage::secrets::Secret;

/// Fixed properties of an upstream.
#[derive(Debug)]
pub struct UpstreamInfo {
    /// Name in settings, logs and responses.
    pub name: &'static str,
    /// Name for people.
    pub display_name: &'static str,
    pub credential: CredentialKind,
    pub capabilities: &'static [Capability],
    /// Table of the settings file with the stored accounts: id and label.
    pub settings_table: &'static str,
    /// Host that an account was added for, if the settings name none.
    pub default_host: &'static str,
    /// Configured address.
    pub url: fn(&Config) -> &Url,
    /// Credentials of the environment.
    pub credentials: fn(&Config) -> &[Secret],
    /// Names of the models that the upstream lists.
    pub model_names: fn(&ModelCatalog) -> Vec<&str>,
    /// Model for a name.
    pub find_model: fn(&ModelQuery<'_>) -> UpstreamModel,
    /// Message for a client whose request only this upstream can serve, while there is no account for it.
    pub no_account: &'static str,
    /// Constructor of the client.
    pub build: fn(BuildSettings<'_>) -> Result<Arc<dyn Upstream>, UpstreamBuildError>,
}

/// Kind of secret that an upstream accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// The cookie of a browser session, which the user gets by signing in.
    Session,
    /// A key that the user was given.
    ApiKey,
}

/// Property in which upstreams differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Support for parameters that a website does not have, such as `logprobs`.
    ApiParams,
    Embeddings,
    /// Report of a credential's owner.
    Identity,
    /// Publication of the model catalog.
    Catalog,
    /// Billing of each request.
    Billing,
    /// Report of the requested model id in the reply; another id means that a lighter model answered.
    ServedModel,
}

/// Set of upstreams.
pub type UpstreamSet = BTreeSet<UpstreamId>;

/// Handle on the properties of an upstream. Two are equal if their names are.
#[derive(Clone, Copy)]
pub struct UpstreamId(&'static UpstreamInfo);

impl UpstreamId {
    pub const fn new(info: &'static UpstreamInfo) -> Self {
        Self(info)
    }

    pub(super) const fn name(self) -> &'static str {
        self.0.name
    }

    pub fn can(self, capability: Capability) -> bool {
        self.0.capabilities.contains(&capability)
    }
}

impl std::ops::Deref for UpstreamId {
    type Target = UpstreamInfo;

    fn deref(&self) -> &UpstreamInfo {
        self.0
    }
}

impl PartialEq for UpstreamId {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for UpstreamId {}

impl Ord for UpstreamId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.name.cmp(other.0.name)
    }
}

impl PartialOrd for UpstreamId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for UpstreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl Serialize for UpstreamId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name)
    }
}

impl<'de> Deserialize<'de> for UpstreamId {
    /// Finds the upstream in the registry.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = UPSTREAMS.iter().copied().find(|upstream| upstream.0.name == name);
        found.ok_or_else(|| de::Error::unknown_variant(&name, UPSTREAM_NAMES))
    }
}

impl ts_rs::TS for UpstreamId {
    type WithoutGenerics = Self;
    type OptionInnerType = Self;

    fn docs() -> Option<String> {
        Some("/**\n * Name of the upstream that an account belongs to.\n */\n".to_owned())
    }

    fn name(_: &ts_rs::Config) -> String {
        "UpstreamId".to_owned()
    }

    fn inline(_: &ts_rs::Config) -> String {
        UPSTREAM_NAMES.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" | ")
    }

    fn decl(config: &ts_rs::Config) -> String {
        format!("type UpstreamId = {};", Self::inline(config))
    }

    fn decl_concrete(config: &ts_rs::Config) -> String {
        Self::decl(config)
    }

    fn output_path() -> Option<std::path::PathBuf> {
        Some("UpstreamId.ts".into())
    }
}
