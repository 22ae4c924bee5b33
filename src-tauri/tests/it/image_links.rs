//! Tests of images in requests: permitted links, and recognised formats. S03, S04 and S08 need names and
//! servers on the public internet; `upstreams/src/web_session/tests/images.rs` has them with its own
//! resolver.

use std::net::TcpListener;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Options, Program, question, refused_start, simulator, stderr_text};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n picture";

fn asking(urls: &[String]) -> Value {
    let image = |url: &String| json!({ "type": "image_url", "image_url": { "url": url } });
    let mut parts = vec![json!({ "type": "text", "text": "what is this?" })];
    parts.extend(urls.iter().map(image));
    let mut request = question("");
    request["messages"][0]["content"] = json!(parts);
    request
}

fn data_url(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", STANDARD.encode(bytes))
}

/// A listener that must receive no connection.
struct Canary(TcpListener);

impl Canary {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    fn check(&self) {
        assert_eq!(self.0.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody connected");
    }
}

/// Checks that each URL is rejected, without a connection to the canary, an upload or an upstream call.
async fn all_refused(urls: Vec<String>, canary: &Canary) {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    for url in urls {
        let answer = program.chat(&asking(std::slice::from_ref(&url))).await;
        assert_eq!(answer.error(), (400, "invalid_image".to_owned()), "{url}");
        let shown = String::from_utf8_lossy(&answer.body);
        assert!(!shown.contains("127.0.0.1") && !shown.contains("169.254"), "{shown}");
    }
    canary.check();
    assert!(simulator.calls().is_empty());
}

#[tokio::test]
async fn s01_links_into_private_networks_are_refused_unconnected() {
    let canary = Canary::new();
    let port = canary.port();
    let hosts = [
        "127.0.0.1",
        "localhost",
        "169.254.169.254",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00::1]",
        "[ff02::1]",
    ];
    all_refused(hosts.map(|host| format!("https://{host}:{port}/x.png")).to_vec(), &canary).await;
}

#[tokio::test]
async fn s02_other_spellings_of_this_machine_are_refused() {
    let canary = Canary::new();
    let port = canary.port();
    let links = [
        format!("https://2130706433:{port}/"),
        format!("https://0x7f000001:{port}/"),
        format!("https://0177.0.0.1:{port}/"),
        format!("https://127.1:{port}/"),
        format!("https://127.0.0.1.:{port}/"),
        format!("https://\u{ff11}\u{ff12}\u{ff17}.0.0.1:{port}/"),
        format!("https://127\u{3002}0\u{3002}0\u{3002}1:{port}/"),
        format!("https://a@127.0.0.1:{port}/"),
        format!("https://a:b@127.0.0.1:{port}/"),
        format!("https://127.0.0.1\\@a:{port}/"),
        format!("https://a#@127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}\\@a/"),
        format!("ht\ntps://127.0.0.1:{port}/"),
        format!("https://127.0.\t0.1:{port}/"),
        format!(" https://127.0.0.1:{port}/"),
        format!("https:127.0.0.1:{port}/"),
        format!("//127.0.0.1:{port}/"),
    ];
    all_refused(links.to_vec(), &canary).await;
}

#[tokio::test]
async fn s05_only_https_links_and_image_data_urls_are_taken() {
    let canary = Canary::new();
    let port = canary.port();
    let links = [
        "file:///etc/passwd".to_owned(),
        format!("ftp://127.0.0.1:{port}/a.png"),
        format!("gopher://127.0.0.1:{port}/_x"),
        format!("http://127.0.0.1:{port}/a.png"),
        "blob:https://a.example/1".to_owned(),
        "javascript:alert(1)".to_owned(),
        format!("smb://127.0.0.1:{port}/a"),
        data_url("text/html", b"<script>"),
        data_url("application/octet-stream", PNG),
        "data:image/png,raw".to_owned(),
        "data:".to_owned(),
        String::new(),
        "a.png".to_owned(),
    ];
    all_refused(links.to_vec(), &canary).await;
}

#[tokio::test]
async fn s06_seventeen_images_and_giants_are_refused() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let picture = |n: usize| data_url("image/png", &[PNG, &n.to_le_bytes()].concat());
    let urls: Vec<String> = (0..17).map(picture).collect();
    assert_eq!(program.chat(&asking(&urls)).await.error(), (400, "invalid_image".to_owned()));
    let giant = [PNG, &vec![0; 20 * 1024 * 1024]].concat();
    let refused = program.chat(&asking(&[data_url("image/png", &giant)])).await;
    assert_eq!(refused.error(), (400, "invalid_image".to_owned()));
    let beyond = format!("data:image/png;base64,{}", "A".repeat(33 << 20));
    assert_eq!(program.chat(&asking(&[beyond])).await.error(), (413, "request_too_large".to_owned()));
    assert!(simulator.calls().is_empty());
    assert_eq!(program.chat(&asking(&urls[..16])).await.status, 200);
    let uploads = simulator.calls().iter().filter(|call| call.uploaded.is_some()).count();
    assert_eq!(uploads, 16);
}

#[tokio::test]
async fn s07_the_first_bytes_decide_and_nothing_is_decoded() {
    let canary = Canary::new();
    let links = [
        data_url("image/svg+xml", b"<svg onload='x'/>"),
        data_url("image/png", b"<svg onload='x'/>"),
        data_url("image/png", b"<html><script>x</script>"),
        data_url("image/png", b""),
        data_url("image/png", b"MZ\x90"),
        "data:image/png;base64,".to_owned(),
        "data:image/png;base64,!!!!".to_owned(),
        "data:image/png;base64,iVBORw0K=GgoAAAA".to_owned(),
    ];
    all_refused(links.to_vec(), &canary).await;

    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    // Sizes in an image's header have no effect, because the program does not decode images.
    let huge_size = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xc3\x50\0\0\xc3\x50\x08\x06\0\0\0", PNG].concat();
    let frames = [b"GIF89a", &b"\x21\xf9\x04\x00\x00\x00\x00\x00".repeat(100_000)[..]].concat();
    let answer =
        program.chat(&asking(&[data_url("image/jpeg", &huge_size), data_url("image/gif", &frames)])).await;
    assert_eq!(answer.status, 200);
    let calls = simulator.calls();
    let mut kinds: Vec<_> =
        calls.iter().filter_map(|call| call.uploaded.as_ref()).map(|it| it.content_type.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["image/gif", "image/png"], "not what the client called them");
}

#[tokio::test]
async fn s10_an_upstream_that_could_leak_keeps_the_program_from_starting() {
    for (name, url) in [
        ("MAMMOUTH_WEB_URL", "http://mammouth.ai"),
        ("MAMMOUTH_WEB_URL", "http://192.168.1.1:8080"),
        ("MAMMOUTH_WEB_URL", "https://canary:pass@mammouth.ai"),
        ("MAMMOUTH_WEB_URL", "file:///canary"),
        ("MAMMOUTH_WEB_URL", "http://127.0.0.1.canary.example"),
        ("MAMMOUTH_WEB_URL", "http://127.0.0.1@canary.example"),
        ("MAMMOUTH_API_URL", "http://api.mammouth.ai"),
        ("MAMMOUTH_API_URL", "https://api.mammouth.ai/?canary"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let ended = refused_start(dir.path(), None, Options::default().env(name, url)).await;
        assert_eq!(ended.status.code(), Some(2), "{url}");
        assert!(
            stderr_text(&ended).contains(name) && !stderr_text(&ended).contains("canary"),
            "{}",
            stderr_text(&ended)
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let settings = "version = 1\nmammouth_web_url = \"http://mammouth.ai\"\n";
    std::fs::write(dir.path().join("settings.toml"), settings).unwrap();
    let ended = refused_start(dir.path(), None, Options::default()).await;
    assert_eq!(ended.status.code(), Some(2), "{}", stderr_text(&ended));
}
