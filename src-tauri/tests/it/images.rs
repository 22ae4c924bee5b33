//! Tests of images: uploaded before the request, once per account, never omitted silently, and never shared
//! between accounts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mock_upstream::{RecordedCall, UPLOAD_PATH};
use serde_json::{Value, json};

use crate::support::{Options, TestEnv, upload_fault, web_fault};

/// An image that is different for each number.
fn png(number: u32) -> String {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend(number.to_be_bytes());
    format!("data:image/png;base64,{}", STANDARD.encode(bytes))
}

fn image(url: &str) -> Value {
    json!({ "type": "image_url", "image_url": { "url": url } })
}

fn looking(text: &str, urls: &[String]) -> Value {
    let mut parts = vec![json!({ "type": "text", "text": text })];
    parts.extend(urls.iter().map(|url| image(url)));
    json!({ "model": "gpt-4.1", "messages": [{ "role": "user", "content": parts }] })
}

fn uploads(env: &TestEnv) -> Vec<RecordedCall> {
    env.simulator.calls().into_iter().filter(|call| call.path == UPLOAD_PATH).collect()
}

fn image_urls(call: &RecordedCall) -> Vec<Vec<&str>> {
    call.messages
        .iter()
        .map(|message| message["imagesData"].as_array().unwrap().iter().filter_map(Value::as_str).collect())
        .collect()
}

#[tokio::test]
async fn an_image_is_uploaded_first_and_asked_about_then() {
    let env = TestEnv::new(&["alice"]).await;
    let answer = env.program.chat(&looking("What is this?", &[png(1)])).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("1 image"), "{}", answer.text());
    let calls = env.simulator.calls();
    let paths: Vec<&str> = calls.iter().map(|call| call.path.as_str()).collect();
    assert_eq!(paths, ["/api/attachments/saveFile", "/api/models/llms"]);
    let uploaded = calls[0].uploaded.as_ref().unwrap();
    assert_eq!((uploaded.content_type.as_str(), uploaded.bytes_len), ("image/png", 12));
    assert_eq!(uploaded.file_name, "blob");
    assert!(image_urls(&calls[1])[0][0].ends_with(&uploaded.sha256));
    assert_eq!(calls[1].texts(), ["What is this?"]);
    env.still_serves().await;
}

#[tokio::test]
async fn an_image_is_uploaded_once_for_an_account() {
    let env = TestEnv::new(&["alice"]).await;
    for n in 0..3 {
        assert_eq!(env.program.chat(&looking(&n.to_string(), &[png(1), png(2)])).await.status, 200);
    }
    assert_eq!(uploads(&env).len(), 2);
    let urls: Vec<_> = env.model_calls().iter().map(|call| image_urls(call).concat().join(" ")).collect();
    assert!(urls[0] == urls[1] && urls[1] == urls[2], "{urls:?}");
    env.still_serves().await;
}

#[tokio::test]
async fn images_stay_with_their_messages_in_order() {
    let env = TestEnv::new(&["alice"]).await;
    let request = json!({ "model": "gpt-4.1", "messages": [
        { "role": "system", "content": "Look well." },
        { "role": "user", "content": [image(&png(1)), { "type": "text", "text": "one" }, image(&png(2))] },
        { "role": "assistant", "content": "I see." },
        { "role": "user", "content": [{ "type": "image_url", "image_url": png(3) }] },
    ] });
    assert_eq!(env.program.chat(&request).await.status, 200);
    let asked = env.model_calls();
    assert_eq!(asked[0].texts(), ["one", "I see.", "."], "an image alone is asked about with a dot");
    let hashes: Vec<String> = uploads(&env).into_iter().map(|call| call.uploaded.unwrap().sha256).collect();
    let urls = image_urls(&asked[0]);
    assert_eq!(urls.iter().map(Vec::len).collect::<Vec<_>>(), [2, 0, 1]);
    let known = |url: &&str| hashes.iter().any(|hash| url.ends_with(hash.as_str()));
    assert!(urls.concat().iter().all(known) && urls.concat().len() == 3);
    assert_ne!(urls[0][0], urls[0][1]);
    env.still_serves().await;
}

#[tokio::test]
async fn what_is_no_image_is_refused_before_anything_is_asked() {
    let env = TestEnv::new(&["alice"]).await;
    let data = |kind: &str, bytes: &[u8]| format!("data:{kind};base64,{}", STANDARD.encode(bytes));
    for url in [
        data("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        data("image/png", b"<html></html>"),
        data("image/png", b""),
        data("text/html", b"\x89PNG\r\n\x1a\n"),
        "data:image/png;base64,!!!".to_owned(),
        "data:image/png,plain".to_owned(),
        "http://example.com/a.png".to_owned(),
        "file:///etc/passwd".to_owned(),
        "ftp://example.com/a.png".to_owned(),
        "https://user:pass@example.com/a.png".to_owned(),
        String::new(),
    ] {
        let answer = env.program.chat(&looking("What is this?", std::slice::from_ref(&url))).await;
        assert_eq!(answer.error(), (400, "invalid_image".into()), "{url}");
        assert_eq!(answer.json()["error"]["param"], "messages[0].content[1]", "{url}");
    }
    let many: Vec<String> = (0..17).map(png).collect();
    assert_eq!(env.program.chat(&looking("many", &many)).await.error(), (400, "invalid_image".into()));
    assert!(env.simulator.calls().is_empty());
    assert_eq!(env.program.chat(&looking("less", &many[..16])).await.status, 200);
    assert_eq!(uploads(&env).len(), 16);
    env.still_serves().await;
}

#[tokio::test]
async fn a_link_that_cannot_be_used_fails_the_request() {
    let env = TestEnv::new(&["alice"]).await;
    let ours = format!("https://127.0.0.1:{}/a.png", env.program.port);
    for link in
        [ours.as_str(), "https://[::1]/a.png", "https://169.254.169.254/latest", "https://localhost/a.png"]
    {
        let answer = env.program.chat(&looking("What is this?", &[link.to_owned()])).await;
        assert_eq!(answer.error(), (400, "invalid_image".into()), "{link}");
    }
    assert!(env.simulator.calls().is_empty());
    env.still_serves().await;
    let off = TestEnv::with_options(&["alice"], Options::default().settings("image_links = false\n")).await;
    let answer = off.program.chat(&looking("?", &["https://example.com/a.png".to_owned()])).await;
    assert_eq!(answer.error(), (400, "invalid_image".into()));
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("switched off"));
    off.still_serves().await;
}

#[tokio::test]
async fn f28_an_upload_that_fails_fails_the_request() {
    let no_location = r#"text="{\"url\":\"https://x.example/\"}" header=Content-Type:application/json"#;
    for (fault, status, code, tried) in [
        ("status=500", 502, "upstream_bad_response", 2),
        ("reset=0", 503, "upstream_unreachable", 2),
        ("body=cut-json", 502, "upstream_bad_response", 1),
        ("body=portal", 502, "upstream_bad_response", 1),
        ("body=challenge", 503, "upstream_challenge", 1),
        ("bad-cookie", 503, "account_login_required", 1),
        ("status=429 header=Retry-After:9", 429, "rate_limit_exceeded", 1),
        ("status=413 message=\"File too large\"", 400, "invalid_image", 1),
        ("status=415", 400, "invalid_image", 1),
        (no_location, 502, "upstream_bad_response", 1),
    ] {
        let env = TestEnv::new(&["alice"]).await;
        env.simulator.set_faults(vec![upload_fault(fault)]);
        let answer = env.program.chat(&looking("What is this?", &[png(1)])).await;
        assert_eq!(answer.error(), (status, code.to_owned()), "{fault}: {:?}", answer.body);
        assert_eq!(answer.header("x-should-retry"), Some("false"), "{fault}");
        assert_eq!(env.model_calls().len(), 0, "{fault}: nothing is asked without the image");
        assert_eq!(uploads(&env).len(), tried, "{fault}");
        env.assert_no_protocol_error();
    }
}

#[tokio::test]
async fn f28_a_slow_upload_ends_in_time_and_is_not_taken_for_done() {
    // Enough for the upload that is not held up, however busy the machine is.
    let patience = Options::default().settings("[limits]\nfirst_byte_seconds = 3\n");
    let env = TestEnv::with_options(&["alice"], patience).await;
    env.simulator.set_faults(vec![upload_fault("delay=forever").times(1)]);
    let answer = env.program.chat(&looking("What is this?", &[png(1)])).await;
    assert_eq!(answer.error(), (504, "upstream_timeout".into()));
    assert_eq!(env.model_calls().len(), 0);
    env.wait_for(|state| state.active_calls == 0).await;
    assert_eq!(env.program.chat(&looking("What is this?", &[png(1)])).await.status, 200);
    assert_eq!(uploads(&env).len(), 2, "what was not finished is not remembered");
    env.still_serves().await;
}

#[tokio::test]
async fn r09_each_account_gets_its_own_upload_of_the_same_image() {
    let env = TestEnv::new(&["alice", "bob"]).await;
    for text in ["1", "2", "3", "4"] {
        assert_eq!(env.program.chat(&looking(text, &[png(1)])).await.status, 200);
    }
    assert_eq!(env.accounts_called(), ["alice", "bob", "alice", "bob"]);
    let whose: Vec<_> = uploads(&env).into_iter().map(|call| call.account.unwrap()).collect();
    assert_eq!(whose, ["alice", "bob"]);
    env.still_serves().await;
}

#[tokio::test]
async fn r09_a_failover_takes_the_image_along() {
    let env = TestEnv::new(&["alice", "bob"]).await;
    env.simulator.set_faults(vec![web_fault("quota").for_account("alice")]);
    let answer = env.program.chat(&looking("What is this?", &[png(1)])).await;
    assert_eq!((answer.status, answer.header("x-mammouth-account")), (200, Some("web-2")));
    assert_eq!(uploads(&env).len(), 2);
    env.still_serves().await;
}

#[tokio::test]
async fn r09_requests_at_the_same_time_never_mix_accounts() {
    let env = TestEnv::new(&["alice", "bob"]).await;
    let asking = (0..120u32).map(|n| {
        let program = &env.program;
        async move {
            let request = looking(&format!("echo: reply {n}"), &[png(n % 7), png(n % 3)]);
            (n, program.chat(&request).await)
        }
    });
    for (n, answer) in futures_util::future::join_all(asking).await {
        assert_eq!((answer.status, answer.text()), (200, format!("reply {n}")));
    }
    // The mock rejects an image of another account and records that.
    env.assert_no_protocol_error();
    let asked = env.accounts_called();
    assert!(asked.contains(&"alice".to_owned()) && asked.contains(&"bob".to_owned()));
    env.still_serves().await;
}
