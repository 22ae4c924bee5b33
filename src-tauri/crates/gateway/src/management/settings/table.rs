//! The table of settings: an entry each.

use std::path::Path;

use super::super::Control;
use super::{SettingKind, SettingValue};
use storage::config::{self, Config, SettingSource, SettingsFile};

/// The one that the system keeps, not the file.
pub(super) const AUTOSTART: &str = "autostart";

/// The one whose password is kept elsewhere.
pub(super) const PROXY: &str = "proxy";

/// What is known of a setting.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) kind: SettingKind,
    /// Where it stands in the file.
    pub(super) path: &'static [&'static str],
    /// The variable that decides where it is set.
    pub(super) variable: Option<&'static str>,
    pub(super) choices: &'static [&'static str],
    /// A change counts at once.
    pub(super) live: bool,
    pub(super) value: fn(&Config) -> SettingValue,
}

impl Setting {
    /// What decides instead of the file, if something does.
    pub(super) fn fixed(&self, control: &Control) -> Option<SettingSource> {
        self.variable.and_then(|name| control.config.fixed.get(name).copied())
    }

    /// What counts where nobody says anything.
    pub(super) fn default(&self) -> SettingValue {
        let nothing = config::resolve_file_only(&SettingsFile::empty(Path::new("/")), None);
        nothing.map_or(SettingValue::Text(String::new()), |config| (self.value)(&config))
    }
}

const fn plain(
    name: &'static str,
    path: &'static [&'static str],
    kind: SettingKind,
    value: fn(&Config) -> SettingValue,
) -> Setting {
    Setting { name, kind, path, variable: None, choices: &[], live: false, value }
}

const fn live(setting: Setting) -> Setting {
    Setting { live: true, ..setting }
}

const fn by(variable: &'static str, setting: Setting) -> Setting {
    Setting { variable: Some(variable), ..setting }
}

const fn one_of(choices: &'static [&'static str], setting: Setting) -> Setting {
    Setting { choices, ..setting }
}

use SettingKind::{Choice, List, Number, Switch, Text};

/// In the order in which they are shown.
pub(super) const SETTINGS: &[Setting] = &[
    by("PORT", live(plain("port", &["port"], Number, |c| number(c.port)))),
    by("HOST", plain("host", &["host"], Text, |c| text(c.host))),
    one_of(
        &["balance", "fill-first", "reset-soonest"],
        live(plain("strategy", &["strategy"], Choice, |c| word(c.strategy))),
    ),
    one_of(
        &["api", "web", "only-api", "only-web"],
        live(plain("prefer", &["prefer"], Choice, |c| word(c.prefer))),
    ),
    live(plain("log_days", &["limits", "log_days"], Number, |c| number(c.limits.log_days))),
    live(plain("log_max_bytes", &["limits", "log_max_bytes"], Number, |c| number(c.limits.log_max_bytes))),
    live(plain("keep_bodies", &["keep_bodies"], Switch, |c| switch(c.preferences.keep_bodies))),
    one_of(
        &["auto", "en", "zh", "fr"],
        live(plain("language", &["language"], Choice, |c| word(c.preferences.language))),
    ),
    one_of(
        &["auto", "light", "dark"],
        live(plain("theme", &["theme"], Choice, |c| word(c.preferences.theme))),
    ),
    one_of(
        &["auto", "light", "dark", "colour"],
        live(plain("tray_icon", &["tray_icon"], Choice, |c| word(c.preferences.tray_icon))),
    ),
    by("ALLOWED_HOSTS", live(plain("allowed_hosts", &["allowed_hosts"], List, |c| list(&c.allowed_hosts)))),
    by(
        "ALLOWED_ORIGINS",
        live(plain("allowed_origins", &["allowed_origins"], List, |c| list(&c.allowed_origins))),
    ),
    by("HTTPS_PROXY", live(plain(PROXY, &["proxy"], Text, |c| text(&c.outbound.proxy)))),
    by("NO_PROXY", live(plain("no_proxy", &["no_proxy"], List, |c| list(&c.outbound.no_proxy)))),
    by("EXTRA_CA_FILE", live(plain("extra_ca_file", &["extra_ca_file"], Text, |c| text(ca_file(c))))),
    by("LOG", live(plain("log", &["log"], Text, |c| text(&c.log_filter)))),
    live(plain("notify_limited", &["notify_limited"], Switch, |c| switch(c.preferences.notify.limited))),
    live(plain("notify_back", &["notify_back"], Switch, |c| switch(c.preferences.notify.back))),
    live(plain("notify_login", &["notify_login"], Switch, |c| switch(c.preferences.notify.login))),
    live(plain("notify_all_limited", &["notify_all_limited"], Switch, |c| {
        switch(c.preferences.notify.all_limited)
    })),
    live(plain("notify_port", &["notify_port"], Switch, |c| switch(c.preferences.notify.port))),
    live(plain("image_links", &["image_links"], Switch, |c| switch(c.image_links))),
    one_of(&["turns", "transcript"], live(plain("layout", &["layout"], Choice, |c| word(c.layout)))),
    live(plain("fill_max_tokens", &["fill_max_tokens"], Switch, |c| switch(c.fill_max_tokens))),
    live(plain("nearest_models", &["nearest_models"], Switch, |c| switch(c.nearest_models))),
    live(plain("keyless_port", &["keyless_port"], Number, |c| number(c.keyless_port.unwrap_or(0)))),
];

fn ca_file(config: &Config) -> String {
    config.outbound.extra_ca.as_ref().map_or_else(String::new, |ca| ca.path.display().to_string())
}

fn number(value: impl TryInto<i64>) -> SettingValue {
    SettingValue::Number(value.try_into().unwrap_or(i64::MAX))
}

fn switch(on: bool) -> SettingValue {
    SettingValue::Switch(on)
}

fn text(value: impl ToString) -> SettingValue {
    SettingValue::Text(value.to_string())
}

fn list(values: &[String]) -> SettingValue {
    SettingValue::List(values.to_vec())
}

/// The word that stands for a value in the file too.
fn word(value: impl serde::Serialize) -> SettingValue {
    let json = serde_json::to_value(value).unwrap_or_default();
    text(json.as_str().unwrap_or_default())
}
