//! Tests of repairs after a change of port, key or model.

use mammouth_client_setup::{Connection, Model, SetupState};
use secrecy::SecretString;

use crate::support::{KEY, PORT, TestHome, client, connection, connection_at};

const OPENCODE: &str = ".config/opencode/opencode.json";
const CONTINUE: &str = ".continue/config.yaml";

fn repair(home: &TestHome, id: &str, connection: &Connection) {
    let setup = home.setup();
    setup.apply(setup.plan_repair(client(id), connection).unwrap()).unwrap();
}

#[test]
fn a_new_key_replaces_the_old_one_only() {
    for client in mammouth_client_setup::clients::all() {
        let home = TestHome::with(client.id);
        if home.set_up(client.id).is_err() {
            continue;
        }
        let before = home.tree();
        let mut connection = connection();
        connection.key = SecretString::from("mp-another-key-of-this-client");
        repair(&home, client.id, &connection);
        for (path, bytes) in home.tree() {
            let text = String::from_utf8(bytes).unwrap();
            assert_eq!(
                text.replace("mp-another-key-of-this-client", KEY).as_bytes(),
                before[&path],
                "{}",
                client.id
            );
            assert!(!text.contains(KEY), "{}", client.id);
        }
        home.undo(client.id).unwrap();
        assert!(home.tree().is_empty(), "{}", client.id);
    }
}

#[test]
fn values_changed_by_hand_stay() {
    let home = TestHome::new();
    home.set_up("opencode").unwrap();
    home.write(OPENCODE, home.read(OPENCODE).replace("32000", "64000"));
    let edited = home.read(OPENCODE);
    repair(&home, "opencode", &connection_at(PORT + 1));
    assert_eq!(home.read(OPENCODE), edited.replace(&PORT.to_string(), &(PORT + 1).to_string()));
}

#[test]
fn an_entry_removed_by_hand_does_not_come_back() {
    let home = TestHome::new();
    home.write(OPENCODE, "{}\n");
    home.set_up("opencode").unwrap();
    home.write(OPENCODE, "{}\n");
    repair(&home, "opencode", &connection_at(PORT + 1));
    assert_eq!(home.read(OPENCODE), "{}\n");
}

#[test]
fn another_model_takes_the_place_of_the_former_one() {
    let home = TestHome::new();
    home.write(CONTINUE, "name: x\nversion: 1.0.0\nschema: v1\n");
    home.set_up("continue").unwrap();
    let other = Connection::new(PORT, SecretString::from(KEY), Model::named("grok-5"));
    home.set_up_for("continue", &other).unwrap();
    let text = home.read(CONTINUE);
    assert!(
        text.contains("grok-5") && !text.contains("gpt-6-sol") && !text.contains("claude-haiku-5"),
        "{text}"
    );
    assert_eq!(
        home.setup().client(client("continue"), PORT).unwrap().state,
        SetupState::SetUp { by_hand: false }
    );
    home.undo("continue").unwrap();
    assert_eq!(home.read(CONTINUE), "name: x\nversion: 1.0.0\nschema: v1\n");
}
