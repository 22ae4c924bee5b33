//! Settings: what the user wrote, and the checked form that everyone else gets.
//!
//! [`Sources::read`] gathers the command line, the environment, `.env` and `settings.toml`; [`resolve`] applies the
//! precedence (in that order, then the default) and every rule, once. What comes out is a [`Config`] in which no value
//! is invalid, or a [`ConfigError`] whose sentence names the setting and where it came from, never its value.
//! [`SettingsFile`] is also how a setting is changed and saved.
//!
//! Nothing here opens a port, talks to a keychain, reads the process environment by itself or parses the command line.

mod account_list;
mod addresses;
mod check;
mod checked;
mod credentials;
mod data_dir;
mod edit;
mod env_file;
mod error;
mod file;
mod outbound;
mod parse;
mod pasted;
mod pick;
mod preferences;
mod resolve;
mod secret_place;
mod sources;
mod tables;
mod text_file;
mod unnamed_env_file;
mod values;
mod weak_key;

pub use account_list::UnusableValue;
pub use addresses::authority;
pub use check::resolve_file_only;
pub use checked::{
    Config, KeyLimitSettings, KindPreference, LayoutSetting, LimitSettings, SecretStoreSetting,
    SiteOverrides, Strategy,
};
pub use data_dir::platform_dir;
pub use env_file::EnvFile;
pub use error::{ConfigError, SettingSource};
pub use file::{SettingsError, SettingsFile};
pub use outbound::{ExtraCa, OutboundConfig, ProxyAddress, ProxySetting};
pub use pasted::{CookieTarget, PasteError, accounts_in_env, pasted_cookie, pasted_key};
pub use preferences::{Language, Notify, Preferences, Theme, TrayIcon};
pub use resolve::{API_HOST, WEB_HOST, resolve};
pub use sources::{Flags, RuntimeEnvironment, SECRET_VARIABLES, Sources, known_variables};
pub use unnamed_env_file::UnnamedEnvFile;
pub use weak_key::weak_key;
