//! The settings once they are checked. Each field says when one would change it, and what that risks.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use super::error::SettingSource;
use super::outbound::OutboundConfig;
use super::preferences::Preferences;
use super::unnamed_env_file::UnnamedEnvFile;
use super::validators;
use crate::secrets::Secret;

/// Every setting, valid. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Config {
    /// `HOST`, `host`: 127.0.0.1. Changed to let other machines or containers in; whoever reaches it and has the key
    /// spends the accounts' quota, so any other than a loopback address demands an `AUTH_TOKEN`.
    pub host: IpAddr,
    /// `PORT`, `port`: 3000. Changed when something else has the port; 0 takes any free one, a new one at each start.
    pub port: u16,
    /// `--demo`: answer from the simulator. `COOKIES` and `API_KEYS` are then not read: a demo needs no real account.
    pub demo: bool,
    /// `ui`, `--no-ui`: on. Turned off on a server that nobody looks at, for one way in less.
    pub ui: bool,
    /// `DATA_DIR`: the platform's own directory; in a demo a directory `demo` inside. Always absolute. Changed for
    /// containers and portable installs; whoever can write there can change the settings.
    pub data_dir: PathBuf,
    /// `LOG`, `log`: `info`, as tracing's EnvFilter. Changed to look for a fault; `debug` is long but holds no secret.
    pub log_filter: String,
    /// `COOKIES`, `COOKIES_FILE`: none. Values of the session cookie, cleaned of what is pasted around them.
    pub cookies: Vec<Secret>,
    /// `API_KEYS`, `API_KEYS_FILE`: none.
    pub api_keys: Vec<Secret>,
    /// `AUTH_TOKEN`, `AUTH_TOKEN_FILE`: `None` when none was given, and the one made at first start counts. Given where
    /// clients are set up beforehand, as in a compose file.
    pub auth_token: Option<Secret>,
    /// A `.env` that settings were taken from though nobody named it. Its `AUTH_TOKEN` may be known to a stranger.
    pub unnamed_env_file: Option<UnnamedEnvFile>,
    /// `secret_store`: `keychain`. Where the accounts added by hand and the client key made at first start are kept.
    /// Changed on machines without a keychain.
    pub secret_store: SecretStoreSetting,
    /// `ALLOWED_HOSTS`, `allowed_hosts`, `--allow-host`: none. As in a Host header without its port: lower case, IPv6 in
    /// brackets. Given when clients use another name than localhost; each one is a name that DNS rebinding could use.
    pub allowed_hosts: Vec<String>,
    /// `ALLOWED_ORIGINS`, `allowed_origins`: none. As browsers send them. Given for a web page that is to call the proxy;
    /// every script of that page can then use it, if it has the key.
    pub allowed_origins: Vec<String>,
    /// `MAMMOUTH_WEB_URL`, `mammouth_web_url`: `https://mammouth.ai`. Changed when the site moves, and in tests; cookies
    /// are sent there.
    pub web_url: Url,
    /// `MAMMOUTH_API_URL`, `mammouth_api_url`: `https://api.mammouth.ai`. As above; API keys are sent there.
    pub api_url: Url,
    /// How connections leave this machine.
    pub outbound: OutboundConfig,
    /// `strategy`: `balance`. Which of several usable accounts serves.
    pub strategy: Strategy,
    /// `prefer`: `api`, in a demo `web`. Which kind of account serves what both can. Changed to spend a session's quota before a key's
    /// money, or to keep one kind out.
    pub prefer: KindPreference,
    /// `fill_max_tokens`: on. Whether a request to the official API that names no `max_tokens` gets the model's own
    /// maximum: the API would cut the answer at 2048 tokens. Turned off to leave that to the API.
    pub fill_max_tokens: bool,
    /// `nearest_models`: off. Whether a dated name that nobody has is served by the model of the same name with another
    /// date or without one. The answer's `x-mammouth-model` then names it.
    pub nearest_models: bool,
    /// `layout`: `turns`. How a conversation is laid out for the web upstream.
    pub layout: LayoutSetting,
    /// `[aliases]`: none. Pairs of the name a client sends and the model that is asked instead; they come before the
    /// built-in table. A wrong one sends every request for that name astray.
    pub aliases: Vec<(String, String)>,
    /// `unlimited_models`: `None` means the built-in list. Models for which a limited account may still be used; one that
    /// does not belong there costs a refused upstream call a request.
    pub unlimited_models: Option<Vec<String>>,
    /// `image_links`: on. Whether `https` links to images are fetched for clients. Turned off where the machine can reach
    /// hosts that clients should not make it call.
    pub image_links: bool,
    /// `keyless_port`: none. A second port of this machine on which no key is asked, for clients that cannot send one.
    /// Every program and every other user of this machine can then use the accounts.
    pub keyless_port: Option<u16>,
    /// `account_order`: none. Ids of accounts in the order in which they are used.
    pub account_order: Vec<String>,
    /// `only_account`: none. The id of the one account that is used; the others wait.
    pub only_account: Option<String>,
    /// `[key_limits.NAME]`: none. What a client key may ask for and use a day.
    pub key_limits: BTreeMap<String, KeyLimitSettings>,
    /// Language, theme and what else is a matter of taste.
    pub preferences: Preferences,
    /// What a flag or a variable decides, by the name of the variable.
    pub fixed: BTreeMap<&'static str, SettingSource>,
    /// `[limits]`.
    pub limits: LimitSettings,
    /// `[web]`.
    pub web: SiteOverrides,
    /// What to tell the user about the state of the settings file.
    pub notice: Option<String>,
}

impl Config {
    /// Where to listen.
    pub fn listen(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
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

/// `[limits]`: fixed ceilings, so that neither clients nor the upstream can take the program down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSettings {
    /// `body_bytes`: 32 MiB, from 1 KiB to 1 GiB. The largest request. Raised for many large images; each running
    /// request may take that much memory, several times over.
    pub body_bytes: u64,
    /// `max_connections`: 1024, from 1 to 65536. Raised for many clients, together with the limit of open files.
    pub max_connections: usize,
    /// `first_byte_seconds`: 60, from 1 to 3600. Raised for models that think long before they speak; a dead upstream
    /// is then noticed as much later.
    pub first_byte: Duration,
    /// `idle_seconds`: 120, from 1 to 3600. The longest silence within a reply. As above.
    pub idle: Duration,
    /// `connect_seconds`: 10, from 1 to 300. Raised on very slow networks.
    pub connect: Duration,
    /// `log_days`: 30, from 1 to 3650. The age at which request log records are deleted.
    pub log_days: u32,
    /// `log_max_bytes`: 100 MB, from 1 MB to 100 GB. The size from which the oldest records are deleted.
    pub log_max_bytes: u64,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            body_bytes: 32 << 20,
            max_connections: 1024,
            first_byte: Duration::from_secs(60),
            idle: Duration::from_secs(120),
            connect: Duration::from_secs(10),
            log_days: 30,
            log_max_bytes: 100_000_000,
        }
    }
}

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
