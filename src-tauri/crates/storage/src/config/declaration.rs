//! Declaration of a setting, with a constructor for each kind of setting.

use std::time::Duration;

use super::choice::{Choice, joined};
use super::error::{ConfigError, SettingSource, Sourced};
use super::setting_value::{DefaultValue, SettingKind, SettingValue};
use super::sources::{Flags, Sources};
use super::validated::Config;
use super::validators;

/// Section of the window's settings page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    General,
    Network,
    Routing,
    Log,
    Appearance,
    Notifications,
}

/// Way in which a changed setting takes effect. `management` of the gateway handles each variant; an
/// unhandled one does not compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applies {
    /// The server listens on another port before the change is saved.
    Port,
    /// The second port is opened or closed before the change is saved.
    KeylessPort,
    Strategy,
    KindPreference,
    /// Names of models, and the parameters that are sent for them.
    Models,
    /// Options of requests to web sessions.
    WebSessions,
    /// Filter of the program's own log.
    LogFilter,
    LogLimits,
    Bodies,
    StoredResponses,
    Outbound,
    /// Hosts and origins that clients may use.
    AllowLists,
    /// Setting that is read each time it is needed.
    WhenRead,
    NextStart,
}

impl Applies {
    /// Whether a change takes effect at once.
    pub fn is_live(self) -> bool {
        self != Self::NextStart
    }
}

/// Rules of a setting.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Path in the settings file; a dot separates a table from its key.
    pub path: &'static str,
    pub kind: SettingKind,
    pub choices: &'static [&'static str],
    /// Smallest and largest number.
    pub range: Option<(i64, i64)>,
    /// Variable that has precedence over the file.
    pub variable: Option<&'static str>,
    /// Section of the window's settings page; `None` for a setting that only the file has.
    pub section: Option<Section>,
    pub applies: Applies,
    pub(super) default: DefaultValue,
    /// Flag that has precedence over the variable.
    flag: Option<fn(&Flags) -> Option<SettingValue>>,
}

impl Rules {
    /// Returns the last part of the path, by which commands name the setting.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    pub fn default(&self) -> SettingValue {
        self.default.into()
    }

    /// Returns the value of the highest source that has one: flag, variable, file, default.
    pub(super) fn effective(&self, sources: &Sources) -> Sourced<SettingValue> {
        let setting = self.variable.unwrap_or(self.path);
        if let Some(value) = self.flag.and_then(|flag| flag(&sources.flags)) {
            return Sourced { setting, by: SettingSource::Flag, value };
        }
        if let Some(variable) = self.variable.and_then(|name| sources.variable(name)) {
            let value = SettingValue::from_variable(variable.value, self.kind);
            return Sourced { setting, by: variable.by, value };
        }
        match sources.settings.value(self.path) {
            Some(value) => Sourced { setting, by: SettingSource::Settings, value },
            None => Sourced { setting, by: SettingSource::Default, value: self.default() },
        }
    }

    /// Returns the value of [`effective`](Self::effective) as a text.
    pub(super) fn effective_text(&self, sources: &Sources) -> Sourced<String> {
        self.effective(sources).map(|value| value.into_text().unwrap_or_default())
    }

    /// Returns the value of [`effective`](Self::effective) as a list.
    pub(super) fn effective_list(&self, sources: &Sources) -> Sourced<Vec<String>> {
        self.effective(sources).map(|value| value.into_list().unwrap_or_default())
    }
}

/// A setting: its rules, its description, and its value in a configuration.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    pub rules: Rules,
    /// Description for the documentation.
    pub meaning: &'static str,
    pub value: fn(&Config) -> SettingValue,
}

/// Declaration of a setting of type `T`: its rules, its resolution and its display.
pub(super) struct Declaration<T> {
    pub(super) rules: Rules,
    pub(super) resolve: fn(&Rules, &Sources) -> Result<T, ConfigError>,
    pub(super) show: fn(&T) -> SettingValue,
}

impl<T> Declaration<T> {
    pub(super) const fn new(
        path: &'static str,
        kind: SettingKind,
        default: DefaultValue,
        applies: Applies,
        resolve: fn(&Rules, &Sources) -> Result<T, ConfigError>,
        show: fn(&T) -> SettingValue,
    ) -> Self {
        let (choices, range, variable, section, flag) = (&[], None, None, None, None);
        let rules = Rules { path, kind, choices, range, variable, section, applies, default, flag };
        Self { rules, resolve, show }
    }

    pub(super) const fn resolve(mut self, resolve: fn(&Rules, &Sources) -> Result<T, ConfigError>) -> Self {
        self.resolve = resolve;
        self
    }

    pub(super) const fn variable(mut self, name: &'static str) -> Self {
        self.rules.variable = Some(name);
        self
    }

    pub(super) const fn flag(mut self, flag: fn(&Flags) -> Option<SettingValue>) -> Self {
        self.rules.flag = Some(flag);
        self
    }

    pub(super) const fn section(mut self, section: Section) -> Self {
        self.rules.section = Some(section);
        self
    }
}

/// Declares a setting that is on or off.
pub(super) const fn switch(path: &'static str, default: bool, applies: Applies) -> Declaration<bool> {
    let resolve = |rules: &Rules, sources: &Sources| {
        Ok(matches!(rules.effective(sources).value, SettingValue::Switch(true)))
    };
    let show = |on: &bool| SettingValue::Switch(*on);
    Declaration::new(path, SettingKind::Switch, DefaultValue::Switch(default), applies, resolve, show)
}

/// Declares a setting with a value of a [`Choice`].
pub(super) const fn choice<T: Choice>(path: &'static str, applies: Applies) -> Declaration<T> {
    let show = |value: &T| SettingValue::text(value.word());
    let default = DefaultValue::Text(T::WORDS[0]);
    let mut declared =
        Declaration::new(path, SettingKind::Choice, default, applies, resolve_choice::<T>, show);
    declared.rules.choices = T::WORDS;
    declared
}

pub(super) fn resolve_choice<T: Choice>(rules: &Rules, sources: &Sources) -> Result<T, ConfigError> {
    let problem = format!("must be {}", joined(T::WORDS));
    rules.effective_text(sources).check(&problem, |word| T::from_word(&word))
}

/// Declares a whole number within a range.
pub(super) const fn number<T: TryFrom<i64> + TryInto<i64> + Copy>(
    path: &'static str,
    default: i64,
    range: (i64, i64),
    applies: Applies,
) -> Declaration<T> {
    let show = |value: &T| SettingValue::number(*value);
    let default = DefaultValue::Number(default);
    let mut declared =
        Declaration::new(path, SettingKind::Number, default, applies, resolve_number::<T>, show);
    declared.rules.range = Some(range);
    declared
}

fn resolve_number<T: TryFrom<i64>>(rules: &Rules, sources: &Sources) -> Result<T, ConfigError> {
    let (least, most) = rules.range.unwrap_or((i64::MIN, i64::MAX));
    rules.effective(sources).check(&format!("must be from {least} to {most}"), |value| match value {
        SettingValue::Number(number) if (least..=most).contains(&number) => T::try_from(number).ok(),
        SettingValue::Number(_) | SettingValue::Text(_) | SettingValue::Switch(_) | SettingValue::List(_) => {
            None
        }
    })
}

/// Declares a time of 1 to `most` seconds.
pub(super) const fn seconds(
    path: &'static str,
    default: i64,
    most: i64,
    applies: Applies,
) -> Declaration<Duration> {
    let resolve = |rules: &Rules, sources: &Sources| resolve_number(rules, sources).map(Duration::from_secs);
    let show = |time: &Duration| SettingValue::number(time.as_secs());
    let default = DefaultValue::Number(default);
    let mut declared = Declaration::new(path, SettingKind::Number, default, applies, resolve, show);
    declared.rules.range = Some((1, most));
    declared
}

/// Declares a TCP port.
pub(super) const fn port(path: &'static str, default: i64, applies: Applies) -> Declaration<u16> {
    let show = |port: &u16| SettingValue::number(*port);
    let default = DefaultValue::Number(default);
    let mut declared = Declaration::new(path, SettingKind::Number, default, applies, resolve_port, show);
    declared.rules.range = Some((0, 65_535));
    declared
}

pub(super) fn resolve_port(rules: &Rules, sources: &Sources) -> Result<u16, ConfigError> {
    rules.effective(sources).check("must be a whole number from 0 to 65535", |value| match value {
        SettingValue::Number(number) => u16::try_from(number).ok(),
        SettingValue::Text(text) => validators::parse_port(&text),
        SettingValue::Switch(_) | SettingValue::List(_) => None,
    })
}

/// Generates the struct of all settings, its resolution and the list `SETTINGS` from one declaration of each
/// setting.
macro_rules! settings {
    ($($(#[doc = $meaning:literal])+ $field:ident: $type:ty = $declaration:expr;)+) => {
        /// All declared settings, valid.
        #[derive(Debug, Clone)]
        pub struct Settings {
            $($(#[doc = $meaning])+ pub $field: $type,)+
        }

        impl Settings {
            /// Resolves each setting by the precedence and its rule.
            ///
            /// # Errors
            /// The first setting that cannot be used.
            pub(super) fn resolve(sources: &Sources) -> Result<Self, ConfigError> {
                Ok(Self {
                    $($field: {
                        const DECLARED: Declaration<$type> = $declaration;
                        (DECLARED.resolve)(&DECLARED.rules, sources)?
                    },)+
                })
            }
        }

        /// All settings, in the order of the window.
        pub const SETTINGS: &[Setting] = &[
            $({
                const DECLARED: Declaration<$type> = $declaration;
                Setting {
                    rules: DECLARED.rules,
                    meaning: concat!($($meaning),+),
                    value: |config| (DECLARED.show)(&config.$field),
                }
            },)+
        ];
    };
}

pub(super) use settings;
