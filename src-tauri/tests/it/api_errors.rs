//! What the official API can do wrong before the first words: what the client is told, and what it means for the key.

use serde_json::json;

use crate::support::{Options, Scene, question, retry_after, streamed};

/// A fault, what the client is told, how many calls are made with one key, and how the key stands afterwards.
type Row = (&'static str, (u16, &'static str), usize, &'static str);

const ROWS: &[Row] = &[
    ("quota", (429, "insufficient_quota"), 1, "limited budget"),
    ("status=400 quota", (429, "insufficient_quota"), 1, "limited budget"),
    ("bad-cookie", (503, "account_login_required"), 1, "needs_login"),
    ("status=403 message=\"Key is blocked\"", (503, "account_login_required"), 1, "needs_login"),
    ("status=429 header=Retry-After:7", (429, "rate_limit_exceeded"), 1, "limited"),
    ("status=500", (502, "upstream_bad_response"), 2, "ready"),
    ("body=html", (502, "upstream_bad_response"), 2, "ready"),
    ("body=json-error", (502, "upstream_bad_response"), 2, "ready"),
    ("body=empty", (502, "upstream_bad_response"), 1, "ready"),
    ("body=challenge", (503, "upstream_challenge"), 1, "unreachable"),
    ("body=portal", (502, "upstream_bad_response"), 1, "ready"),
    ("redirect=https://evil.example/login", (502, "upstream_bad_response"), 1, "ready"),
    ("gzip", (502, "upstream_bad_response"), 1, "ready"),
    ("text=nonsense", (502, "upstream_bad_response"), 1, "ready"),
    ("text=\"data: {\"", (502, "upstream_bad_response"), 1, "ready"),
    ("text=\": ping\\n\\n: ping\\n\\n\"", (502, "upstream_bad_response"), 1, "ready"),
    ("text=\"data: [DONE]\\n\\n\"", (502, "upstream_bad_response"), 1, "ready"),
    ("raw=hello", (502, "upstream_bad_response"), 1, "ready"),
    ("reset=0", (503, "upstream_unreachable"), 2, "ready"),
    (
        "status=400 message=\"litellm.ContextWindowExceededError: x\"",
        (400, "context_length_exceeded"),
        1,
        "ready",
    ),
    ("status=400 message=\"Unsupported parameter\"", (400, "invalid_request"), 1, "ready"),
    ("status=422", (400, "invalid_request"), 1, "ready"),
];

#[tokio::test]
async fn every_error_is_put_into_the_one_table() {
    for (at, (fault, told, calls, standing)) in ROWS.iter().enumerate() {
        let scene = Scene::keyed().await;
        scene.fault_of_api(fault);
        // A text that is no JSON is only met by who streams; of the others it makes no difference.
        let stream = at % 2 == 1 || fault.starts_with("text=");
        let request = if stream { streamed("hello") } else { question("hello") };
        let answer = scene.program.chat(&request).await;
        assert_eq!(answer.error(), (told.0, told.1.to_owned()), "{fault}: {:?}", answer.body);
        assert_eq!(scene.asked().len(), *calls, "{fault}");
        assert_eq!(scene.standing("api-1").await, *standing, "{fault}");
        assert_eq!(retry_after(&answer).is_some(), told.0 == 429, "{fault}");
        let message = answer.json()["error"]["message"].to_string();
        assert!(!message.contains('<') && !message.contains("sk-dora"), "{fault}: {message}");
        let record = scene.record_of(&answer.headers).await;
        assert_eq!(record["attempts"].as_array().unwrap().len(), *calls, "{fault}");
        scene.no_problem();
    }
}

#[tokio::test]
async fn f12_a_cut_answer_is_never_a_success() {
    let scene = Scene::keyed().await;
    for fault in ["body=cut-json", "length=7", "eof=0"] {
        scene.fault_of_api(fault);
        let answer = scene.program.chat(&question("echo: hello")).await;
        assert!([502, 503].contains(&answer.status), "{fault}: {:?}", answer.body);
        scene.still_serves().await;
    }
}

#[tokio::test]
async fn f16_no_first_event_in_time_is_a_timeout_even_behind_keep_alives() {
    let options = || Options::default().settings("[limits]\nfirst_byte_seconds = 1\n");
    for fault in ["delay=forever", "first=forever", "stall=1"] {
        let scene = Scene::mixed(&[], &["dora"], options()).await;
        scene.fault_of_api(fault);
        let answer = scene.program.chat(&streamed("hello")).await;
        assert_eq!(answer.error(), (504, "upstream_timeout".into()), "{fault}");
        scene.still_serves().await;
    }
}

#[tokio::test]
async fn r07_a_key_that_is_echoed_reaches_nobody() {
    let scene = Scene::keyed().await;
    for fault in ["body=leak", "body=leak status=400", "bad-cookie"] {
        scene.fault_of_api(fault);
        let answer = scene.program.chat(&streamed("hello")).await;
        let record = scene.record_of(&answer.headers).await.to_string();
        for place in [&String::from_utf8_lossy(&answer.body).into_owned(), &record, &scene.program.log()] {
            assert!(!place.contains("sk-dora-k"), "{fault}: {place}");
        }
    }
    scene.no_problem();
}

#[tokio::test]
async fn a_refused_key_is_to_be_replaced_and_a_check_tells_when_it_is_good_again() {
    let scene = Scene::keyed().await;
    scene.fault_of_api("bad-cookie");
    scene.program.chat(&question("hello")).await;
    let account = scene.accounts().await[0].clone();
    assert_eq!((&account["kind"], &account["state"]), (&json!("api"), &json!("needs_login")));
    assert_eq!(account["advice"]["what"], "replace_key", "{account}");
    scene.heal();
    let check = scene.control("accounts.check", &json!({})).await;
    assert_eq!((&check[0]["ok"], &check[0]["quota_percent"]), (&json!(true), &json!(0.0)), "{check}");
    let account = scene.accounts().await[0].clone();
    assert_eq!((&account["budget_usd"], &account["spent_usd"]), (&json!(5.0), &json!(0.0)), "{account}");
    assert_eq!(account["budget_reset_ms"], 4_070_908_800_000_u64);
    scene.still_serves().await;
}
