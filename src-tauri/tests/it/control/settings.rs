//! Tests of `settings.…`.

use serde_json::{Value, json};

use crate::support::{Answer, Options, Program, TestEnv, free_port, simulator};

async fn get(program: &Program, name: &str) -> Value {
    let settings = program.control("settings.get", &json!({})).await.json();
    settings.as_array().unwrap().iter().find(|setting| setting["name"] == name).unwrap().clone()
}

async fn set(program: &Program, name: &str, value: Value) -> Answer {
    program.control("settings.set", &json!({ "name": name, "value": value })).await
}

#[tokio::test]
async fn settings_say_what_they_are_and_where_that_comes_from() {
    let simulator = simulator(&["alice"]).await;
    let options = Options::default().settings("theme = \"dark\"").env("LOG", "debug");
    let program = Program::start_with(&simulator, options).await;
    let shown =
        |setting: Value| (setting["value"].clone(), setting["from"].clone(), setting["default"].clone());
    assert_eq!(shown(get(&program, "theme").await), (json!("dark"), json!("file"), json!("auto")));
    assert_eq!(shown(get(&program, "log").await), (json!("debug"), json!("environment"), json!("info")));
    assert_eq!(get(&program, "port").await["from"], "flag");
    assert_eq!(
        shown(get(&program, "strategy").await),
        (json!("balance"), json!("default"), json!("balance"))
    );
    let all = program.control("settings.get", &json!({})).await.json();
    for setting in all.as_array().unwrap() {
        if setting["kind"] == "choice" {
            assert!(setting["choices"].as_array().unwrap().contains(&setting["value"]), "{setting}");
        }
    }
    assert!(all.as_array().unwrap().iter().all(|setting| setting["name"] != "autostart"), "headless");
    assert_eq!(set(&program, "log", json!("info")).await.error(), (409, "fixed_by_environment".into()));
    assert_eq!(set(&program, "autostart", json!(true)).await.error(), (501, "desktop_only".into()));
    assert_eq!(set(&program, "no_such", json!(1)).await.error(), (404, "not_found".into()));
}

#[tokio::test]
async fn a_live_setting_counts_at_once_and_a_bad_one_changes_nothing() {
    let env = TestEnv::new(&["alice"]).await;
    let program = &env.program;
    let file = || std::fs::read_to_string(program.dir.path().join("settings.toml")).unwrap_or_default();
    for (name, value) in [
        ("strategy", json!("nonsense")),
        ("strategy", json!(7)),
        ("log_days", json!(0)),
        ("keep_bodies", json!("yes")),
        ("allowed_hosts", json!(["*"])),
        ("allowed_origins", json!(["null"])),
        ("host", json!("0.0.0.0\u{7}")),
        ("theme", json!(["dark"])),
        ("log", json!("=canary=,,[")),
    ] {
        assert_eq!(set(program, name, value.clone()).await.error().1, "bad_arguments", "{name} {value}");
    }
    assert_eq!(file(), "", "nothing was saved");
    let named = async || {
        let request = program.http.get(format!("{}/healthz", program.base)).header("host", "box.lan");
        Answer::of(request.send().await).await.status
    };
    assert_eq!(named().await, 403);
    assert_eq!(set(program, "allowed_hosts", json!(["box.lan"])).await.json()["value"], json!(["box.lan"]));
    assert_eq!(named().await, 200);
    set(program, "allowed_hosts", json!(null)).await;
    assert_eq!(named().await, 403);
    for (name, value) in
        [("strategy", "fill-first"), ("prefer", "web"), ("language", "zh"), ("theme", "light")]
    {
        assert_eq!(set(program, name, json!(value)).await.status, 200, "{name}");
        assert_eq!(env.control("status", &json!({})).await[name], value);
    }
    assert_eq!(set(program, "log_max_bytes", json!(2_000_000)).await.json()["from"], "file");
    assert!(file().contains("log_max_bytes = 2000000"), "{}", file());
    assert_eq!(set(program, "log_max_bytes", json!(null)).await.json()["from"], "default");
    env.still_serves().await;
}

#[tokio::test]
async fn less_memory_for_stored_responses_removes_them_at_once() {
    let env = TestEnv::new(&["alice"]).await;
    let program = &env.program;
    let stored = async || {
        let answer = program.post("/v1/responses", &json!({ "model": "gpt-4.1", "input": "echo: hi" })).await;
        format!("/v1/responses/{}", answer.json()["id"].as_str().unwrap())
    };
    let before = stored().await;
    assert_eq!(program.get(&before).await.status, 200);
    assert_eq!(set(program, "stored_response_bytes", json!(0)).await.json()["live"], true);
    assert_eq!(program.get(&before).await.status, 404);
    assert_eq!(program.get(&stored().await).await.status, 404);
    set(program, "stored_response_bytes", json!(null)).await;
    assert_eq!(program.get(&stored().await).await.status, 200);
    env.still_serves().await;
}

#[tokio::test]
async fn how_web_sessions_are_asked_changes_with_the_next_request() {
    let env = TestEnv::new(&["alice"]).await;
    let program = &env.program;
    let turn = |role: &str, text: &str| json!({ "role": role, "content": text });
    let talk = json!([turn("user", "a"), turn("assistant", "b"), turn("user", "c")]);
    let texts = async || {
        env.simulator.clear_calls();
        assert_eq!(program.chat(&json!({ "model": "gpt-4.1", "messages": talk })).await.status, 200);
        env.model_calls()[0].texts().join("|")
    };
    assert_eq!(texts().await, "a|b|c");
    assert_eq!(set(program, "layout", json!("transcript")).await.json()["live"], true);
    assert_eq!(texts().await, "User: a\n\nAssistant: b\n\nUser: c");
    set(program, "layout", json!(null)).await;
    assert_eq!(texts().await, "a|b|c");

    let link = json!([{ "type": "image_url", "image_url": { "url": "https://127.0.0.1:1/a.png" } }]);
    let looks = json!({ "model": "gpt-4.1", "messages": [{ "role": "user", "content": link }] });
    let refused = async || program.chat(&looks).await.json()["error"]["message"].to_string();
    assert!(!refused().await.contains("switched off"));
    set(program, "image_links", json!(false)).await;
    assert!(refused().await.contains("switched off"));
    env.still_serves().await;
}

#[tokio::test]
async fn the_log_says_more_as_soon_as_it_is_asked_to() {
    let env = TestEnv::new(&["alice"]).await;
    let program = &env.program;
    let told = async || {
        let request = program.http.get(format!("{}/v1/models", program.base)).bearer_auth("wrong");
        assert_eq!(Answer::of(request.send().await).await.status, 401);
        program.log().matches("a request was refused").count()
    };
    assert_eq!(told().await, 0);
    assert_eq!(set(program, "log", json!("mammouth_proxy=debug")).await.json()["live"], true);
    assert_eq!(told().await, 1);
    set(program, "log", json!(null)).await;
    assert_eq!(told().await, 1);
}

#[tokio::test]
async fn l12_a_text_to_import_changes_no_setting() {
    let simulator = simulator(&[]).await;
    let program = Program::start(&simulator).await;
    program.control("settings.accept_terms", &json!({})).await;
    let file = || std::fs::read_to_string(program.dir.path().join("settings.toml")).unwrap();
    let before = file();
    for text in [
        "MAMMOUTH_WEB_URL=http://evil.example\nPORT=1\nAUTH_TOKEN=x".to_owned(),
        "COOKIES=<script>alert(1)</script> x".to_owned(),
        "x".repeat(200_000),
        "\u{0}\u{1}".to_owned(),
    ] {
        let answer = program.control("accounts.import", &json!({ "text": text })).await;
        assert_eq!(answer.error().1, "bad_arguments", "{:?}", answer.body);
        assert!(!String::from_utf8_lossy(&answer.body).contains("script"));
    }
    assert_eq!(file(), before);
    assert_eq!(program.control("accounts.list", &json!({})).await.json(), json!([]));
}

#[tokio::test]
async fn a_port_that_is_set_is_switched_to_and_kept() {
    let simulator = simulator(&["alice"]).await;
    let options = Options::default().without_defaults().settings(&format!("port = {}", free_port()));
    let program = Program::start_with(&simulator, options).await;
    let next = program.control("port.free", &json!({})).await.json()["port"].clone();
    let changed = set(&program, "port", next.clone()).await;
    assert_eq!((changed.status, &changed.json()["value"]), (200, &next), "{:?}", changed.body);
    let health = program.http.get(format!("http://127.0.0.1:{next}/healthz")).send().await;
    assert_eq!(Answer::of(health).await.status, 200);
    let settings = std::fs::read_to_string(program.dir.path().join("settings.toml")).unwrap();
    assert!(settings.contains(&format!("port = {next}")), "{settings}");
}

#[tokio::test]
async fn what_is_written_into_the_file_by_hand_meanwhile_is_kept() {
    let env = TestEnv::new(&["alice"]).await;
    let program = &env.program;
    let path = program.dir.path().join("settings.toml");
    let file = || std::fs::read_to_string(&path).unwrap();
    assert_eq!(set(program, "theme", json!("dark")).await.status, 200);
    std::fs::write(&path, format!("# mine\nnearest_models = true # by hand\n{}", file())).unwrap();
    assert_eq!(set(program, "language", json!("fr")).await.status, 200);
    for line in ["# mine\n", "nearest_models = true # by hand\n", "theme = \"dark\"\n", "language = \"fr\"\n"]
    {
        assert!(file().contains(line), "{}", file());
    }
    assert_eq!(get(program, "nearest_models").await["value"], json!(true));

    let broken = format!("port = = 1\n{}", file());
    std::fs::write(&path, &broken).unwrap();
    let refused = set(program, "theme", json!("light")).await;
    assert_eq!(refused.error(), (500, "not_saved".into()));
    let message = refused.json()["error"]["message"].to_string();
    assert!(message.contains("(line 1, column "), "{message}");
    assert_eq!((file(), get(program, "theme").await["value"].clone()), (broken, json!("dark")));
    env.still_serves().await;
}

#[tokio::test]
async fn a_setting_that_could_not_be_saved_is_not_saved_later() {
    let env = TestEnv::new(&["alice"]).await;
    let program = &env.program;
    // A folder in place of the temporary file stops every user, including root.
    let in_the_way = program.dir.path().join("settings.toml.tmp");
    std::fs::create_dir(&in_the_way).unwrap();
    assert_eq!(set(program, "theme", json!("dark")).await.error(), (500, "not_saved".into()));
    assert_eq!(get(program, "theme").await["value"], json!("auto"));
    std::fs::remove_dir(&in_the_way).unwrap();
    assert_eq!(set(program, "language", json!("fr")).await.status, 200);
    let settings = std::fs::read_to_string(program.dir.path().join("settings.toml")).unwrap();
    assert!(settings.contains("language = \"fr\"") && !settings.contains("theme"), "{settings}");
}

#[tokio::test]
async fn an_edit_by_hand_takes_effect_together_with_the_next_change() {
    let env = TestEnv::new(&["alice"]).await;
    let program = &env.program;
    let named = async || {
        let request = program.http.get(format!("{}/healthz", program.base)).header("host", "box.lan");
        Answer::of(request.send().await).await.status
    };
    let path = program.dir.path().join("settings.toml");
    std::fs::write(&path, "version = 1\nallowed_hosts = [\"box.lan\"]\nstrategy = \"fill-first\"\n").unwrap();
    assert_eq!(named().await, 403);
    assert_eq!(set(program, "theme", json!("dark")).await.status, 200);
    assert_eq!(named().await, 200);
    assert_eq!(env.control("status", &json!({})).await["strategy"], "fill-first");
}
