//! Tests of launching a client without writing a file.

use mammouth_client_setup::{Error, Launch};

use crate::support::{KEY, TestHome, client, connection};

fn launch(id: &str, arguments: &[&str]) -> Result<Launch, Error> {
    let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    TestHome::new().setup().launch(client(id), &connection(), &arguments)
}

#[test]
fn the_users_arguments_come_last() {
    let launch = launch("codex", &["exec", "--", "--model"]).unwrap();
    assert_eq!(launch.arguments[launch.arguments.len() - 3..], ["exec", "--", "--model"]);
    assert_eq!(launch.variables, [("MAMMOUTH_PROXY_KEY", KEY.to_owned())]);
}

#[test]
fn arguments_that_work_against_ours_are_refused() {
    for own in [
        &["--profile", "x"][..],
        &["-m=x"],
        &["exec", "--model=x"],
        &["-c", "model_provider=x"],
        &["-cmodel_provider=x"],
    ] {
        assert!(matches!(launch("codex", own), Err(Error::CollidingArgument { .. })), "{own:?}");
    }
    for own in [&["-c", "model_reasoning_effort=high"][..], &["--modelling"], &["--", "--model", "x"]] {
        assert!(launch("codex", own).is_ok(), "{own:?}");
    }
}

#[test]
fn claude_code_gets_settings_that_beat_the_users_file() {
    let launch = launch("claude-code", &[]).unwrap();
    let [flag, settings] = &launch.arguments[..] else { panic!("{launch:?}") };
    let settings: serde_json::Value = serde_json::from_str(settings).unwrap();
    assert_eq!((flag.as_str(), &settings["env"]["ANTHROPIC_AUTH_TOKEN"]), ("--settings", &"".into()));
    assert!(launch.variables.contains(&("MAMMOUTH_PROXY_KEY", KEY.to_owned())));
    assert!(launch.removed.contains(&"CLAUDE_CODE_USE_BEDROCK"));
}

#[test]
fn nothing_is_written_and_no_key_shows() {
    for client in mammouth_client_setup::clients::all().iter().filter(|client| client.launch.is_some()) {
        let home = TestHome::new();
        let launch = home.setup().launch(client, &connection(), &[]).unwrap();
        assert!(home.tree().is_empty());
        let shown = format!("{launch:?}{}", serde_json::to_string(&launch.view()).unwrap());
        assert!(!shown.contains(KEY), "{}: {shown}", client.id);
        let in_arguments = launch.arguments.iter().any(|argument| argument.contains(KEY));
        assert!(!in_arguments, "{}: every user of the machine can read arguments", client.id);
    }
}
