//! Tests of account removal (L08): keychain, memory and disk contain nothing of a removed account. The
//! program runs inside the test with a secret store in memory, so that the machine's keychain is not used.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gateway::accounts::{Account, AccountOrigin};
use gateway::app::{App, AppParts};
use gateway::management::{self, keychain_entry_name};
use mock_upstream::{Fault, FaultRule, MockUpstream};
use serde_json::{Value, json};
use storage::config::{self, Flags, RuntimeEnvironment, Sources};
use storage::secrets::{AsyncSecretStore, MemoryStore};

use crate::support::canary::Canaries;
use crate::support::{Answer, KEY, question, simulator};

const LABEL: &str = "canary label of mine";
const COOKIE: &str = "alice-session";

#[tokio::test]
async fn l08_a_removed_account_leaves_nothing_behind() {
    let simulator = simulator(&["alice"]).await;
    let dir = tempfile::tempdir().unwrap();
    let vault = AsyncSecretStore::new(Arc::new(MemoryStore::new()));
    let upstream = serde_json::from_value(json!("web")).unwrap();
    let id = Account::new(LABEL.to_owned(), upstream, AccountOrigin::Stored, COOKIE.into()).id;
    let kept = async || vault.get(&keychain_entry_name(&id)).await.unwrap();
    let canaries = Canaries::new(&[("the cookie", COOKIE), ("the label", LABEL), ("the id", &id)]);

    let app = start(dir.path(), &simulator, vault.clone()).await;
    ask(&app, "settings.accept_terms", json!({})).await;
    ask(&app, "accounts.add", json!({ "label": LABEL, "secret": COOKIE })).await;
    assert!(kept().await.is_some());
    assert_eq!(chat(&app).await, 200);
    simulator.set_faults(vec![FaultRule::on_web_chat(Fault::quota())]);
    assert_eq!(chat(&app).await, 429);
    ask(&app, "accounts.remove", json!({ "label": LABEL })).await;
    assert!(kept().await.is_none());
    assert_eq!(chat(&app).await, 503);
    let shown = [ask(&app, "accounts.list", Value::Null).await, ask(&app, "log.latest", json!({})).await];
    for shown in shown {
        assert_eq!(canaries.found_in("what is shown", shown.to_string().as_bytes()), Vec::<String>::new());
    }
    let secret = Canaries::new(&[("the cookie", COOKIE), ("the label", LABEL)]);
    assert_eq!(secret.found_below(dir.path(), &[]), Vec::<String>::new(), "while it runs");
    // The account's state is written in the background, at the latest when the program ends.
    app.stop(Duration::ZERO).await;
    assert_eq!(canaries.found_below(dir.path(), &[]), Vec::<String>::new(), "after the end");
}

async fn start(dir: &Path, simulator: &MockUpstream, vault: AsyncSecretStore) -> App {
    let surroundings = RuntimeEnvironment { working_dir: dir.to_owned(), platform_dir: None, headless: true };
    let flags = Flags { port: Some("0".into()), data_dir: Some(dir.to_owned()), ..Flags::default() };
    let env = [("AUTH_TOKEN", KEY), ("MAMMOUTH_WEB_URL", &simulator.base_url())];
    let env: BTreeMap<_, _> = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let sources = Sources::read(flags, env, surroundings, 0).unwrap();
    let config = config::resolve(&sources).unwrap();
    App::start(config, AppParts { vault, settings: sources.settings }).await.unwrap()
}

async fn ask(app: &App, name: &str, args: Value) -> Value {
    management::dispatch(app.control(), name, args).await.unwrap()
}

async fn chat(app: &App) -> u16 {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.post(format!("http://{}/v1/chat/completions", app.addr())).bearer_auth(KEY);
    let request = request.header("content-type", "application/json").body(question("hi").to_string());
    Answer::of(request.send().await).await.status
}
