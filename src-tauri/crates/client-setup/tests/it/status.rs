//! Tests of the detection of clients and of their state.

use mammouth_client_setup::{SetupState, Shadow};

use crate::support::{PORT, TestHome, client, connection_at};

const SETTINGS: &str = ".claude/settings.json";

fn state(home: &TestHome, id: &str) -> SetupState {
    home.setup().client(client(id), PORT).unwrap().state
}

#[test]
fn a_client_is_found_by_its_program_or_its_folder() {
    let mut home = TestHome::new();
    let found = |home: &TestHome, id| home.setup().client(client(id), PORT).unwrap().found;
    assert_eq!(found(&home, "claude-code"), None);
    home.write(SETTINGS, "{}");
    assert_eq!(found(&home, "claude-code"), Some(home.path(".claude")));
    let program = home.write("bin/codex", "");
    home.environment.variables.insert("PATH".into(), home.path("bin").display().to_string());
    assert_eq!(found(&home, "codex"), Some(program));
}

#[test]
fn the_state_follows_the_file() {
    let home = TestHome::new();
    assert_eq!(state(&home, "claude-code"), SetupState::NotSetUp);
    home.set_up("claude-code").unwrap();
    assert_eq!(state(&home, "claude-code"), SetupState::SetUp { by_hand: false });
    home.set_up_for("claude-code", &connection_at(PORT + 1)).unwrap();
    assert_eq!(state(&home, "claude-code"), SetupState::OtherPort { port: PORT + 1 });
    let repaired = home.setup().repair(|_| Some(connection_at(PORT))).unwrap();
    assert!(matches!(&repaired[..], [(_, Ok(()))]));
    assert_eq!(state(&home, "claude-code"), SetupState::SetUp { by_hand: false });
    home.write(SETTINGS, "{}");
    assert_eq!(state(&home, "claude-code"), SetupState::NotSetUp);
    home.write(SETTINGS, "{");
    assert!(matches!(state(&home, "claude-code"), SetupState::Unreadable { .. }));
}

#[test]
fn what_the_user_wrote_is_recognised() {
    let home = TestHome::new();
    home.write(SETTINGS, format!("{{\"env\": {{\"ANTHROPIC_BASE_URL\": \"http://localhost:{PORT}\"}}}}"));
    assert_eq!(state(&home, "claude-code"), SetupState::SetUp { by_hand: true });
    home.write(SETTINGS, "{\"env\": {\"ANTHROPIC_BASE_URL\": \"http://localhost:11434\"}}");
    assert_eq!(state(&home, "claude-code"), SetupState::NotSetUp);
    home.write(
        ".codex/config.toml",
        "[model_providers.mammouth-proxy]\nbase_url = \"http://127.0.0.1:9000/v1\"\n",
    );
    assert_eq!(state(&home, "codex-app"), SetupState::OtherPort { port: 9000 });
}

#[test]
fn what_wins_over_the_file_is_shown_with_its_line() {
    let mut home = TestHome::new();
    home.environment.variables.insert("CLAUDE_CODE_USE_VERTEX".into(), "1".into());
    let shell = home.write(".bashrc", "# mine\n  export CLAUDE_CODE_USE_BEDROCK=1\n");
    let project = home
        .write("work/.claude/settings.json", "{\n  \"env\": {\n    \"ANTHROPIC_BASE_URL\": \"x\"\n  }\n}");
    home.write("work/deep/file", "");
    home.environment.working_dir = Some(home.path("work/deep"));
    let shadows = home.setup().client(client("claude-code"), PORT).unwrap().shadows;
    assert_eq!(
        shadows,
        [
            Shadow::Variable { name: "CLAUDE_CODE_USE_VERTEX".into() },
            Shadow::ShellFile { name: "CLAUDE_CODE_USE_BEDROCK".into(), path: shell, line: 2 },
            Shadow::ProjectFile { key: "env.ANTHROPIC_BASE_URL".into(), path: project, line: 3 },
        ]
    );
}

#[test]
fn the_views_are_plain_data() {
    let home = TestHome::new();
    let views = serde_json::to_value(home.setup().clients(PORT).unwrap()).unwrap();
    assert_eq!(views[0]["id"], "claude-code");
    assert_eq!(views[0]["state"]["state"], "not_set_up");
    assert_eq!(views[0]["ways"]["launch"], true);
}
