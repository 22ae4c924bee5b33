//! Test of confidentiality (L01, L03, R07, U02, U09): known cookies, keys, tokens and prompts pass through
//! every code path, with `LOG=trace`. Afterwards no file, log or response contains them, in any encoding.
//!
//! Excepted by purpose: a reply of the model may contain its prompt, the fields for the model's name contain
//! the client's text, the file `control-token` contains the control token, and the output of `keys list
//! --reveal` and `keys add` contains the requested key. SECURITY.md states that the same user can read the
//! variables of a running process.

mod faults;
mod requests;

use std::path::PathBuf;

use mock_upstream::{MockAccount, MockUpstream};
use serde_json::{Value, json};

use super::support::canary::Canaries;
use super::support::{Options, Program, cli_with, simulator_with};

const COOKIE: &str = "ckcanary.w9/Qz+7xLm3/Rt5+Gh8k==";
const OTHER_COOKIE: &str = "ckcanary.D6+hV/2sPk1==";
const API_KEY: &str = "sk-canary-h4~Jv/8Pnn7";
const KEY: &str = "clientcanary-T5/kY+2uBb4";
const PROMPT: &str = "promptcanary \u{e9}\"Rq8\\Vz and the rest of it";
const SYSTEM: &str = "systemcanary Xb/7+Kw4 and the rest of it";
/// Control token that is written before the start, so that it is known.
const CONTROL: &str = "5e7ca9a4c0de4b1d9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a3928";

/// Search for secrets and for all canaries, with the places found.
struct CanaryWatch {
    secrets: Canaries,
    all: Canaries,
    seen: Vec<String>,
}

impl CanaryWatch {
    fn new() -> Self {
        let mut known = vec![
            ("the cookie", "w9/Qz+7x"),
            ("the cookie's end", "Rt5+Gh8k"),
            ("the other cookie", "D6+hV/2s"),
            ("the API key", "h4~Jv/8P"),
            ("the client key", "T5/kY+2u"),
            // Longer than the others: request ids are hexadecimal too.
            ("the control token", &CONTROL[..16]),
        ];
        let secrets = Canaries::new(&known);
        known.extend([("the prompt", "\u{e9}\"Rq8\\Vz"), ("the system message", "Xb/7+Kw4")]);
        Self { secrets, all: Canaries::new(&known), seen: Vec::new() }
    }

    /// Reads a response until its end or an error, and searches it.
    async fn answer(&mut self, place: &str, response: reqwest::Result<reqwest::Response>) -> u16 {
        let mut response = response.unwrap_or_else(|error| panic!("{place}: {error}"));
        let status = response.status().as_u16();
        let mut bytes = format!("{:?}\n", response.headers()).into_bytes();
        for value in response.headers().values() {
            bytes.extend_from_slice(value.as_bytes());
            bytes.push(b'\n');
        }
        while let Ok(Some(chunk)) = response.chunk().await {
            bytes.extend_from_slice(&chunk);
        }
        // A reply may contain the user's text: only an error must not repeat the request.
        let unwanted = if status < 400 { &self.secrets } else { &self.all };
        self.seen.extend(unwanted.found_in(place, &bytes));
        status
    }

    fn output(&mut self, place: &str, output: &std::process::Output) {
        let bytes = [output.stdout.as_slice(), b"\n", &output.stderr].concat();
        self.seen.extend(self.all.found_in(place, &bytes));
    }

    /// Searches all files in the program's folder, including the log of stderr.
    fn folder(&mut self, place: &str, dir: &std::path::Path) {
        let token = dir.join("control-token");
        let seen = self.all.found_below(dir, &[&token]);
        self.seen.extend(seen.into_iter().map(|seen| format!("{place}: {seen}")));
    }

    fn assert_nothing_found(self) {
        assert!(self.seen.is_empty(), "{} places:\n{}", self.seen.len(), self.seen.join("\n"));
    }
}

const ACCOUNTS: [(&str, &str); 2] = [("alice", COOKIE), ("bob", OTHER_COOKIE)];

async fn upstream(accounts: &[(&str, &str)]) -> MockUpstream {
    let account =
        |(label, cookie): &(&str, &str)| MockAccount { cookie: (*cookie).into(), ..MockAccount::web(label) };
    simulator_with(accounts.iter().map(account).collect()).await
}

fn options() -> Options {
    Options::default()
        .env("AUTH_TOKEN", KEY)
        .env("API_KEYS", API_KEY)
        .env("LOG", "trace")
        .env("RUST_LOG", "trace")
        .env("RUST_BACKTRACE", "full")
}

async fn start(simulator: &MockUpstream) -> Program {
    start_with(simulator, options()).await
}

async fn start_with(simulator: &MockUpstream, options: Options) -> Program {
    let dir = tempfile::tempdir().expect("a folder");
    plant_control_token(dir.path());
    Program::start_in(dir, Some(simulator), options).await
}

fn plant_control_token(dir: &std::path::Path) {
    let path: PathBuf = dir.join("control-token");
    std::fs::write(&path, CONTROL).expect("the token is written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    }
}

/// A request whose reply contains every part of the prompt.
fn question(stream: bool) -> Value {
    json!({
        "model": "gpt-4.1",
        "stream": stream,
        "messages": [
            { "role": "system", "content": SYSTEM },
            { "role": "user", "content": [
                { "type": "text", "text": format!("echo: {PROMPT}") },
                { "type": "image_url", "image_url": { "url": picture() } },
            ] },
        ],
    })
}

/// An image with the first bytes of a PNG, followed by a canary.
fn picture() -> String {
    use base64::Engine;
    let bytes = [b"\x89PNG\r\n\x1a\n".as_slice(), SYSTEM.as_bytes()].concat();
    format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes))
}

impl Program {
    fn canary_post(&self, path: &str, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(KEY);
        request.header("content-type", "application/json").body(body)
    }
}

#[tokio::test]
async fn l01_commands_port_switch_kill_and_damage_leave_no_secret_behind() {
    let mut watch = CanaryWatch::new();
    let simulator = upstream(&ACCOUNTS).await;
    let mut program = start(&simulator).await;
    let asked = program.canary_post("/v1/chat/completions", question(false).to_string()).send().await;
    assert_eq!(watch.answer("a reply", asked).await, 200);
    let added = program.cli(&["keys", "add", "laptop"]).await;
    let new_key = String::from_utf8(added.stdout).expect("UTF-8").trim().to_owned();
    every_command(&mut watch, &program).await;
    let moved = program.cli(&["port", "0"]).await;
    watch.output("port", &moved);
    let address = String::from_utf8(moved.stdout).expect("UTF-8");
    program.base = address.trim().strip_prefix("listening on ").expect("an address").to_owned();

    // A running answer, then the end of the process without a warning.
    simulator.set_faults(vec![mock_upstream::FaultRule::on_web_chat("gate".parse().unwrap())]);
    let held = program.canary_post("/v1/chat/completions", question(true).to_string()).send();
    let held = tokio::spawn(held);
    simulator.wait_for(|state| state.held_chunks == 1).await;
    program.signal("KILL").await;
    let (_, dir) = program.wait_for_exit().await;
    held.abort();
    watch.folder("after kill -9", dir.path());

    let program = Program::start_in(dir, Some(&simulator), options()).await;
    let dir = program.stop().await;
    std::fs::write(dir.path().join("mammouth.db"), "no database").expect("damage");
    std::fs::write(dir.path().join("settings.toml"), "version = ").expect("damage");
    let program = Program::start_in(dir, Some(&simulator), options()).await;
    let dir = program.stop().await;
    watch.folder("after damage", dir.path());
    assert!(!new_key.is_empty());
    let shown_once = Canaries::new(&[("a named key", &new_key[new_key.len() - 12..])]);
    watch.seen.extend(shown_once.found_below(dir.path(), &[]));
    watch.assert_nothing_found();
}

async fn every_command(watch: &mut CanaryWatch, program: &Program) {
    let commands = [
        "status",
        "doctor",
        "accounts list",
        "accounts list --json",
        "accounts check",
        "accounts check web-1",
        "accounts pause web-1",
        "accounts resume web-1",
        "accounts remove web-1",
        "accounts check nobody",
        "keys list",
        "keys revoke laptop",
        "keys revoke main",
        "status",
        "logs",
        "logs --json",
        "logs --failed",
        "export",
        "export --format csv",
    ];
    for line in commands {
        let words: Vec<&str> = line.split(' ').collect();
        watch.output(line, &program.cli(&words).await);
    }
    for cookie in [COOKIE.to_owned(), format!("{COOKIE}\u{7}"), format!("Cookie: other={COOKIE}")] {
        let args = ["accounts", "add", "--accept-terms", "--label", "new"];
        watch.output("accounts add", &cli_with(program.dir.path(), &[], &args, &cookie).await);
    }
}

#[tokio::test]
async fn u09_what_cannot_be_used_is_refused_without_being_shown() {
    let mut watch = CanaryWatch::new();
    let dir = tempfile::tempdir().unwrap();
    let bad = |value: &str, wrong: &str| format!("{value}{wrong}");
    for (name, value) in [
        ("AUTH_TOKEN", "T5/kY+2u".to_owned()),
        ("AUTH_TOKEN", bad(KEY, " \u{7} ; ")),
        ("COOKIES", bad(COOKIE, "\u{e9}")),
        ("COOKIES", format!("Cookie: other={COOKIE}")),
        ("API_KEYS", bad(API_KEY, " ; ")),
        ("COOKIES_FILE", COOKIE.to_owned()),
        ("AUTH_TOKEN_FILE", KEY.to_owned()),
        ("PORT", KEY.to_owned()),
        ("HOST", KEY.to_owned()),
        ("ALLOWED_HOSTS", bad(KEY, "@")),
        ("ALLOWED_ORIGINS", bad(KEY, "@")),
        ("MAMMOUTH_WEB_URL", format!("https://user:{KEY}@mammouth.ai")),
        ("MAMMOUTH_WEB_URL", format!("http://mammouth.ai/{KEY}")),
    ] {
        // `status` reads the settings as `serve` does, and would end even if they were good.
        let output = cli_with(dir.path(), &[(name, value.as_str())], &["status"], "").await;
        assert_eq!(output.status.code(), Some(2), "{name}");
        watch.output(name, &output);
    }
    std::fs::write(dir.path().join("mine.env"), format!("COOKIES='{COOKIE}\n{KEY}\n")).unwrap();
    let output = cli_with(dir.path(), &[], &["status", "--env-file", "mine.env"], "").await;
    watch.output("an .env file that cannot be read", &output);
    std::fs::remove_file(dir.path().join("mine.env")).unwrap();
    watch.folder("after refusals", dir.path());
    watch.assert_nothing_found();
}
