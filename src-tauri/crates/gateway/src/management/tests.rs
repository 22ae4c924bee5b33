//! Generator of the user interface's TypeScript types from the Rust types. The test fails if the committed files
//! differ, and writes the new ones.

use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use ts_rs::{Config, TS, TypeVisitor};

use super::*;
use storage::config::{AUTOSTART, Rules, SETTINGS, SettingKind, SettingValue};
use storage::request_log::RequestErrorCode;

/// The folder of the generated files.
const GENERATED_DIR: &str = "ui/src/control/generated";

const GENERATED_NOTE: &str =
    "// This file was generated from the table of commands in Rust. Do not edit it by hand.";

const SETTINGS_NOTE: &str =
    "// This file was generated from the declarations of the settings in Rust. Do not edit it by hand.";

const ERRORS_NOTE: &str =
    "// This file was generated from the codes of failed requests in Rust. Do not edit it by hand.";

/// Generated files by their names.
struct TypeFiles {
    config: Config,
    seen: HashSet<TypeId>,
    texts: BTreeMap<PathBuf, String>,
}

impl TypeVisitor for TypeFiles {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        if let Some(path) = T::output_path() {
            self.texts.insert(path, T::export_to_string(&self.config).unwrap());
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

impl TypeFiles {
    fn new() -> Self {
        Self { config: config(), seen: HashSet::new(), texts: BTreeMap::new() }
    }
}

/// The generator's options. 64-bit numbers become `number`: they are times, sizes and counts, all below 2^53.
fn config() -> Config {
    Config::new().with_large_int("number")
}

fn generated() -> BTreeMap<PathBuf, String> {
    let mut files = TypeFiles::new();
    files.visit::<Status>();
    files.visit::<Overview>();
    files.visit::<AccountView>();
    files.visit::<CheckView>();
    files.visit::<Explanation>();
    files.visit::<KeyView>();
    files.visit::<ModelView>();
    files.visit::<SettingView>();
    files.visit::<SecretsView>();
    files.visit::<TestResult>();
    files.visit::<ExportedLog>();
    files.visit::<SavedFile>();
    files.visit::<storage::request_log::ExportFormat>();
    files.visit::<storage::request_log::Query>();
    files.visit::<storage::request_log::Bodies>();
    files.visit::<ControlEvent>();
    files.visit::<ControlError>();
    files.visit::<doctor::Finding>();
    files.commands();
    files.settings();
    files.request_errors();
    files.texts
}

impl TypeFiles {
    /// Generates the table of commands, with imports of the types that it uses.
    fn commands(&mut self) {
        let config = config();
        let lines = commands::typescript(self, &config);
        let names = self.texts.keys().filter_map(|path| path.file_stem()?.to_str());
        let used = names
            .filter(|name| lines.split(|c: char| !c.is_alphanumeric()).any(|word| word == *name))
            .map(|name| format!("import type {{ {name} }} from \"./{name}\";\n"));
        let text = format!(
            "{GENERATED_NOTE}\n{}\n/** Name, arguments and answer of each command. */\nexport interface Commands {{\n{lines}}}\n",
            used.collect::<String>()
        );
        self.texts.insert("Commands.ts".into(), text);
    }
}

/// A declared setting, as the user interface needs it.
#[derive(serde::Serialize)]
struct DeclaredSetting {
    name: &'static str,
    section: String,
    kind: SettingKind,
    default: SettingValue,
    choices: &'static [&'static str],
    live: bool,
}

impl DeclaredSetting {
    /// `None` for a setting without a row in the window.
    fn new(rules: &Rules) -> Option<Self> {
        Some(Self {
            name: rules.name(),
            section: format!("{:?}", rules.section?).to_lowercase(),
            kind: rules.kind,
            default: rules.default(),
            choices: rules.choices,
            live: rules.applies.is_live(),
        })
    }
}

impl TypeFiles {
    /// The settings with a row in the window.
    fn settings(&mut self) {
        let rules = SETTINGS.iter().map(|setting| &setting.rules).chain([&AUTOSTART]);
        let declared = rules.filter_map(DeclaredSetting::new);
        let lines = declared.map(|one| format!("  {},\n", serde_json::to_string(&one).unwrap()));
        let text = format!(
            "{SETTINGS_NOTE}\n\nexport const SETTINGS = [\n{}] as const;\n",
            lines.collect::<String>()
        );
        self.texts.insert("settings.ts".into(), text);
    }
}

impl TypeFiles {
    /// Generates the properties of error codes of requests that the window needs.
    fn request_errors(&mut self) {
        let lines = RequestErrorCode::ALL.iter().map(|code| {
            let severity = serde_json::to_value(code.rules().severity).unwrap();
            format!("  {}: {severity},\n", code.name())
        });
        let text = format!(
            "{ERRORS_NOTE}\n\n/** Codes of failed requests, with their severity. */\nexport const REQUEST_SEVERITIES = {{\n{}}} as const;\n",
            lines.collect::<String>()
        );
        self.texts.insert("request-errors.ts".into(), text);
    }
}

fn committed(folder: &Path) -> BTreeMap<PathBuf, String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Some((entry.file_name().into(), std::fs::read_to_string(entry.path()).ok()?)))
        .collect()
}

#[test]
fn the_types_of_the_user_interface_are_up_to_date() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../..")).join(GENERATED_DIR);
    let (wanted, kept) = (generated(), committed(&folder));
    if wanted == kept {
        return;
    }
    std::fs::create_dir_all(&folder).unwrap();
    for stale in kept.keys().filter(|name| !wanted.contains_key(*name)) {
        std::fs::remove_file(folder.join(stale)).unwrap();
    }
    for (name, text) in &wanted {
        std::fs::write(folder.join(name), text).unwrap();
    }
    panic!("{GENERATED_DIR} was stale and has been written anew: commit it");
}
