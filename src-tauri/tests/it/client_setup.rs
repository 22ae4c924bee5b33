//! Tests of setting clients up for the running program and undoing it, through the management commands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use mock_upstream::MockUpstream;
use serde_json::{Value, json};

use crate::support::{KEY, Options, Program, command, question, simulator, stderr_text, stdout_text};

const CLAUDE_SETTINGS: &str = "{\n  // not JSON, and so: never\n}\n";
const LIVED_IN: &str = "{\n  \"env\": { \"EDITOR\": \"vim\" },\n  \"theme\": \"dark\"\n}\n";

/// A home folder with the data directory, and a mock upstream.
struct Home(tempfile::TempDir, MockUpstream);

impl Home {
    async fn new() -> Self {
        Self(tempfile::tempdir().unwrap(), simulator(&["alice"]).await)
    }

    fn write(&self, below: &str, text: &str) {
        let path = self.0.path().join(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn read(&self, below: &str) -> String {
        std::fs::read_to_string(self.0.path().join(below)).unwrap()
    }

    fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut tree = BTreeMap::new();
        walk(self.0.path(), &mut tree);
        tree
    }

    async fn program(&self) -> Program {
        let options = Options::default().env("HOME", self.0.path().display().to_string());
        Program::start_with(&self.1, options).await
    }
}

fn walk(dir: &Path, tree: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, tree);
        } else {
            tree.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
}

async fn ask(program: &Program, name: &str, args: Value) -> Value {
    program.control(name, &args).await.json()
}

async fn client(program: &Program, id: &str) -> Value {
    let list = ask(program, "clients.list", json!({})).await;
    list["clients"].as_array().unwrap().iter().find(|client| client["id"] == id).unwrap().clone()
}

async fn set_up(program: &Program, id: &str) -> Value {
    let plan = ask(program, "clients.plan", json!({ "client": id })).await;
    ask(program, "clients.apply", json!({ "client": id, "plan": plan["plan"] })).await
}

async fn undo(program: &Program, id: &str) -> Value {
    let plan = ask(program, "clients.undo_plan", json!({ "client": id })).await;
    ask(program, "clients.undo", json!({ "client": id, "plan": plan["plan"] })).await
}

#[tokio::test]
async fn a_client_is_set_up_with_a_key_of_its_own_and_undone_to_the_byte() {
    let home = Home::new().await;
    home.write(".claude/settings.json", LIVED_IN);
    let before = home.tree();
    let program = home.program().await;
    assert_eq!(client(&program, "claude-code").await["state"]["state"], "not_set_up");

    let plan = ask(&program, "clients.plan", json!({ "client": "claude-code" })).await;
    let diff = plan["files"][0]["diff"].as_str().unwrap();
    assert!(diff.contains("+") && diff.contains("ANTHROPIC_BASE_URL") && !diff.contains("mp-"), "{diff}");
    assert!(home.tree() == before, "a plan writes nothing");

    let done = set_up(&program, "claude-code").await;
    assert_eq!(done["error"], Value::Null, "{done}");
    let settings: Value = serde_json::from_str(&home.read(".claude/settings.json")).unwrap();
    assert_eq!(settings["env"]["EDITOR"], "vim");
    let root = settings["env"]["ANTHROPIC_BASE_URL"].as_str().unwrap();
    assert_eq!(root, format!("http://127.0.0.1:{}", program.port));
    let key = settings["env"]["ANTHROPIC_AUTH_TOKEN"].as_str().unwrap().to_owned();
    let asked = || program.http.post(format!("{root}/v1/chat/completions")).bearer_auth(&key);
    let asked = async || {
        let request = asked().header("content-type", "application/json").body(question("hello").to_string());
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(asked().await, 200);
    let now = client(&program, "claude-code").await;
    assert_eq!((&now["state"]["state"], &now["key_name"]), (&json!("set_up"), &json!("claude-code")));
    assert!(now["last_request_ms"].as_u64() >= done["at_ms"].as_u64(), "{now}");
    assert_eq!(program.records().await.last().unwrap()["client"], "claude-code");

    assert_eq!(undo(&program, "claude-code").await["error"], Value::Null);
    assert!(home.tree() == before);
    assert_eq!(asked().await, 401, "the key is revoked");
    assert!(!program.log().contains(&key));
}

#[tokio::test]
async fn a_plan_that_no_longer_fits_is_not_applied() {
    let home = Home::new().await;
    home.write(".claude/settings.json", LIVED_IN);
    let program = home.program().await;
    let plan = ask(&program, "clients.plan", json!({ "client": "claude-code" })).await;
    home.write(".claude/settings.json", "{}\n");
    let refused =
        ask(&program, "clients.apply", json!({ "client": "claude-code", "plan": plan["plan"] })).await;
    assert_eq!(refused["error"]["code"], "conflict", "{refused}");
    assert_eq!(home.read(".claude/settings.json"), "{}\n");
    let keys = ask(&program, "keys.list", json!({})).await;
    assert_eq!(keys.as_array().unwrap().len(), 1, "no key was made: {keys}");
}

#[tokio::test]
async fn a_file_that_does_not_parse_is_named_and_not_touched() {
    let home = Home::new().await;
    home.write(".claude/settings.json", CLAUDE_SETTINGS);
    let program = home.program().await;
    let refused = ask(&program, "clients.plan", json!({ "client": "claude-code" })).await;
    let message = refused["error"]["message"].as_str().unwrap();
    assert_eq!(refused["error"]["code"], "client_file");
    assert!(message.contains("settings.json") && message.contains("line 2"), "{message}");
    assert_eq!(client(&program, "claude-code").await["state"]["state"], "unreadable");
    assert_eq!(home.read(".claude/settings.json"), CLAUDE_SETTINGS);
}

#[tokio::test]
async fn after_another_port_every_client_is_repaired_with_its_key() {
    let home = Home::new().await;
    home.write(".claude/settings.json", LIVED_IN);
    home.write(".config/opencode/opencode.json", "{}\n");
    let before = home.tree();
    let program = home.program().await;
    set_up(&program, "claude-code").await;
    set_up(&program, "opencode").await;
    assert_eq!(ask(&program, "clients.repair_plan", json!({})).await["plans"], json!([]));
    let free = ask(&program, "port.free", json!({})).await;
    let old = program.port;
    ask(&program, "port.switch", free.clone()).await;
    let mut moved = program;
    moved.port = u16::try_from(free["port"].as_u64().unwrap()).unwrap();
    moved.base = format!("http://127.0.0.1:{}", moved.port);
    let state = client(&moved, "opencode").await["state"].clone();
    assert_eq!(state, json!({ "state": "other_port", "port": old }));
    let plan = ask(&moved, "clients.repair_plan", json!({})).await;
    let plans = plan["plans"].as_array().unwrap();
    assert_eq!(plans.len(), 2, "{plan}");
    let pairs: Vec<Value> =
        plans.iter().map(|plan| json!({ "client": plan["client"], "plan": plan["plan"] })).collect();
    let done = ask(&moved, "clients.repair", json!({ "plans": pairs })).await;
    assert!(done.as_array().unwrap().iter().all(|one| one["error"].is_null()), "{done}");
    for id in ["claude-code", "opencode"] {
        assert_eq!(client(&moved, id).await["state"]["state"], "set_up", "{id}");
    }
    let undone = ask(&moved, "clients.undo_all", json!({})).await;
    assert_eq!(undone.as_array().unwrap().len(), 2);
    assert!(home.tree() == before);
}

#[tokio::test]
async fn a_revoked_key_is_seen_and_repaired() {
    let home = Home::new().await;
    let program = home.program().await;
    set_up(&program, "opencode").await;
    ask(&program, "keys.revoke", json!({ "name": "opencode" })).await;
    assert_eq!(client(&program, "opencode").await["state"]["state"], "key_refused");
    let plan = ask(&program, "clients.repair_plan", json!({})).await;
    let pair = json!({ "client": "opencode", "plan": plan["plans"][0]["plan"] });
    ask(&program, "clients.repair", json!({ "plans": [pair] })).await;
    assert_eq!(client(&program, "opencode").await["state"]["state"], "set_up");
}

#[tokio::test]
async fn a_link_gives_an_application_a_key_of_its_own() {
    let home = Home::new().await;
    let program = home.program().await;
    let link = ask(&program, "clients.link", json!({ "client": "cherry-studio" })).await;
    let link = link["link"].as_str().unwrap();
    assert!(link.starts_with("cherrystudio://providers/api-keys?v=1&data="), "{link}");
    assert_eq!(client(&program, "cherry-studio").await["key_name"], "cherry-studio");
    let data = link.split_once("data=").unwrap().1;
    assert!(!program.log().contains(data), "a link is never logged");
    assert!(home.tree().is_empty());
}

#[tokio::test]
async fn a_key_of_the_user_is_neither_taken_nor_revoked() {
    let home = Home::new().await;
    let program = home.program().await;
    let own = ask(&program, "keys.add", json!({ "name": "opencode" })).await;
    assert_eq!(set_up(&program, "opencode").await["key_name"], "opencode-2");
    undo(&program, "opencode").await;
    let key = own["key"].as_str().unwrap();
    let asked = program.http.get(format!("{}/v1/models", program.base)).bearer_auth(key).send().await;
    assert_eq!(asked.unwrap().status().as_u16(), 200);
    let names = ask(&program, "keys.list", json!({})).await;
    assert!(!names.to_string().contains("opencode-2"), "{names}");
}

/// Runs the program's command line in the home folder, whose `.env` belongs to another program.
async fn cli(home: &Home, program: &Program, args: &[&str]) -> Output {
    let mut command = command(program.dir.path());
    let bin = home.0.path().join("bin");
    command.current_dir(home.0.path()).env("HOME", home.0.path());
    command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    command.args(args).stdin(Stdio::null()).output().await.unwrap()
}

/// Installs a script as a program in the home folder's `PATH`.
fn install(home: &Home, name: &str, script: &str) {
    home.write(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}\n"));
    let path = home.0.path().join("bin").join(name);
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn setup_shows_a_diff_writes_when_told_to_and_undoes() {
    let home = Home::new().await;
    home.write(".claude/settings.json", LIVED_IN);
    home.write(".env", "DATA_DIR=/nowhere\nPORT=x\n");
    let before = home.tree();
    let program = home.program().await;

    let shown = cli(&home, &program, &["setup", "claude-code", "--dry-run"]).await;
    assert!(shown.status.success(), "{}", stderr_text(&shown));
    let diff = stdout_text(&shown);
    assert!(
        diff.contains("+++ ") && diff.contains("ANTHROPIC_AUTH_TOKEN") && !diff.contains("mp-"),
        "{diff}"
    );
    let unasked = cli(&home, &program, &["setup", "claude-code"]).await;
    assert!(unasked.status.code() == Some(1) && stderr_text(&unasked).contains("--yes"));
    assert!(home.tree() == before);

    let done = cli(&home, &program, &["setup", "claude-code", "--model", "gpt-5", "--yes"]).await;
    assert!(done.status.success() && stdout_text(&done).contains("Claude Code is set up"), "{done:?}");
    assert!(home.read(".claude/settings.json").contains("\"gpt-5\""));
    let again = cli(&home, &program, &["setup", "claude-code", "--yes"]).await;
    assert!(again.status.success() && stdout_text(&again).contains("set up already"), "{again:?}");
    let listed = stdout_text(&cli(&home, &program, &["clients"]).await);
    assert!(listed.contains("claude-code: Claude Code: set up\n"), "{listed}");

    let undone = cli(&home, &program, &["setup", "claude-code", "--undo", "--yes"]).await;
    assert!(undone.status.success(), "{}", stderr_text(&undone));
    assert!(home.tree() == before);
    let twice = cli(&home, &program, &["setup", "claude-code", "--undo", "--yes"]).await;
    assert!(twice.status.code() == Some(1) && stderr_text(&twice).contains("was not set up from here"));
}

#[tokio::test]
async fn undo_says_which_values_changed_and_takes_a_choice() {
    let home = Home::new().await;
    home.write(".claude/settings.json", LIVED_IN);
    let program = home.program().await;
    assert!(cli(&home, &program, &["setup", "claude-code", "--model", "gpt-5", "-y"]).await.status.success());
    let text = home.read(".claude/settings.json");
    home.write(
        ".claude/settings.json",
        &text.replace("\"ANTHROPIC_MODEL\": \"gpt-5\"", "\"ANTHROPIC_MODEL\": \"mine\""),
    );
    let asked = cli(&home, &program, &["setup", "claude-code", "--undo", "--yes"]).await;
    let said = stdout_text(&asked);
    assert_eq!(asked.status.code(), Some(1));
    for part in [
        "env.ANTHROPIC_MODEL",
        "before set-up: nothing",
        "by set-up:     \"gpt-5\"",
        "now:           \"mine\"",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let undone =
        cli(&home, &program, &["setup", "claude-code", "--undo", "--drift", "restore", "--yes"]).await;
    assert!(undone.status.success(), "{}", stderr_text(&undone));
    assert_eq!(home.read(".claude/settings.json"), LIVED_IN);
}

#[tokio::test]
async fn every_set_up_is_undone_where_no_program_runs() {
    let home = Home::new().await;
    home.write(".claude/settings.json", LIVED_IN);
    home.write(".config/opencode/opencode.jsonc", "{ /* mine */ }\n");
    let before = home.tree();
    let program = home.program().await;
    for id in ["claude-code", "opencode", "codex", "pi"] {
        assert!(cli(&home, &program, &["setup", id, "--yes"]).await.status.success(), "{id}");
    }
    let dir = program.stop().await;
    let mut undo = command(dir.path());
    undo.env("HOME", home.0.path()).args(["setup", "--undo-all"]);
    let undone = undo.output().await.unwrap();
    assert!(undone.status.success(), "{}", stderr_text(&undone));
    assert!(home.tree() == before);
    let keys = stdout_text(&crate::support::cli_in(dir.path(), &["keys", "list"]).await);
    assert_eq!(keys.lines().count(), 1, "{keys}");
    let again = crate::support::cli_in(dir.path(), &["setup", "codex", "--yes"]).await;
    assert!(again.status.code() == Some(1) && stderr_text(&again).contains("does not run"), "{again:?}");
}

#[tokio::test]
async fn a_client_is_found_where_the_callers_shell_finds_it() {
    let home = Home::new().await;
    let program = home.program().await;
    let mut command = command(program.dir.path());
    let moved = home.0.path().join("moved");
    command.env("HOME", home.0.path()).env("CLAUDE_CONFIG_DIR", &moved).args(["setup", "claude-code", "-y"]);
    assert!(command.output().await.unwrap().status.success());
    assert!(moved.join("settings.json").exists() && !home.0.path().join(".claude").exists());
    ask(&program, "keys.revoke", json!({ "name": "claude-code" })).await;
    let repaired = cli(&home, &program, &["setup", "--repair", "--yes"]).await;
    assert!(stdout_text(&repaired).contains("claude-code: repaired"), "{repaired:?}");
    assert!(!home.0.path().join(".claude").exists(), "a repair finds the same file from any shell");
}

#[tokio::test]
async fn launch_starts_a_client_with_a_key_that_ends_with_it() {
    let home = Home::new().await;
    install(&home, "claude", "printf '%s\\n' \"$ANTHROPIC_BASE_URL\" \"$MAMMOUTH_PROXY_KEY\" \"$@\"; exit 7");
    home.write(".claude/settings.json", "{\"env\":{\"ANTHROPIC_BASE_URL\":\"https://example.com\"}}");
    let before = home.tree();
    let program = home.program().await;
    let shown = cli(&home, &program, &["launch", "claude-code", "--model", "gpt-5", "--dry-run"]).await;
    let text = stdout_text(&shown);
    assert!(text.contains("MAMMOUTH_PROXY_KEY=••••") && text.contains("claude --settings"), "{text}");

    let ended =
        cli(&home, &program, &["launch", "claude-code", "--model", "gpt-5", "--", "--print", "hi"]).await;
    assert_eq!(ended.status.code(), Some(7), "{}", stderr_text(&ended));
    let said = stdout_text(&ended);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], program.base);
    assert_eq!(lines[lines.len() - 2..], ["--print", "hi"]);
    let models = program.http.get(format!("{}/v1/models", program.base)).bearer_auth(lines[1]).send().await;
    assert_eq!(models.unwrap().status().as_u16(), 401, "the key ended with the client");
    assert!(home.tree() == before);

    let refused = cli(&home, &program, &["launch", "claude-code", "--", "--settings", "{}"]).await;
    assert!(refused.status.code() == Some(1) && stderr_text(&refused).contains("`--settings` collides"));
    let missing = cli(&home, &program, &["launch", "qwen-code"]).await;
    assert!(
        missing.status.code() == Some(1) && stderr_text(&missing).contains("not installed"),
        "{missing:?}"
    );
}

#[tokio::test]
async fn run_gives_any_program_an_address_and_a_key_that_works() {
    let home = Home::new().await;
    let program = home.program().await;
    let script = "exec curl -s -o /dev/null -w '%{http_code}' -H \"Authorization: Bearer $OPENAI_API_KEY\" $OPENAI_BASE_URL/models";
    install(&home, "asks", script);
    let ended = cli(&home, &program, &["run", "--", "asks"]).await;
    assert_eq!(stdout_text(&ended), "200", "{}", stderr_text(&ended));
}

#[tokio::test]
async fn an_issued_key_stands_alone_and_names_its_client() {
    let home = Home::new().await;
    let program = home.program().await;
    let issued = cli(&home, &program, &["keys", "issue", "codex", "--ttl", "90s"]).await;
    let key = stdout_text(&issued);
    assert!(
        key.starts_with("mp-") && key.lines().count() == 1 && stderr_text(&issued).is_empty(),
        "{issued:?}"
    );
    let request = program.http.post(format!("{}/v1/chat/completions", program.base)).bearer_auth(key.trim());
    let request = request.header("content-type", "application/json").body(question("hello").to_string());
    assert_eq!(request.send().await.unwrap().status().as_u16(), 200);
    assert_eq!(program.records().await.last().unwrap()["client"], "codex");
    for bad in [
        &["keys", "issue", "a b"][..],
        &["keys", "issue", "x", "--ttl", "99d"],
        &["keys", "issue", "x", "--ttl", "0s"],
    ] {
        assert_eq!(cli(&home, &program, bad).await.status.code(), Some(1), "{bad:?}");
    }
    assert_eq!(cli(&home, &program, &["keys", "issue", "x", "--ttl", "soon"]).await.status.code(), Some(2));
}

#[tokio::test]
async fn where_clients_share_a_key_the_log_names_them_by_their_user_agent() {
    let home = Home::new().await;
    let program = home.program().await;
    for agent in ["claude-cli/2.1.197 (external, cli)", "something/1.0"] {
        let request = program.http.post(format!("{}/v1/chat/completions", program.base)).bearer_auth(KEY);
        let request = request.header("content-type", "application/json").header("user-agent", agent);
        let answer = request.body(question("hello").to_string()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
    }
    let records = program.records().await;
    let programs: Vec<&Value> = records.iter().map(|record| &record["program"]).collect();
    assert_eq!(programs, [&json!("claude-code"), &Value::Null]);
    let shown = stdout_text(&program.cli(&["logs"]).await);
    assert!(shown.contains(" main(claude-code) ") && !shown.contains("something"), "{shown}");
}

#[tokio::test]
async fn without_a_keychain_a_key_to_paste_is_shown_once() {
    let home = Home::new().await;
    let program = home.program().await;
    let done = cli(&home, &program, &["setup", "zed", "--yes"]).await;
    let key = stdout_text(&done).lines().last().unwrap().to_owned();
    assert!(key.starts_with("mp-") && stderr_text(&done).contains("shown only now"), "{done:?}");
    assert!(!home.read(".config/zed/settings.json").contains(&key));
    let asked = program.http.get(format!("{}/v1/models", program.base)).bearer_auth(&key).send().await;
    assert_eq!(asked.unwrap().status().as_u16(), 200);
    assert_eq!(client(&program, "zed").await["key_place"], "paste");
}
