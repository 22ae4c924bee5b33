//! Settings: their sources, and the checked configuration that the rest of the program uses.
//!
//! [`Sources::read`] gathers the command line, the environment, `.env` and `settings.toml`; [`resolve`]
//! applies the precedence (in that order, then the default) and every rule, once. The result is a [`Config`]
//! in which every value is valid, or a [`ConfigError`] whose sentence names the setting and its source, never
//! its value. [`SettingsFile`] changes and saves settings.
//!
//! This module opens no port, accesses no keychain, and does not itself read the process environment or parse
//! the command line.

mod choice;
mod credential_list;
mod credential_paste;
mod credentials;
mod data_dir;
mod declaration;
mod env_file;
mod error;
mod file;
mod file_only;
mod file_settings;
mod folder_readers;
mod outbound;
mod parse;
mod precedence;
mod preferences;
mod raw_settings;
mod resolve;
mod secret_store;
mod service_credentials;
mod setting_value;
mod settings;
mod sources;
mod text_file;
mod toml_edit_ops;
mod unnamed_env_file;
mod validated;
mod validators;
mod weak_key;

pub use choice::Choice;
pub use credential_list::UnusableValue;
pub use credential_paste::{CookieTarget, PasteError, accounts_in_env, pasted_cookie, pasted_key};
pub use data_dir::platform_dir;
pub use declaration::{Applies, Rules, Section, Setting};
pub use env_file::EnvFile;
pub use error::{ConfigError, SettingSource};
pub use file::{SettingsError, SettingsFile};
pub use file_only::resolve_file_only;
pub use folder_readers::folder_readers;
pub use outbound::{ExtraCa, OutboundConfig, ProxyAddress, ProxySetting};
pub use preferences::{Language, Theme, TrayIcon};
pub use resolve::{API_HOST, WEB_HOST, resolve};
pub use service_credentials::add_service_credentials;
pub use setting_value::{SettingKind, SettingValue};
pub use settings::{AUTOSTART, SETTINGS, Settings};
pub use sources::{Flags, RuntimeEnvironment, SECRET_VARIABLES, Sources, known_variables};
pub use unnamed_env_file::UnnamedEnvFile;
pub use validated::{
    Config, KeyLimitSettings, KindPreference, LayoutSetting, SecretStoreSetting, SiteOverrides, Strategy,
};
pub use validators::authority;
pub use weak_key::weak_key;
