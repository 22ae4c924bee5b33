//! Tests of the site without faults.

use super::super::{LLMS_PATH, UsageFormat};
use super::*;

const BOB: &str = "Cookie: auth_session=bob-session\r\n";

#[tokio::test]
async fn a_reply_comes_a_word_a_chunk_and_is_recorded() {
    let simulator = simulator().await;
    let answer = ask_as(
        &simulator,
        COOKIE,
        "m-1",
        &[turn("a", &[]), turn("b", &[]), turn("echo: one two\nthree", &[])],
    )
    .await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("content-type").as_deref(), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.chunks(), (vec![b"one ".to_vec(), b"two\n".to_vec(), b"three".to_vec()], true));

    let calls = simulator.calls();
    assert_eq!((simulator.active_calls(), calls.len()), (0, 1));
    let call = &calls[0];
    assert_eq!((call.account.as_deref(), call.cookie_ok, call.status), (Some("alice"), true, Some(200)));
    assert_eq!((call.model.as_deref(), call.preprompt.as_deref()), (Some("m-1"), Some("be kind")));
    assert_eq!(call.texts(), ["a", "b", "echo: one two\nthree"]);
    assert_eq!((call.sent_chunks, call.sent_bytes), (3, 13));
    assert_eq!(call.header("host"), Some("localhost"));
    assert!(call.ended && !call.peer_closed_early && call.problem.is_none());
}

#[tokio::test]
async fn the_demo_reply_says_what_it_is() {
    let simulator = simulator().await;
    let text = ask(&simulator, "Good day").await.text();
    assert!(text.starts_with("Hello from the demo simulator"), "{text}");
    assert!(text.contains("openai-gpt-5") && text.contains("\"Good day\""), "{text}");
}

#[tokio::test]
async fn exact_chunks_can_be_chosen() {
    let simulator = simulator().await;
    let answer = ask(&simulator, "echo-chunks: [\"data: [DONE]\\n\\n\", \"\\r\"]").await;
    assert_eq!(answer.chunks(), (vec![b"data: [DONE]\n\n".to_vec(), b"\r".to_vec()], true));
}

#[tokio::test]
async fn without_a_known_cookie_it_is_401() {
    let simulator = simulator().await;
    for cookie in ["", "Cookie: auth_session=other\r\n", "Cookie: auth_session=\r\n"] {
        let answer = ask_as(&simulator, cookie, "m", &[turn("x", &[])]).await;
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.json(), serde_json::json!({"statusCode": 401, "statusMessage": "Unauthorized"}));
        assert_eq!(get(&simulator, "/api/login/user", cookie).await.status(), 401);
    }
    assert!(simulator.calls().iter().all(|call| !call.cookie_ok && call.account.is_none()));
}

#[tokio::test]
async fn a_used_quota_is_403_for_its_family_only() {
    let simulator = simulator().await;
    let turns = [turn("echo: x", &[])];
    assert_eq!(ask_as(&simulator, BOB, "openai-gpt-5", &turns).await.status(), 200);
    let refused = ask_as(&simulator, BOB, "openai-gpt-4.1", &turns).await;
    assert_eq!(refused.status(), 403);
    assert!(refused.json()["statusMessage"].as_str().unwrap().contains("usage limit reached"));
    assert_eq!(ask_as(&simulator, BOB, "openai-gpt-4o-mini", &turns).await.status(), 200);
    assert_eq!(ask_as(&simulator, BOB, "xai-grok-4-0709", &turns).await.status(), 200);
    assert_eq!(ask_as(&simulator, COOKIE, "openai-gpt-5", &turns).await.status(), 200);
}

#[tokio::test]
async fn usage_and_user_are_answered_in_the_format_of_2026() {
    let simulator = simulator().await;
    ask_as(&simulator, BOB, "openai-gpt-5", &[turn("x", &[])]).await;
    let recent = get(&simulator, "/api/user/recentUsage", BOB).await.json();
    assert_eq!(recent.get("percent"), None);
    assert_eq!(recent["byBrand"], serde_json::json!([{"brand": "openai", "value": 100.0}]));
    assert_eq!(recent["usedModels"], serde_json::json!(["openai-gpt-5"]));
    let current = get(&simulator, "/api/user/currentUsage", BOB).await.json();
    let expected =
        serde_json::json!({"currentSpendCents": 450, "usagePlan": "standard", "usageCounts": {"prompt": 1}});
    assert_eq!(current, expected);
    let user = get(&simulator, "/api/login/user", BOB).await.json();
    assert_eq!((&user["email"], user.get("plan")), (&"bob@simulator.invalid".into(), None));
}

#[tokio::test]
async fn usage_and_user_can_be_answered_in_the_older_format() {
    let options = MockUpstreamOptions {
        usage_format: UsageFormat::Older,
        ..MockUpstreamOptions::instant(vec![MockAccount::web("bob").with_limit(1)])
    };
    let simulator = MockUpstream::start(options).await.unwrap();
    ask_as(&simulator, BOB, "openai-gpt-5", &[turn("x", &[])]).await;
    let recent = get(&simulator, "/api/user/recentUsage", BOB).await.json();
    assert_eq!(recent["percent"], 100);
    assert_eq!(recent["byBrand"], serde_json::json!([{"name": "openai", "value": 1}]));
    let current = get(&simulator, "/api/user/currentUsage", BOB).await.json();
    assert_eq!(current, serde_json::json!({"currentSpendCents": 450}));
    let user = get(&simulator, "/api/login/user", BOB).await.json();
    assert_eq!((&user["email"], &user["plan"]), (&"bob@simulator.invalid".into(), &"Standard".into()));
}

#[tokio::test]
async fn an_image_is_for_the_account_that_uploaded_it() {
    let simulator = simulator().await;
    let saved = upload(&simulator, COOKIE, b"\x89PNG\r\n--X").await.json();
    let url = saved["location"].as_str().unwrap();
    let turns = [turn("look", &[url])];
    let reply = ask_as(&simulator, COOKIE, "m", &turns).await;
    assert!(reply.text().contains("1 image"));
    assert_eq!(ask_as(&simulator, BOB, "m", &turns).await.status(), 400);

    let calls = simulator.calls();
    let uploaded = calls[0].uploaded.as_ref().unwrap();
    assert_eq!((uploaded.name.as_str(), uploaded.file_name.as_str()), ("cat.png", "blob"));
    assert_eq!((uploaded.content_type.as_str(), uploaded.bytes_len), ("image/png", 9));
    assert!(calls[2].problem.as_ref().unwrap().contains("did not upload"));
}

#[tokio::test]
async fn what_breaks_the_protocol_is_400_and_noted() {
    let simulator = simulator().await;
    for form in ["", "--XX--", &form("m", &[]), &form("m", &[turn("", &[])]), &form("", &[turn("x", &[])])] {
        let answer = read_all(send_form(&simulator, LLMS_PATH, COOKIE, form.as_bytes()).await).await;
        assert_eq!(answer.status(), 400, "{form}");
    }
    assert_eq!(request(&simulator, "POST /api/nothing", COOKIE, b"").await.status(), 404);
    assert_eq!(get(&simulator, LLMS_PATH, COOKIE).await.status(), 405);
    assert_eq!(ask(&simulator, "sim: nonsense=1").await.status(), 400);
    assert!(simulator.calls().iter().all(|call| call.problem.is_some()));
}

#[tokio::test]
async fn a_body_over_64_mib_is_refused() {
    let simulator = simulator().await;
    let body = vec![b'x'; 64 * 1024 * 1024 + 1];
    let mut stream = connect(&simulator).await;
    let head = format!("POST {LLMS_PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    simulator.wait_for(|state| state.calls.len() == 1).await;
    assert_eq!(simulator.calls()[0].problem.as_deref(), Some("the body is too big"));
}

#[tokio::test]
async fn the_login_page_is_html_and_needs_no_cookie() {
    let simulator = simulator().await;
    let page = get(&simulator, "/app/login", "").await;
    assert_eq!(page.status(), 200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
}

#[tokio::test]
async fn a_button_of_the_login_page_gives_the_session_of_its_account() {
    let simulator = simulator().await;
    let page = get(&simulator, "/app/login", "").await;
    assert!(String::from_utf8_lossy(page.body()).contains("<button name=\"account\" value=\"bob\">"));
    let answer = request(&simulator, "POST /app/login", "", b"account=bob").await;
    let cookie = answer.header("set-cookie").unwrap();
    assert_eq!(cookie, "auth_session=bob-session; Path=/; HttpOnly; SameSite=Lax");
    assert_eq!((answer.status(), answer.header("location").as_deref()), (303, Some("/app/login")));
    for wish in ["account=nobody", "account=", "", "name=bob"] {
        let answer = request(&simulator, "POST /app/login", COOKIE, wish.as_bytes()).await;
        assert_eq!((answer.status(), answer.header("set-cookie")), (400, None));
    }
}

#[tokio::test]
async fn an_account_for_sign_in_only_is_not_preconfigured() {
    let guest = MockAccount { preconfigured: false, ..MockAccount::web("erin") };
    let simulator = MockUpstream::start(MockUpstreamOptions::instant(vec![MockAccount::web("bob"), guest]))
        .await
        .unwrap();
    assert_eq!(simulator.cookies().len(), 1);
    let page = get(&simulator, "/app/login", "").await;
    let page = String::from_utf8_lossy(page.body()).into_owned();
    let place = |text: &str| page.find(text).unwrap();
    assert!(place("value=\"erin\" autofocus") < place("value=\"bob\""));
    assert_eq!(
        get(&simulator, "/api/login/user", "Cookie: auth_session=erin-session\r\n").await.status(),
        200
    );
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let simulator = simulator().await;
    let mut stream = connect(&simulator).await;
    for _ in 0..3 {
        let head = format!("GET /api/login/user HTTP/1.1\r\nHost: x\r\n{COOKIE}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        read_until(&mut stream, "}").await;
    }
    assert_eq!((simulator.calls().len(), simulator.connections()), (3, 1));
}

#[tokio::test]
async fn the_demo_fails_over_at_the_third_request() {
    let simulator = MockUpstream::start(MockUpstreamOptions {
        word_delay: std::time::Duration::ZERO,
        ..MockUpstreamOptions::demo()
    })
    .await
    .unwrap();
    let cookies = simulator.cookies();
    let labels: Vec<&str> = cookies.iter().map(|(label, _)| label.as_str()).collect();
    assert_eq!(labels, ["alice", "bob", "carol"]);
    let cookie = format!("Cookie: auth_session={}\r\n", cookies[0].1);
    for expected in [200, 200, 403] {
        let answer = ask_as(&simulator, &cookie, "anthropic-claude-4-2025-05-14", &[turn("hi", &[])]).await;
        assert_eq!(answer.status(), expected);
    }
}

#[tokio::test]
async fn stopping_ends_what_runs_and_frees_the_port() {
    let simulator = simulator().await;
    let address = simulator.address;
    let stream = start_asking(&simulator, "sim: stall=1").await;
    simulator.wait_for(|state| state.calls.iter().any(|call| call.sent_chunks == 1)).await;
    simulator.stop().await;
    assert!(!read_all(stream).await.chunks().1);
    assert!(TcpStream::connect(address).await.is_err());
}
