//! The checked configuration. The fields document their variable, their path in the file, their default and
//! their risks.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::choice::choice;
use super::error::SettingSource;
use super::outbound::OutboundConfig;
use super::settings::Settings;
use super::unnamed_env_file::UnnamedEnvFile;
use super::validators;
use crate::secrets::Secret;

/// All settings of the user, valid. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Config {
    /// The settings declared in `settings.rs`.
    pub settings: Settings,
    /// Whether the simulator answers (`--demo`). `COOKIES` and `API_KEYS` are then not read, because a demo
    /// needs no real account.
    pub demo: bool,
    /// Whether the pages are served at `/` (`--no-ui`, `ui`).
    pub ui: bool,
    /// Absolute path of the data directory (`DATA_DIR`; default: the platform's own directory, in a demo a
    /// directory `demo` inside). Everyone who can write to it can change the settings.
    pub data_dir: PathBuf,
    /// Values of session cookies (`COOKIES`, `COOKIES_FILE`; default: none), without the text that was pasted
    /// around them.
    pub cookies: Vec<Secret>,
    /// API keys (`API_KEYS`, `API_KEYS_FILE`; default: none).
    pub api_keys: Vec<Secret>,
    /// Client key (`AUTH_TOKEN`, `AUTH_TOKEN_FILE`), set where clients are configured beforehand, as in a
    /// compose file. `None` if none was given; the key created at the first start counts then.
    pub auth_token: Option<Secret>,
    /// The `.env` that settings came from without being named. Others may know its `AUTH_TOKEN`.
    pub unnamed_env_file: Option<UnnamedEnvFile>,
    /// Store of accounts added by hand and of the client key created at the first start (`secret_store`;
    /// default: `keychain`). Changed on machines without a keychain.
    pub secret_store: SecretStoreSetting,
    /// Source of the proxy's address.
    pub proxy_given_by: SettingSource,
    /// Aliases (`[aliases]`; default: none): pairs of the client's name of a model and the model that is
    /// called instead. They have precedence over the built-in table.
    pub aliases: Vec<(String, String)>,
    /// Ids of accounts in the order of use (`account_order`; default: none).
    pub account_order: Vec<String>,
    /// Id of the only account that is used (`only_account`; default: none).
    pub only_account: Option<String>,
    /// Daily limits and allowed models of client keys, by name (`[key_limits.NAME]`; default: none).
    pub key_limits: BTreeMap<String, KeyLimitSettings>,
    /// Sources of the settings that a flag or a variable decides, by the name of the variable.
    pub fixed: BTreeMap<&'static str, SettingSource>,
    /// Overrides of the site's protocol (`[web]`).
    pub web: SiteOverrides,
    /// Message for the user about the state of the settings file.
    pub notice: Option<String>,
}

impl Deref for Config {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl Config {
    /// Returns the address to listen on.
    pub fn listen(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    /// Returns the settings of outbound connections.
    pub fn outbound(&self) -> OutboundConfig {
        OutboundConfig {
            proxy: self.proxy.clone(),
            proxy_given_by: self.proxy_given_by,
            no_proxy: self.no_proxy.clone(),
            extra_ca: self.extra_ca.clone(),
        }
    }

    /// Returns the Host names that are allowed besides those of the loopback: `listed`, and the listen
    /// address unless it is unspecified. An IP address cannot be used for DNS rebinding.
    pub fn host_names(&self, listed: &[String]) -> Vec<String> {
        let own = Some(self.host.to_canonical()).filter(|host| !host.is_unspecified());
        listed.iter().cloned().chain(own.map(validators::host_in_url)).collect()
    }
}

/// Limits of one client key. `None` and an empty list mean no limit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeyLimitSettings {
    /// Allowed models, by the names that the client sends.
    pub models: Vec<String>,
    /// Maximum tokens of prompts and replies per day.
    pub daily_tokens: Option<u64>,
    /// Maximum cost per day, US dollars.
    pub daily_cost_usd: Option<f64>,
}

/// Store that keeps secrets over a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SecretStoreSetting {
    /// The keychain of the platform.
    #[default]
    Keychain,
    /// An encrypted file in the data directory (`file`). Its key file (`SECRET_KEY_FILE`, `secret_key_file`)
    /// is created if it is missing. Everyone who can read both files can read the secrets.
    File { key_file: PathBuf },
}

/// Rule that selects one of several usable accounts for a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(ts_rs::TS)]
pub enum Strategy {
    /// The least used account, so that all last longest.
    #[default]
    Balance,
    /// The first usable account, so that the others keep their quota.
    FillFirst,
    /// The account whose quota is renewed soonest.
    ResetSoonest,
}

choice!(Strategy { Balance = "balance", FillFirst = "fill-first", ResetSoonest = "reset-soonest" });

/// Preferred kind of account for a model that both kinds have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(ts_rs::TS)]
pub enum KindPreference {
    /// API keys first: the official way, with tools and exact counts.
    #[default]
    Api,
    /// Web sessions first: their quota is paid for already.
    Web,
    /// Only API keys.
    OnlyApi,
    /// Only web sessions.
    OnlyWeb,
}

choice!(KindPreference { Api = "api", Web = "web", OnlyApi = "only-api", OnlyWeb = "only-web" });

/// Layout of a conversation for the web upstream, which has no roles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LayoutSetting {
    /// One part per turn, alternating between user and assistant.
    #[default]
    Turns,
    /// The whole conversation in one part, with role labels, in case the site stops accepting turns. Long
    /// conversations cost more.
    Transcript,
}

choice!(LayoutSetting { Turns = "turns", Transcript = "transcript" });

/// Overrides of the built-in description of the site (`[web]`), whose protocol is undocumented and may
/// change. `None` keeps the built-in value. Set when `doctor` reports that the site's responses do not match.
/// A wrong value breaks every web account; no value can send a cookie to another host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteOverrides {
    /// Version of the site's protocol; `llms-2025` is the only one.
    pub request_shape: Option<String>,
    /// Name of the session cookie; default: `auth_session`.
    pub cookie_name: Option<String>,
    /// Path that calls a model.
    pub chat_path: Option<String>,
    /// Path that uploads an image.
    pub upload_path: Option<String>,
    /// Path of the session's user.
    pub user_path: Option<String>,
    /// Path of the used share of the quota.
    pub recent_usage_path: Option<String>,
    /// Path of the spend in the current window.
    pub current_usage_path: Option<String>,
    /// Form field of the model.
    pub model_field: Option<String>,
    /// Form field of the system prompt.
    pub preprompt_field: Option<String>,
    /// Form field of the turns.
    pub messages_field: Option<String>,
    /// Spend that uses up a window's quota of the smallest plan, US cents.
    pub window_cents: Option<u32>,
    /// Quota of each plan as a multiple of `window_cents`. Added to the built-in factors.
    pub plan_factors: BTreeMap<String, u32>,
}
