//! Settings for display.

use serde::{Deserialize, Serialize};

use super::super::Control;
use storage::config::{Config, Rules, Setting, SettingKind, SettingSource, SettingValue};

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum SettingFrom {
    Default,
    File,
    /// A variable, which the file cannot overrule.
    Environment,
    /// The command line, likewise.
    Flag,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct SettingView {
    pub name: String,
    pub kind: SettingKind,
    pub value: SettingValue,
    pub default: SettingValue,
    pub choices: Vec<String>,
    pub from: SettingFrom,
    /// A change counts at once; else from the next start on.
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
pub(super) fn fixed_by(control: &Control, rules: &Rules) -> Option<SettingSource> {
    rules.variable.and_then(|name| control.config.fixed.get(name).copied())
}

pub(super) fn view(control: &Control, saved: &Config, setting: &Setting) -> SettingView {
    let fixed = fixed_by(control, &setting.rules);
    let from = match fixed {
        Some(SettingSource::Flag) => SettingFrom::Flag,
        Some(_) => SettingFrom::Environment,
        None if control.settings().contains(&setting.rules) => SettingFrom::File,
        None => SettingFrom::Default,
    };
    let config = if fixed.is_some() { &*control.config } else { saved };
    SettingView::new(&setting.rules, (setting.value)(config), from)
}
