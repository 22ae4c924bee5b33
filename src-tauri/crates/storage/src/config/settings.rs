//! Declarations of all settings, one each. A new setting is declared only here.
//!
//! A declaration defines the path in `settings.toml`, the variable and the flag before it, the default and
//! the check, the row of the window, the way a change takes effect, the mock of the window's tests, and the
//! row of the table in `docs/settings.md`. The comment of a declaration is the text of that row.

use std::net::IpAddr;
use std::time::Duration;

use url::Url;

use super::declaration::{
    Applies, Declaration, Rules, Section, Setting, choice, number, port, seconds, settings, switch,
};
use super::error::ConfigError;
use super::outbound::{ExtraCa, ProxySetting};
use super::preferences::{Language, Theme, TrayIcon};
use super::setting_value::{DefaultValue, SettingKind, SettingValue};
use super::sources::Sources;
use super::validated::{KindPreference, LayoutSetting, Strategy};
use super::{outbound, resolve};

use Section::{Appearance, General, Log, Network, Notifications, Routing};

settings! {
    /// The port of the proxy; `0` takes any free one, a new one at each start.
    port: u16 = port("port", 3000, Applies::Port)
        .variable("PORT").flag(|flags| flags.port.clone().map(SettingValue::Text)).section(Network);
    /// The address to listen on. Any but a loopback address lets other machines in, and needs an `AUTH_TOKEN` of your own.
    host: IpAddr = text("host", "127.0.0.1", Applies::NextStart, resolve::host, |host| SettingValue::text(host))
        .variable("HOST").flag(|flags| flags.host.clone().map(SettingValue::Text)).section(Network);
    /// Further host names by which the proxy may be called, without port. Each is a name that DNS rebinding could use.
    allowed_hosts: Vec<String> = list("allowed_hosts", Applies::AllowLists, resolve::allowed_hosts)
        .variable("ALLOWED_HOSTS").flag(resolve::allow_host_flag).section(Network);
    /// Web pages that may call the proxy, such as `https://app.example`. Every script of such a page can use it, if it has
    /// the key.
    allowed_origins: Vec<String> = list("allowed_origins", Applies::AllowLists, resolve::allowed_origins)
        .variable("ALLOWED_ORIGINS").section(Network);
    /// A second port of this machine that asks for no key; `0` means none. Every program and every other user of this
    /// machine can then use the accounts.
    keyless_port: Option<u16> = Declaration::new(
        "keyless_port", SettingKind::Number, DefaultValue::Number(0), Applies::KeylessPort, resolve::keyless_port,
        |port| SettingValue::number(port.unwrap_or(0)),
    ).section(Network);
    /// The outbound proxy: `""` means the system's, `"none"` none, or an address such as `"http://proxy.example:3128"`.
    /// Who runs it sees which hosts are connected to.
    proxy: ProxySetting = text("proxy", "", Applies::Outbound, outbound::proxy, |proxy| SettingValue::text(proxy))
        .variable("HTTPS_PROXY").section(Network);
    /// Hosts without the proxy: `"example.com"` with its subdomains, `"10.0.0.0/8"`, `"*"` for all.
    no_proxy: Vec<String> = list("no_proxy", Applies::Outbound, outbound::no_proxy)
        .variable("NO_PROXY").section(Network);
    /// A PEM file of certificate authorities that are trusted beside the system's. Who has such an authority's key can
    /// read the accounts' traffic.
    extra_ca: Option<ExtraCa> = text("extra_ca_file", "", Applies::Outbound, outbound::extra_ca, outbound::show_ca)
        .variable("EXTRA_CA_FILE").section(Network);
    /// Choice among several usable accounts: `balance` (the least used), `fill-first` (always the first that can),
    /// `reset-soonest` (the one whose quota is renewed soonest).
    strategy: Strategy = choice("strategy", Applies::Strategy).section(Routing);
    /// Kind of account that serves a model that both have. In a demo the default is `web`.
    prefer: KindPreference = choice("prefer", Applies::KindPreference).resolve(resolve::prefer).section(Routing);
    /// Serves a dated model name that no account has by the model of the same name with another date or none.
    nearest_models: bool = switch("nearest_models", false, Applies::Models).section(Routing);
    /// Sends the model's own maximum to the API where a client names none; the API would cut the answer at 2048 tokens.
    fill_max_tokens: bool = switch("fill_max_tokens", true, Applies::Models).section(Routing);
    /// Form in which a conversation is sent to the web upstream: `turns`, or `transcript` (all in one part).
    layout: LayoutSetting = choice("layout", Applies::WebSessions).section(Routing);
    /// Fetches `https` links to images for clients. Turned off where the machine can reach hosts that clients should not
    /// make it call.
    image_links: bool = switch("image_links", true, Applies::WebSessions).section(Routing);
    /// The age at which records of the request log are deleted, days.
    log_days: u32 = number("limits.log_days", 30, (1, 3650), Applies::LogLimits).section(Log);
    /// The size from which the oldest records are deleted, bytes.
    log_max_bytes: u64 =
        number("limits.log_max_bytes", 100_000_000, (1_000_000, 100_000_000_000), Applies::LogLimits).section(Log);
    /// Stores prompts and replies in the request log. Who can read the data directory can then read them.
    keep_bodies: bool = switch("keep_bodies", false, Applies::Bodies).section(Log);
    /// The most memory of the responses that clients of the Responses API can continue from, bytes; `0` stores none. The
    /// oldest go first, each after an hour at the latest.
    stored_response_bytes: usize =
        number("limits.stored_response_bytes", 8_000_000, (0, 1_000_000_000), Applies::StoredResponses).section(Log);
    /// The filter of the program's own log, such as `info` or `mammouth_proxy=debug`.
    log_filter: String =
        text("log", "info", Applies::LogFilter, resolve::log_filter, |filter| SettingValue::text(filter))
        .variable("LOG").section(Log);
    /// The language of the window; `auto` is the system's.
    language: Language = choice("language", Applies::WhenRead).section(General);
    /// Check for a newer version, once a day. The request names the program and its version, and no person or machine.
    update_check: bool = switch("update_check", false, Applies::WhenRead).section(General);
    /// The colours of the window; `auto` are the system's.
    theme: Theme = choice("theme", Applies::WhenRead).section(Appearance);
    /// The icon in the tray; `auto` fits the panel, as far as it is known.
    tray_icon: TrayIcon = choice("tray_icon", Applies::WhenRead).section(Appearance);
    /// A notification when an account reaches a limit.
    notify_limited: bool = switch("notify_limited", true, Applies::WhenRead).section(Notifications);
    /// A notification when an account can be used again.
    notify_back: bool = switch("notify_back", true, Applies::WhenRead).section(Notifications);
    /// A notification when an account needs a new sign-in.
    notify_login: bool = switch("notify_login", true, Applies::WhenRead).section(Notifications);
    /// A notification when no account can be used.
    notify_all_limited: bool = switch("notify_all_limited", true, Applies::WhenRead).section(Notifications);
    /// A notification when the proxy listens on another port.
    notify_port: bool = switch("notify_port", true, Applies::WhenRead).section(Notifications);
    /// Whether the pages are served at `/`.
    ui: bool = switch("ui", true, Applies::NextStart);
    /// The address of the web upstream; `http` only to this machine. Cookies are sent there.
    web_url: Url =
        text("mammouth_web_url", resolve::WEB_URL, Applies::NextStart, resolve::upstream_url, resolve::show_url)
        .variable("MAMMOUTH_WEB_URL");
    /// The address of the official API; `http` only to this machine. API keys are sent there.
    api_url: Url =
        text("mammouth_api_url", resolve::API_URL, Applies::NextStart, resolve::upstream_url, resolve::show_url)
        .variable("MAMMOUTH_API_URL");
    /// Models for which a limited account may still be used.
    unlimited_models: Option<Vec<String>> = Declaration::new(
        "unlimited_models", SettingKind::List, DefaultValue::BuiltInList, Applies::NextStart, resolve::unlimited_models,
        |models| SettingValue::List(models.clone().unwrap_or_default()),
    );
    /// The largest request, bytes. Each running request may take that much memory, several times over.
    body_bytes: u64 = number("limits.body_bytes", 32 << 20, (1 << 10, 1 << 30), Applies::NextStart);
    /// Connections at the same time. Raised together with the limit of open files.
    max_connections: usize = number("limits.max_connections", 1024, (1, 65_536), Applies::NextStart);
    /// The wait for the first byte of an answer, seconds. Raised for models that think long before they answer.
    first_byte: Duration = seconds("limits.first_byte_seconds", 60, 3600, Applies::NextStart);
    /// The longest silence within an answer, seconds.
    idle: Duration = seconds("limits.idle_seconds", 120, 3600, Applies::NextStart);
    /// The wait for a connection to Mammouth, seconds.
    connect: Duration = seconds("limits.connect_seconds", 10, 300, Applies::NextStart);
    /// Written by the program: the first steps were shown.
    welcomed: bool = switch("welcomed", false, Applies::WhenRead);
    /// Written by the program: the notice about web sessions was accepted.
    terms_accepted: bool = switch("terms_accepted", false, Applies::WhenRead);
}

/// Declares a setting that is written as text and resolved to another type.
const fn text<T>(
    path: &'static str,
    default: &'static str,
    applies: Applies,
    resolve: fn(&Rules, &Sources) -> Result<T, ConfigError>,
    show: fn(&T) -> SettingValue,
) -> Declaration<T> {
    Declaration::new(path, SettingKind::Text, DefaultValue::Text(default), applies, resolve, show)
}

const fn list(
    path: &'static str,
    applies: Applies,
    resolve: fn(&Rules, &Sources) -> Result<Vec<String>, ConfigError>,
) -> Declaration<Vec<String>> {
    let show = |list: &Vec<String>| SettingValue::List(list.clone());
    Declaration::new(path, SettingKind::List, DefaultValue::EmptyList, applies, resolve, show)
}

/// Returns the rules of a setting by its path.
pub(super) fn rules(path: &str) -> Option<&'static Rules> {
    SETTINGS.iter().map(|setting| &setting.rules).find(|rules| rules.path == path)
}

/// Rules of the start at login, which only the desktop program has. The system stores the state, not the
/// file.
pub const AUTOSTART: Rules = switch("autostart", false, Applies::WhenRead).section(General).rules;

#[cfg(test)]
mod tests;
