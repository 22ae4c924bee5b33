//! The known keys of `settings.toml`. All are optional; what they mean and may be is said at [`Config`](super::Config).

use std::collections::BTreeMap;

use serde::Deserialize;

/// Numbers are wide here, so that a number out of range is an error of `resolve` and not a damaged file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct RawSettings {
    pub(super) port: Option<i64>,
    pub(super) host: Option<String>,
    pub(super) ui: Option<bool>,
    pub(super) log: Option<String>,
    pub(super) secret_store: Option<String>,
    pub(super) secret_key_file: Option<String>,
    pub(super) allowed_hosts: Option<Vec<String>>,
    pub(super) allowed_origins: Option<Vec<String>>,
    pub(super) proxy: Option<String>,
    pub(super) no_proxy: Option<Vec<String>>,
    pub(super) extra_ca_file: Option<String>,
    pub(super) mammouth_web_url: Option<String>,
    pub(super) mammouth_api_url: Option<String>,
    pub(super) strategy: Option<String>,
    pub(super) prefer: Option<String>,
    pub(super) layout: Option<String>,
    pub(super) image_links: Option<bool>,
    pub(super) fill_max_tokens: Option<bool>,
    pub(super) nearest_models: Option<bool>,
    pub(super) keyless_port: Option<i64>,
    pub(super) language: Option<String>,
    pub(super) theme: Option<String>,
    pub(super) tray_icon: Option<String>,
    pub(super) keep_bodies: Option<bool>,
    pub(super) notify_limited: Option<bool>,
    pub(super) notify_back: Option<bool>,
    pub(super) notify_login: Option<bool>,
    pub(super) notify_all_limited: Option<bool>,
    pub(super) notify_port: Option<bool>,
    pub(super) welcomed: Option<bool>,
    pub(super) terms_accepted: Option<bool>,
    /// Ids of accounts, the one to be used first before the others.
    pub(super) account_order: Option<Vec<String>>,
    /// The id of the one account that is used.
    pub(super) only_account: Option<String>,
    /// By the name of the client key.
    pub(super) key_limits: BTreeMap<String, RawKeyLimits>,
    pub(super) unlimited_models: Option<Vec<String>>,
    pub(super) aliases: BTreeMap<String, String>,
    pub(super) limits: RawLimits,
    pub(super) web: RawSiteOverrides,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct RawLimits {
    pub(super) body_bytes: Option<i64>,
    pub(super) max_connections: Option<i64>,
    pub(super) first_byte_seconds: Option<i64>,
    pub(super) idle_seconds: Option<i64>,
    pub(super) connect_seconds: Option<i64>,
    pub(super) log_days: Option<i64>,
    pub(super) log_max_bytes: Option<i64>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct RawKeyLimits {
    pub(super) models: Vec<String>,
    pub(super) daily_tokens: Option<i64>,
    pub(super) daily_cost_usd: Option<f64>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct RawSiteOverrides {
    pub(super) request_shape: Option<String>,
    pub(super) cookie_name: Option<String>,
    pub(super) chat_path: Option<String>,
    pub(super) upload_path: Option<String>,
    pub(super) user_path: Option<String>,
    pub(super) recent_usage_path: Option<String>,
    pub(super) current_usage_path: Option<String>,
    pub(super) model_field: Option<String>,
    pub(super) preprompt_field: Option<String>,
    pub(super) messages_field: Option<String>,
    pub(super) window_cents: Option<i64>,
    pub(super) plan_factors: BTreeMap<String, i64>,
}
