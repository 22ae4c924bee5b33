//! Unchecked content of `settings.toml`. Every setting is optional; its meaning and valid values are
//! documented where it is declared ([`settings`](super::settings)) or at [`Config`](super::Config).

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml_edit::{Item, Table};

use super::declaration::Rules;
use super::setting_value::SettingValue;
use super::settings::SETTINGS;

/// Settings of a file. Numbers have a wide type, so that a number out of range is an error of `resolve` and
/// not a damaged file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct RawSettings {
    /// Declared settings in the file, by their paths.
    pub(super) declared: BTreeMap<&'static str, SettingValue>,
    pub(super) tables: Tables,
}

/// Error of a declared setting whose value in the file has another type, with its position.
pub(super) struct WrongType(pub(super) Option<Range<usize>>);

/// Returns the declared settings of a file.
pub(super) fn declared(file: &Table) -> Result<BTreeMap<&'static str, SettingValue>, WrongType> {
    let values = SETTINGS.iter().filter_map(|setting| {
        let value = declared_value(file, &setting.rules).transpose()?;
        Some(value.map(|value| (setting.rules.path, value)))
    });
    values.collect()
}

fn declared_value(file: &Table, rules: &Rules) -> Result<Option<SettingValue>, WrongType> {
    let (tables, name) =
        rules.path.rsplit_once('.').map_or((None, rules.path), |(table, name)| (Some(table), name));
    let item = match tables.map(|table| file.get(table)) {
        None => file.get(name),
        Some(None) => None,
        Some(Some(table)) => {
            let inner = table.as_table_like().ok_or_else(|| WrongType(table.span()))?;
            inner.get(name)
        }
    };
    let wrong = |item: &Item| WrongType(item.span());
    item.map(|item| SettingValue::from_item(item, rules.kind).ok_or_else(|| wrong(item))).transpose()
}

/// Settings that are not a single value, or that have an effect only together.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Tables {
    pub(super) secret_store: Option<String>,
    pub(super) secret_key_file: Option<String>,
    /// Ids of accounts, in the order of use.
    pub(super) account_order: Option<Vec<String>>,
    /// Id of the only account that is used.
    pub(super) only_account: Option<String>,
    /// Limits by the name of the client key.
    pub(super) key_limits: BTreeMap<String, RawKeyLimits>,
    pub(super) aliases: BTreeMap<String, String>,
    pub(super) web: RawSiteOverrides,
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
