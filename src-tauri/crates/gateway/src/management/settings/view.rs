//! Settings for display.

use serde::{Deserialize, Serialize};

use super::super::Control;
use storage::config::{Config, Rules, Setting, SettingKind, SettingSource, SettingValue};

/// Source of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum SettingFrom {
    Default,
    File,
    /// An environment variable, which overrides the settings file.
    Environment,
    /// A command-line flag, which overrides the settings file.
    Flag,
}

/// A setting with its value and the source of the value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct SettingView {
    pub name: String,
    pub kind: SettingKind,
    pub value: SettingValue,
    pub default: SettingValue,
    pub choices: Vec<String>,
    pub from: SettingFrom,
    /// Whether a change applies at once, and not at the next start.
    pub live: bool,
}

impl SettingView {
    pub(super) fn new(rules: &Rules, value: SettingValue, from: SettingFrom) -> Self {
        Self {
            name: rules.name().to_owned(),
            kind: rules.kind,
            value,
            default: rules.default(),
            choices: rules.choices.iter().map(|choice| (*choice).to_owned()).collect(),
            from,
            live: rules.applies.is_live(),
        }
    }
}

/// The source that overrides the settings file, if there is one.
pub(super) fn override_source(control: &Control, rules: &Rules) -> Option<SettingSource> {
    rules.variable.and_then(|name| control.config.fixed.get(name).copied())
}

pub(super) fn view(control: &Control, saved: &Config, setting: &Setting) -> SettingView {
    let fixed = override_source(control, &setting.rules);
    let from = match fixed {
        Some(SettingSource::Flag) => SettingFrom::Flag,
        Some(_) => SettingFrom::Environment,
        None if control.settings().contains(&setting.rules) => SettingFrom::File,
        None => SettingFrom::Default,
    };
    let config = if fixed.is_some() { &*control.config } else { saved };
    SettingView::new(&setting.rules, (setting.value)(config), from)
}
