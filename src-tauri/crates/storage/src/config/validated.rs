//! The settings once they are checked. Each field says when one would change it, and what that risks.

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

/// Everything that the user decides, valid. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Config {
    /// The settings declared in `settings.rs`.
    pub settings: Settings,
    /// `--demo`: answer from the simulator. `COOKIES` and `API_KEYS` are then not read: a demo needs no real account.
    pub demo: bool,
    /// `--no-ui`, or `ui` turned off: whether the pages are served at `/`.
    pub ui: bool,
    /// `DATA_DIR`: the platform's own directory; in a demo a directory `demo` inside. Always absolute. Changed for
    /// containers and portable installs; whoever can write there can change the settings.
    pub data_dir: PathBuf,
    /// `COOKIES`, `COOKIES_FILE`: none. RawSettings of the session cookie, cleaned of what is pasted around them.
    pub cookies: Vec<Secret>,
    /// `API_KEYS`, `API_KEYS_FILE`: none.
    pub api_keys: Vec<Secret>,
    /// `AUTH_TOKEN`, `AUTH_TOKEN_FILE`: `None` when none was given, and the one made at first start counts. Sourced where
    /// clients are set up beforehand, as in a compose file.
    pub auth_token: Option<Secret>,
    /// A `.env` that settings were taken from though nobody named it. Its `AUTH_TOKEN` may be known to a stranger.
    pub unnamed_env_file: Option<UnnamedEnvFile>,
    /// `secret_store`: `keychain`. Where the accounts added by hand and the client key made at first start are kept.
    /// Changed on machines without a keychain.
    pub secret_store: SecretStoreSetting,
    /// Where the proxy's address comes from.
    pub proxy_given_by: SettingSource,
    /// `[aliases]`: none. Pairs of the name a client sends and the model that is asked instead; they come before the
    /// built-in table. A wrong one sends every request for that name astray.
    pub aliases: Vec<(String, String)>,
    /// `account_order`: none. Ids of accounts in the order in which they are used.
    pub account_order: Vec<String>,
    /// `only_account`: none. The id of the one account that is used; the others wait.
    pub only_account: Option<String>,
    /// `[key_limits.NAME]`: none. What a client key may ask for and use a day.
    pub key_limits: BTreeMap<String, KeyLimitSettings>,
    /// What a flag or a variable decides, by the name of the variable.
    pub fixed: BTreeMap<&'static str, SettingSource>,
    /// `[web]`.
    pub web: SiteOverrides,
    /// What to tell the user about the state of the settings file.
    pub notice: Option<String>,
}

impl Deref for Config {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl Config {
    /// Where to listen.
    pub fn listen(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    /// How connections leave this machine.
    pub fn outbound(&self) -> OutboundConfig {
        OutboundConfig {
            proxy: self.proxy.clone(),
            proxy_given_by: self.proxy_given_by,
            no_proxy: self.no_proxy.clone(),
            extra_ca: self.extra_ca.clone(),
        }
    }

    /// The Host names that may be used beside those of the loopback: `listed`, and the address listened on where it is
    /// one of this machine's. No name that DNS rebinding could use is an address.
    pub fn host_names(&self, listed: &[String]) -> Vec<String> {
        let own = Some(self.host.to_canonical()).filter(|host| !host.is_unspecified());
        listed.iter().cloned().chain(own.map(validators::host_in_url)).collect()
    }
}

/// The limits of one client key. `None` and an empty list mean none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeyLimitSettings {
    /// Models by the names that the client sends.
    pub models: Vec<String>,
    /// Tokens of prompts and replies.
    pub daily_tokens: Option<u64>,
    /// US dollars.
    pub daily_cost_usd: Option<f64>,
}

/// Where secrets are kept over a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SecretStoreSetting {
    /// The keychain of the platform.
    #[default]
    Keychain,
    /// `file`: an encrypted file in the data directory. `SECRET_KEY_FILE`, `secret_key_file`: the file of its key, which
    /// is made if it is missing; whoever can read both files can read the secrets.
    File { key_file: PathBuf },
}

/// Which of several usable accounts serves a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(ts_rs::TS)]
pub enum Strategy {
    /// The least used one, so that all last longest.
    #[default]
    Balance,
    /// Always the first that can, so that the others stay full.
    FillFirst,
    /// The one whose quota is renewed soonest.
    ResetSoonest,
}

choice!(Strategy { Balance = "balance", FillFirst = "fill-first", ResetSoonest = "reset-soonest" });

/// Which kind of account serves a model that both kinds have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(ts_rs::TS)]
pub enum KindPreference {
    /// API keys first: the sanctioned way, with tools and exact counts.
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

/// How a conversation is laid out for the web upstream, which knows no roles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LayoutSetting {
    /// One part a turn, alternating between user and assistant.
    #[default]
    Turns,
    /// All in one part, with role labels. For the day the site stops taking turns; long conversations cost more there.
    Transcript,
}

choice!(LayoutSetting { Turns = "turns", Transcript = "transcript" });

/// `[web]`: what differs from the built-in description of the site, which no one promised to keep as it is. `None` keeps
/// the built-in value. Set when `doctor` says that the site's answers do not fit any more; a wrong value breaks every
/// web account, and no value can send a cookie to another host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteOverrides {
    /// The form of a request; `llms-2025` is the only one so far.
    pub request_shape: Option<String>,
    /// The session cookie, `auth_session`.
    pub cookie_name: Option<String>,
    /// Where a model is asked.
    pub chat_path: Option<String>,
    /// Where an image is uploaded.
    pub upload_path: Option<String>,
    /// Where a session says whose it is.
    pub user_path: Option<String>,
    /// Where a session says how much of its quota is used.
    pub recent_usage_path: Option<String>,
    /// Where a session says what it has spent.
    pub current_usage_path: Option<String>,
    /// The form field of the model.
    pub model_field: Option<String>,
    /// The form field of the system prompt.
    pub preprompt_field: Option<String>,
    /// The form field of the turns.
    pub messages_field: Option<String>,
    /// Spend that uses up a window's quota of the smallest plan, US cents.
    pub window_cents: Option<u32>,
    /// By plan: how many times that spend its quota is. Added to the built-in ones.
    pub plan_factors: BTreeMap<String, u32>,
}
