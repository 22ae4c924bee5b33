//! Tests of the sources of settings, their precedence, and the errors for invalid settings.

use std::path::Path;

use crate::support::{KEY, Options, Program, cli_with, refused_start, simulator, stderr_text, stdout_text};

/// Every command, with the arguments that it needs.
const EVERY_COMMAND: [&[&str]; 16] = [
    &["status"],
    &["doctor"],
    &["accounts", "list"],
    &["accounts", "check"],
    &["accounts", "add", "--label", "x", "--api"],
    &["accounts", "rename", "a", "b"],
    &["accounts", "only"],
    &["accounts", "pause", "a"],
    &["accounts", "resume", "a"],
    &["accounts", "remove", "a"],
    &["keys", "list"],
    &["keys", "add", "x"],
    &["keys", "revoke", "x"],
    &["port", "4000"],
    &["logs"],
    &["export"],
];

/// Exit code and all output.
async fn refused(dir: &Path, options: Options) -> (Option<i32>, String) {
    let ended = refused_start(dir, None, options).await;
    (ended.status.code(), stdout_text(&ended) + &stderr_text(&ended))
}

#[tokio::test]
async fn the_port_comes_from_the_highest_source_that_has_one() {
    // No program is started on these ports: `status` shows where the next start would listen.
    let dir = tempfile::tempdir().unwrap();
    let next = async |env: &[(&str, &str)]| {
        let status = cli_with(dir.path(), env, &["status"], "").await;
        assert_eq!(status.status.code(), Some(1), "{}", stderr_text(&status));
        let said = stdout_text(&status);
        let line = said.lines().find_map(|line| line.strip_prefix("the next start listens on: http://"));
        line.unwrap_or_else(|| panic!("{said}")).to_owned()
    };
    assert_eq!(next(&[]).await, "127.0.0.1:3000");
    std::fs::write(dir.path().join("settings.toml"), "version = 1\nport = 4004\nhost = \"127.0.0.4\"\n")
        .unwrap();
    assert_eq!(next(&[]).await, "127.0.0.4:4004");
    std::fs::write(dir.path().join(".env"), "# the user's own\nexport PORT=\"4003\" # here\n").unwrap();
    assert_eq!(next(&[]).await, "127.0.0.4:4003");
    assert_eq!(next(&[("PORT", "4002"), ("HOST", " ")]).await, "127.0.0.4:4002");
    let other = dir.path().join("other.env");
    std::fs::write(&other, "PORT=4005\nHOST='127.0.0.3'\n").unwrap();
    let args = ["--env-file", other.to_str().unwrap(), "status"];
    let status = cli_with(dir.path(), &[], &args, "").await;
    assert!(stdout_text(&status).contains("http://127.0.0.3:4005"), "{}", stdout_text(&status));
}

#[tokio::test]
async fn a_flag_wins_over_all_and_the_old_dotenv_works_unchanged() {
    let simulator = simulator(&["alice"]).await;
    let dir = tempfile::tempdir().unwrap();
    let cookie = &simulator.cookies()[0].1;
    // As the original Node project's README has it.
    let dotenv = format!("COOKIES={cookie}\nAUTH_TOKEN={KEY}\nPORT=1\n");
    std::fs::write(dir.path().join(".env"), dotenv).unwrap();
    let options = Options::default().without_defaults().env("PORT", "2").arg("--port").arg("0");
    let options = options.env("MAMMOUTH_WEB_URL", simulator.base_url());
    let program = Program::start_in(dir, None, options).await;
    assert!(program.port > 2);
    let answer = program.chat(&crate::support::question("echo: from the file")).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "from the file"));
    let said = format!("COOKIES, AUTH_TOKEN were read from {}", program.dir.path().join(".env").display());
    assert!(program.log().contains(&said), "{}", program.log());
    let status = stdout_text(&program.cli(&["status"]).await);
    assert!(status.contains(&format!("notice: {said}")), "{status}");
}

#[tokio::test]
async fn s11_what_a_stranger_s_dotenv_sets_keeps_every_command_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(".env");
    let hostile = [
        "MAMMOUTH_WEB_URL=https://canary.example",
        "MAMMOUTH_API_URL=https://canary.example",
        "HOST=0.0.0.0",
        "ALLOWED_ORIGINS=https://canary.example",
        "ALLOWED_HOSTS=canary.example",
        "DATA_DIR=canary",
        "COOKIES_FILE=/etc/passwd",
        "AUTH_TOKEN_FILE=canary",
        "SECRET_KEY_FILE=canary",
        "LOG=trace",
    ];
    let named = |said: &str, line: &str| {
        let name = line.split('=').next().unwrap();
        assert!(said.contains(&format!("{name} (from the .env file)")), "{said}");
        assert!(said.contains(&file.display().to_string()) && !said.contains("canary"), "{said}");
    };
    for line in hostile {
        std::fs::write(&file, format!("COOKIES=a\nAUTH_TOKEN={KEY}\n{line}\n")).unwrap();
        let (code, said) = refused(dir.path(), Options::default()).await;
        assert_eq!(code, Some(2), "{said}");
        named(&said, line);
    }
    for command in EVERY_COMMAND {
        for demo in [None, Some("--demo")] {
            let args: Vec<&str> = command.iter().copied().chain(demo).collect();
            let ended = cli_with(dir.path(), &[], &args, "").await;
            assert_eq!(ended.status.code(), Some(2), "{args:?}: {}", stderr_text(&ended));
            named(&(stdout_text(&ended) + &stderr_text(&ended)), hostile[hostile.len() - 1]);
        }
    }
    assert!(!dir.path().join("canary").exists() && !dir.path().join("mammouth.db").exists());
}

#[tokio::test]
async fn s11_a_stranger_s_key_lets_no_other_machine_in() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(".env"), format!("AUTH_TOKEN={KEY}\n")).unwrap();
    let wide = || Options::default().without_defaults().arg("--port").arg("0").env("HOST", "0.0.0.0");
    let (code, said) = refused(dir.path(), wide()).await;
    assert!(code == Some(2) && said.contains("AUTH_TOKEN (from the .env file)"), "{said}");
    let program = Program::start_in(dir, None, wide().arg("--env-file").arg(".env")).await;
    assert_eq!(program.get("/v1/models").await.status, 200);
}

#[tokio::test]
async fn secrets_come_from_files_too() {
    let simulator = simulator(&["alice", "bob"]).await;
    let dir = tempfile::tempdir().unwrap();
    let cookies: Vec<String> = simulator.cookies().into_iter().map(|(_, cookie)| cookie).collect();
    std::fs::write(dir.path().join("cookies.txt"), cookies.join("\n") + "\n").unwrap();
    std::fs::write(dir.path().join("token.txt"), format!("{KEY}\n")).unwrap();
    let options = Options::default()
        .without_defaults()
        .arg("--port")
        .arg("0")
        .env("COOKIES_FILE", "cookies.txt")
        .env("AUTH_TOKEN_FILE", "token.txt")
        .env("MAMMOUTH_WEB_URL", simulator.base_url());
    let program = Program::start_in(dir, None, options).await;
    assert_eq!(program.chat(&crate::support::question("hi")).await.status, 200);
    let listed = stdout_text(&program.cli(&["accounts", "list"]).await);
    assert!(listed.contains("web-1: ready") && listed.contains("web-2: ready"), "{listed}");
    let both = Options::default().env("COOKIES", "a").env("COOKIES_FILE", "cookies.txt");
    let (code, said) = refused(program.dir.path(), both).await;
    assert!(code == Some(2) && said.contains("COOKIES_FILE"), "{said}");
}

#[tokio::test]
async fn d01_listening_wide_needs_a_strong_key_and_keeps_the_host_check() {
    let dir = tempfile::tempdir().unwrap();
    let wide = || Options::default().without_defaults().arg("--port").arg("0").env("HOST", "0.0.0.0");
    let (code, said) = refused(dir.path(), wide()).await;
    assert!(code == Some(2) && said.contains("AUTH_TOKEN"), "{said}");
    for weak in ["changeme", "sk-123456", ""] {
        let (code, said) = refused(dir.path(), wide().env("AUTH_TOKEN", weak)).await;
        assert!(code == Some(2) && said.contains("AUTH_TOKEN"), "{said}");
    }
    let (code, said) = refused(dir.path(), wide().env("AUTH_TOKEN", KEY).env("ALLOWED_HOSTS", "*")).await;
    assert!(code == Some(2) && said.contains("ALLOWED_HOSTS"), "{said}");
    let options = wide().env("AUTH_TOKEN", KEY).env("ALLOWED_HOSTS", "box.lan");
    let program = Program::start_in(dir, None, options).await;
    let status = async |host: &str| {
        let url = format!("http://127.0.0.1:{}/v1/models", program.port);
        let asked = program.http.get(url).bearer_auth(KEY).header("host", host).send().await;
        asked.unwrap().status().as_u16()
    };
    assert_eq!((status("evil.example").await, status("0.0.0.0").await), (403, 403));
    assert_eq!((status("box.lan:3000").await, status("127.0.0.1").await), (200, 200));
}

#[tokio::test]
async fn d05_bad_values_end_the_start_with_a_sentence_that_does_not_repeat_them() {
    let dir = tempfile::tempdir().unwrap();
    let start = || Options::default().without_defaults().env("AUTH_TOKEN", KEY);
    for port in ["-1", "70000", "abc-canary", "1e3", "0x50", "80 81"] {
        let (code, said) = refused(dir.path(), start().env("PORT", port)).await;
        assert!(code == Some(2) && said.contains("PORT (from the environment)"), "{said}");
        assert!(!said.contains("canary"), "{said}");
        let (code, said) = refused(dir.path(), start().arg(format!("--port={port}"))).await;
        assert!(code == Some(2) && said.contains("PORT (from the command line)"), "{said}");
        assert!(!said.contains("canary"), "{said}");
    }
    for (name, value) in [
        ("COOKIES", "good-cookie-value,canary bad"),
        ("COOKIES", "canary\u{7}"),
        ("COOKIES", "canary-\u{e9}"),
        ("HOST", "canary-box"),
        ("LOG", "canary=[nonsense"),
        ("COOKIES_FILE", "canary-missing"),
        ("AUTH_TOKEN", "canary with spaces in it"),
    ] {
        let (code, said) = refused(dir.path(), start().env(name, value)).await;
        assert!(code == Some(2) && said.contains(name), "{name}: {said}");
        assert!(!said.contains("canary"), "{said}");
    }
    std::fs::write(dir.path().join("large"), vec![b'a'; (1 << 20) + 1]).unwrap();
    let (code, said) = refused(dir.path(), start().env("COOKIES_FILE", "large")).await;
    assert!(code == Some(2) && said.contains("COOKIES_FILE"), "{said}");
    assert!(!dir.path().join("lock").exists(), "nothing was started");
}

#[tokio::test]
async fn d05_lists_are_read_as_people_paste_them() {
    let simulator = simulator(&["alice", "bob"]).await;
    let cookies: Vec<String> = simulator.cookies().into_iter().map(|(_, cookie)| cookie).collect();
    let pasted = format!("\"{}\",\n,, {} ,{},", cookies[0], cookies[1], cookies[0]);
    let options = Options::default().env("COOKIES", pasted).env("MAMMOUTH_WEB_URL", simulator.base_url());
    let program = Program::start_in(tempfile::tempdir().unwrap(), None, options).await;
    let accounts = program.control("accounts.list", &serde_json::json!({})).await.json();
    assert_eq!(accounts.as_array().unwrap().len(), 2, "empties and repeats are no accounts");
    let checked = program.cli(&["accounts", "check"]).await;
    assert!(checked.status.success(), "{}{}", stdout_text(&checked), stderr_text(&checked));
}

#[tokio::test]
async fn f44_odd_environments_work_or_are_named() {
    let simulator = simulator(&["alice"]).await;
    let root = tempfile::tempdir().unwrap();
    let odd = root.path().join("with space, \u{e9} and \u{4f60}");
    let options = Options::default()
        .arg("--data-dir")
        .arg(odd.to_str().unwrap())
        .env("HOME", "/dev/null/none")
        .env("TMPDIR", "/dev/null/gone")
        .env("LANG", "tlh_KX.odd")
        .env("LC_ALL", "xx");
    let program = Program::start_in(root, Some(&simulator), options).await;
    assert_eq!(program.chat(&crate::support::question("hi")).await.status, 200);
    assert!(odd.join("mammouth.db").is_file());
    let dir = program.stop().await;

    // No system can create a folder below a file.
    let below_a_file = odd.join("mammouth.db/none");
    let unusable = Options::default().arg("--data-dir").arg(below_a_file.to_str().unwrap());
    let (code, said) = refused(dir.path(), unusable).await;
    assert!(code == Some(2) && said.contains("DATA_DIR"), "{said}");
    let tilde = Options::default().arg("--data-dir").arg("~/data");
    let (code, said) = refused(dir.path(), tilde).await;
    assert!(code == Some(2) && said.contains("DATA_DIR"), "{said}");
}
