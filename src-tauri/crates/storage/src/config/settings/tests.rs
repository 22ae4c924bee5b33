use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::sources::tests::{saved, sources};
use super::*;
use crate::config::Config;

/// Tables of the file, besides single settings: setting, meaning, default.
const TABLES: &[(&str, &str, &str)] = &[
    ("`aliases` (table)", "Your names for models; a name that ends in `*` stands for all that begin so.", ""),
    (
        "`key_limits.NAME.models`, `.daily_tokens`, `.daily_cost_usd`",
        "The models a named client key may use, and how much in a day.",
        "",
    ),
    (
        "`secret_store`, `secret_key_file`",
        "`keychain`, or `file` with the file of its key (`SECRET_KEY_FILE`), see [below](#secrets).",
        "`\"keychain\"`",
    ),
    (
        "`web.request_shape`",
        "The named form of requests to the site; `llms-2025` is the only one.",
        "`\"llms-2025\"`",
    ),
    ("`web.cookie_name`", "The name of the session cookie.", "`\"auth_session\"`"),
    (
        "`web.chat_path`, `web.upload_path`, `web.user_path`, `web.recent_usage_path`, `web.current_usage_path`",
        "Paths on the site, see [upstream-protocol.md](upstream-protocol.md).",
        "",
    ),
    (
        "`web.model_field`, `web.preprompt_field`, `web.messages_field`",
        "Names of form fields, see [upstream-protocol.md](upstream-protocol.md).",
        "",
    ),
    (
        "`web.window_cents`",
        "What the smallest plan can spend in 3 hours, US cents; the used share of a quota is estimated from it.",
        "`150`",
    ),
    ("`web.plan_factors` (table)", "How many times that amount a plan has.", "built in"),
];

fn resolved(text: &str) -> Result<Config, ConfigError> {
    resolve::resolve(&saved(text))
}

/// Returns a line of the file with this value.
fn line(rules: &Rules, value: &SettingValue) -> String {
    format!("{} = {}", rules.path, toml(value))
}

fn toml(value: &SettingValue) -> String {
    toml_edit::Value::from(value.clone()).to_string()
}

#[test]
fn every_default_is_what_counts_where_nothing_is_given() {
    let config = resolve::resolve(&sources(Path::new("/root-of-tests"), &[])).unwrap();
    for setting in SETTINGS {
        assert_eq!((setting.value)(&config), setting.rules.default(), "{}", setting.rules.path);
    }
}

#[test]
fn a_setting_has_one_declaration() {
    let unique = |part: fn(&Setting) -> &str| SETTINGS.iter().map(part).collect::<BTreeSet<_>>().len();
    assert_eq!(unique(|setting| setting.rules.path), SETTINGS.len());
    assert_eq!(unique(|setting| setting.rules.name()), SETTINGS.len());
}

#[test]
fn the_range_of_a_number_is_the_one_that_is_checked() {
    for Setting { rules, value, .. } in SETTINGS {
        let Some((least, most)) = rules.range else { continue };
        for good in [least, most] {
            let config = resolved(&line(rules, &SettingValue::Number(good))).unwrap();
            assert_eq!(value(&config), SettingValue::Number(good), "{}", rules.path);
        }
        for bad in [least - 1, most + 1] {
            let error = resolved(&line(rules, &SettingValue::Number(bad))).unwrap_err();
            assert_eq!(error.setting, rules.variable.unwrap_or(rules.path));
            assert!(error.problem.ends_with(&format!("from {least} to {most}")), "{error}");
        }
    }
}

#[test]
fn the_words_of_a_choice_are_those_that_are_taken() {
    for Setting { rules, value, .. } in SETTINGS.iter().filter(|one| one.rules.kind == SettingKind::Choice) {
        for word in rules.choices {
            let config = resolved(&line(rules, &SettingValue::text(word))).unwrap();
            assert_eq!(value(&config), SettingValue::text(word), "{}", rules.path);
        }
        let error = resolved(&line(rules, &SettingValue::text("canary"))).unwrap_err();
        assert!(rules.choices.iter().all(|word| error.problem.contains(word)), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn a_value_of_another_type_than_declared_is_not_taken() {
    for Setting { rules, .. } in SETTINGS {
        let other = match rules.kind {
            SettingKind::Number => SettingValue::Switch(true),
            SettingKind::Text | SettingKind::Switch | SettingKind::Choice | SettingKind::List => {
                SettingValue::Number(1)
            }
        };
        let mut file = sources(Path::new("/root-of-tests"), &[]).settings;
        assert!(file.put(rules, Some(other)).is_err(), "{}", rules.path);
        assert!(!file.contains(rules), "{}", rules.path);
    }
}

fn row(Setting { rules, meaning, .. }: &Setting) -> String {
    let values = match (rules.kind, rules.range) {
        (SettingKind::Choice, _) => {
            rules.choices.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        }
        (_, Some((least, most))) => format!("{least} to {most}"),
        (SettingKind::Switch, None) => "`true`, `false`".to_owned(),
        (SettingKind::Text | SettingKind::Number | SettingKind::List, None) => String::new(),
    };
    let variable = rules.variable.map(|name| format!("`{name}`")).unwrap_or_default();
    let is_live = rules.section.is_some() && rules.applies.is_live();
    let counts = if is_live { "at once" } else { "next start" };
    let default = match rules.default {
        DefaultValue::BuiltInList => "built in".to_owned(),
        default => format!("`{}`", toml(&default.into())),
    };
    format!("| `{}` | {} | {values} | {default} | {variable} | {counts} |\n", rules.path, meaning.trim())
}

fn table() -> String {
    let head = "| setting | meaning | values | default | variable | a change counts |\n";
    let rows: String = SETTINGS.iter().map(row).collect();
    let tables = TABLES
        .iter()
        .map(|(setting, meaning, default)| format!("| {setting} | {meaning} | | {default} | | |\n"));
    format!("{head}|---|---|---|---|---|---|\n{rows}{}", tables.collect::<String>()).replace("|  |", "| |")
}

/// Returns the path of the documentation, which is in the repository's root.
fn docs() -> PathBuf {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    above.map(|dir| dir.join("docs/settings.md")).find(|path| path.exists()).unwrap()
}

#[test]
fn the_table_in_the_documentation_is_up_to_date() {
    let (path, begin, end) = (docs(), "<!-- generated: settings -->\n", "<!-- end: settings -->");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(begin).unwrap();
    let (kept, after) = rest.split_once(end).unwrap();
    if kept != table() {
        std::fs::write(&path, format!("{before}{begin}{}{end}{after}", table())).unwrap();
        panic!("{} was stale and has been written anew: commit it", path.display());
    }
}
