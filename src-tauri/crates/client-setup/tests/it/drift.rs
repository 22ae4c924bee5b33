//! Tests of values that were changed by hand after set-up.

use mammouth_client_setup::{DriftChoice, Error, SetupState};

use crate::support::{KEY, PORT, TestHome, client};

const SETTINGS: &str = ".claude/settings.json";
const FORMER: &str = "{\n  \"env\": {\n    \"ANTHROPIC_MODEL\": \"before\"\n  }\n}\n";

/// A home folder after a set-up and a later change of the model by hand.
fn drifted() -> TestHome {
    let home = TestHome::new();
    home.write(SETTINGS, FORMER);
    home.set_up("claude-code").unwrap();
    let text = home.read(SETTINGS);
    home.write(SETTINGS, text.replace("\"ANTHROPIC_MODEL\": \"gpt-6-sol\"", "\"ANTHROPIC_MODEL\": \"now\""));
    home
}

#[test]
fn undo_asks_with_three_values() {
    let home = drifted();
    let before = home.tree();
    let Err(Error::Drifted(drifts)) = home.undo("claude-code") else { panic!("not asked") };
    assert!(home.tree() == before);
    let [drift] = &drifts[..] else { panic!("{drifts:?}") };
    assert_eq!(drift.key, "env.ANTHROPIC_MODEL");
    assert_eq!(
        (drift.before.as_deref(), &*drift.ours, &*drift.now),
        (Some("\"before\""), "\"gpt-6-sol\"", "\"now\"")
    );
    assert_eq!(drift.line, 3);
}

#[test]
fn a_second_set_up_shows_what_it_writes_over() {
    let home = drifted();
    let view = home.plan("claude-code").unwrap().view();
    assert_eq!(view.files[0].drifts.len(), 1);
    home.set_up("claude-code").unwrap();
    home.undo("claude-code").unwrap();
    assert_eq!(home.read(SETTINGS), FORMER);
}

#[test]
fn the_present_value_can_be_kept() {
    let home = drifted();
    home.undo_with("claude-code", DriftChoice::KeepPresent).unwrap();
    assert_eq!(home.read(SETTINGS), FORMER.replace("before", "now"));
}

#[test]
fn the_former_value_can_be_restored() {
    let home = drifted();
    home.undo_with("claude-code", DriftChoice::RestoreFormer).unwrap();
    assert_eq!(home.read(SETTINGS), FORMER);
}

#[test]
fn a_drifted_key_is_masked() {
    let home = TestHome::new();
    home.set_up("claude-code").unwrap();
    let text = home.read(SETTINGS);
    home.write(SETTINGS, text.replace(KEY, "another-secret-key-of-the-user"));
    let SetupState::ChangedByHand { drifts } =
        home.setup().client(client("claude-code"), PORT).unwrap().state
    else {
        panic!("no drift seen")
    };
    assert_eq!((&*drifts[0].ours, &*drifts[0].now), ("\"••••mnop\"", "\"••••user\""));
}

#[test]
fn a_value_that_is_gone_is_not_missed() {
    let home = TestHome::new();
    home.write(SETTINGS, "{}\n");
    home.set_up("claude-code").unwrap();
    home.write(SETTINGS, "{\"theirs\": 1}\n");
    home.undo("claude-code").unwrap();
    assert_eq!(home.read(SETTINGS), "{\"theirs\": 1}\n");
}

#[test]
fn a_file_laid_out_anew_by_its_client_gets_its_own_text_back() {
    let home = TestHome::new();
    let original = "{ \"b\" : 1,\n      \"a\":[ 1,2 ] }";
    home.write(SETTINGS, original);
    home.set_up("claude-code").unwrap();
    let value: serde_json::Value = serde_json::from_str(&home.read(SETTINGS)).unwrap();
    home.write(SETTINGS, serde_json::to_string_pretty(&value).unwrap());
    home.undo("claude-code").unwrap();
    assert_eq!(home.read(SETTINGS), original);
}

#[test]
fn what_was_added_beside_ours_stays() {
    let home = TestHome::new();
    home.write(SETTINGS, "{}\n");
    home.set_up("claude-code").unwrap();
    let text = home.read(SETTINGS);
    home.write(SETTINGS, text.replace("\"env\": {", "\"env\": {\n    \"MINE\": \"1\","));
    home.undo("claude-code").unwrap();
    let value: serde_json::Value = serde_json::from_str(&home.read(SETTINGS)).unwrap();
    assert_eq!(value, serde_json::json!({"env": {"MINE": "1"}}));
}

#[test]
fn a_file_of_ours_with_something_of_the_users_stays() {
    let home = TestHome::new();
    home.set_up("codex").unwrap();
    let path = ".codex/mammouth-proxy.config.toml";
    let text = home.read(path);
    home.write(path, format!("{text}\n[tui]\ntheme = \"mine\"\n"));
    home.undo("codex").unwrap();
    assert_eq!(home.read(path).trim(), "[tui]\ntheme = \"mine\"");
}

#[test]
fn all_set_ups_are_undone_even_if_one_cannot_be() {
    let home = TestHome::new();
    home.write(".continue/config.yaml", "name: x\nversion: 1.0.0\nschema: v1\n");
    home.set_up("claude-code").unwrap();
    home.set_up("continue").unwrap();
    home.write(SETTINGS, "{ broken");
    let results = home.setup().undo_all(DriftChoice::Ask).unwrap();
    assert_eq!(results.len(), 2);
    assert_eq!(results.iter().filter(|(_, result)| result.is_err()).count(), 1);
    assert_eq!(home.read(".continue/config.yaml"), "name: x\nversion: 1.0.0\nschema: v1\n");
    assert_eq!(home.setup().set_up_clients().unwrap().len(), 1);
}

#[test]
fn a_key_inside_a_drifted_entry_is_masked() {
    let home = TestHome::new();
    let path = ".config/opencode/opencode.json";
    home.write(path, "{}");
    home.set_up("opencode").unwrap();
    home.write(path, home.read(path).replace("32000", "64000"));
    let error = home.undo("opencode").unwrap_err();
    assert!(matches!(error, Error::Drifted(_)) && !format!("{error:?}").contains(KEY), "{error:?}");
}
