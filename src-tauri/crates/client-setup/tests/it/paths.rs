//! Tests of the locations of clients' files on each system.

use mammouth_client_setup::System;

use crate::corpus::file_of;
use crate::support::TestHome;

fn path(system: System, variables: &[(&str, &str)], id: &str) -> String {
    let mut home = TestHome::on(system);
    for (name, value) in variables {
        home.environment.variables.insert((*name).to_owned(), (*value).to_owned());
    }
    let path = file_of(&home, id).path;
    let home = home.environment.home.display().to_string();
    path.display().to_string().replace(&home, "~").replace('\\', "/")
}

#[test]
fn paths_differ_by_system() {
    let paths = [
        (System::Linux, "zed", "~/.config/zed/settings.json"),
        (System::MacOs, "zed", "~/.config/zed/settings.json"),
        (System::Windows, "zed", "~/AppData/Roaming/Zed/settings.json"),
        (System::Linux, "vscode", "~/.config/Code/User/chatLanguageModels.json"),
        (System::MacOs, "vscode", "~/Library/Application Support/Code/User/chatLanguageModels.json"),
        (System::Windows, "vscode", "~/AppData/Roaming/Code/User/chatLanguageModels.json"),
        (System::Linux, "goose", "~/.config/goose/custom_providers/mammouth-proxy.json"),
        (
            System::Windows,
            "goose",
            "~/AppData/Roaming/Block/goose/config/custom_providers/mammouth-proxy.json",
        ),
        (System::Linux, "hermes", "~/.hermes/config.yaml"),
        (System::Windows, "hermes", "~/AppData/Local/hermes/config.yaml"),
        (System::MacOs, "opencode", "~/.config/opencode/opencode.json"),
        (System::Windows, "crush", "~/.config/crush/crush.json"),
        (System::MacOs, "raycast", "~/.config/raycast/ai/providers.yaml"),
    ];
    for (system, id, expected) in paths {
        assert_eq!(path(system, &[], id), expected, "{system:?}");
    }
}

#[test]
fn variables_move_them() {
    let paths = [
        ("claude-code", "CLAUDE_CONFIG_DIR", "/c", "/c/settings.json"),
        ("codex", "CODEX_HOME", "/c", "/c/mammouth-proxy.config.toml"),
        ("codex-app", "CODEX_HOME", "/c", "/c/config.toml"),
        ("opencode", "OPENCODE_CONFIG", "/c/o.json", "/c/o.json"),
        ("opencode", "XDG_CONFIG_HOME", "/c\n", "/c/opencode/opencode.json"),
        ("kilo-code", "KILO_CONFIG", "/c/k.json", "/c/k.json"),
        ("cline", "CLINE_PROVIDER_SETTINGS_PATH", "/c/p.json", "/c/p.json"),
        ("cline", "CLINE_DATA_DIR", "/c", "/c/settings/providers.json"),
        ("cline", "CLINE_DIR", "/c", "/c/data/settings/providers.json"),
        ("continue", "CONTINUE_GLOBAL_DIR", "/c", "/c/config.yaml"),
        ("zed", "FLATPAK_XDG_CONFIG_HOME", "/c", "/c/zed/settings.json"),
        ("goose", "GOOSE_PATH_ROOT", "/c", "/c/config/custom_providers/mammouth-proxy.json"),
        ("crush", "CRUSH_GLOBAL_CONFIG", "/c", "/c/crush.json"),
        ("pi", "PI_CODING_AGENT_DIR", "/c", "/c/models.json"),
        ("openclaw", "OPENCLAW_CONFIG_PATH", "/c/o.json", "/c/o.json"),
        ("hermes", "HERMES_HOME", "/c", "/c/config.yaml"),
        ("kimi-code", "KIMI_CODE_HOME", "/c", "/c/config.toml"),
        ("grok-build", "GROK_HOME", "/c", "/c/config.toml"),
    ];
    for (id, variable, value, expected) in paths {
        assert_eq!(path(System::Linux, &[(variable, value)], id), expected, "{variable}");
    }
}

#[test]
fn an_older_file_of_continue_is_not_hidden() {
    let home = TestHome::new();
    let text = "{ \"models\": [], /* mine */ \"tabAutocompleteModel\": {} }\n";
    home.write(".continue/config.json", text);
    home.set_up("continue").unwrap();
    assert!(!home.path(".continue/config.yaml").exists());
    assert!(home.read(".continue/config.json").contains("\"title\": \"Mammouth Proxy: gpt-6-sol\""));
    home.undo("continue").unwrap();
    assert_eq!(home.read(".continue/config.json"), text);
}

#[test]
fn the_file_that_is_there_is_taken() {
    let home = TestHome::new();
    home.write(".config/opencode/opencode.jsonc", "{}");
    assert_eq!(file_of(&home, "opencode").path, home.path(".config/opencode/opencode.jsonc"));
    home.write(".config/opencode/opencode.json", "{}");
    assert_eq!(file_of(&home, "opencode").path, home.path(".config/opencode/opencode.json"));
    home.write(".config/opencode/opencode.jsonc", "{\"provider\": {}}");
    assert_eq!(file_of(&home, "opencode").path, home.path(".config/opencode/opencode.jsonc"));
}
