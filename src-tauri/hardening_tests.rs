//! Tests of the configuration that hardens the windows. A change to it is a decision (docs/fault-catalogue.md, W06).

use serde_json::{Value, json};

fn parse_json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Checks that the isolation pattern is not used. The page is compiled in, loads no foreign script (the
/// policy allows only its own), and may call two commands that check their arguments themselves. An isolation
/// frame would protect the same two commands.
#[test]
fn w06_the_configuration_grants_windows_no_more() {
    let config = parse_json(include_str!("../tauri.conf.json"));
    let app = &config["app"];
    assert_eq!((&app["withGlobalTauri"], &app["windows"]), (&json!(false), &json!([])));
    let security = &app["security"];
    assert_eq!(security["freezePrototype"], true);
    assert_eq!(security["capabilities"], json!(["main"]));
    assert!(security.get("assetProtocol").is_none() && config.get("plugins").is_none());
    assert!(security.as_object().unwrap().keys().all(|key| !key.starts_with("dangerous")));
    let policy = security["csp"].as_str().unwrap();
    assert!(!policy.contains("unsafe") && !policy.contains("https:"), "{policy}");
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(rule), "{rule}");
    }
}

#[test]
fn w06_one_capability_gives_one_window_two_commands() {
    let capability = parse_json(include_str!("capabilities/main.json"));
    assert_eq!(capability["windows"], json!(["main"]));
    assert_eq!(capability["permissions"], json!(["control-door"]));
    assert!(capability.get("remote").is_none());
    let permission = include_str!("capabilities/permissions/control.toml");
    assert!(permission.contains(r#"commands.allow = ["control", "subscribe"]"#));
    assert_eq!(permission.matches("[[permission]]").count(), 1);
}

#[test]
fn w06_no_plugin_opens_shells_files_or_ports() {
    let manifest = include_str!("../Cargo.toml");
    for plugin in ["plugin-shell", "plugin-fs", "plugin-localhost", "plugin-opener", "\"devtools\""] {
        assert!(!manifest.contains(plugin), "{plugin}");
    }
}
