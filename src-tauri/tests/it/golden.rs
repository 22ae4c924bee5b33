//! Golden conversations: requests of real clients, the resulting upstream calls, and the replies. Each file
//! of `tests/golden` is one exchange, without ids, times and durations, which differ in every run.
//! `GOLDEN_WRITE=1` rewrites the files for review.

use serde_json::{Value, json};

use crate::support::{Answer, KEY, TestEnv};
use crate::tidy::root;

/// Fields whose values differ in every run.
const RUN_SPECIFIC_FIELDS: [&str; 8] = [
    "id",
    "item_id",
    "call_id",
    "created",
    "created_at",
    "total_duration",
    "prompt_eval_duration",
    "eval_duration",
];

fn normal(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let of_the_run = |name: &str| RUN_SPECIFIC_FIELDS.contains(&name);
            let members = members.into_iter().map(|(name, value)| {
                let value = if of_the_run(&name) { json!("*") } else { normal(value) };
                (name, value)
            });
            Value::Object(members.collect())
        }
        Value::Array(items) => items.into_iter().map(normal).collect(),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

/// The body, or the events of a stream.
fn reply_content(answer: &Answer) -> Value {
    let text = String::from_utf8(answer.body.to_vec()).expect("UTF-8");
    let event = |line: &str| match line {
        "[DONE]" => json!("[DONE]"),
        line => normal(serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"))),
    };
    match answer.header("content-type") {
        Some("application/x-ndjson") => text.lines().map(event).collect(),
        Some(sse) if sse.starts_with("text/event-stream") => {
            text.lines().filter_map(|line| line.strip_prefix("data: ")).map(event).collect()
        }
        _ => event(&text),
    }
}

#[tokio::test]
async fn every_exchange_matches_its_recording() {
    let env = TestEnv::new(&["alice"]).await;
    let folder = root().join("tests/golden");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 12, "the exchanges are there");
    for path in paths {
        let mut golden: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let what = format!("{} ({})", path.file_stem().unwrap().to_string_lossy(), golden["client"]);
        env.simulator.clear_calls();
        let url = format!("{}{}", env.program.base, golden["path"].as_str().unwrap());
        let mut request = env.program.http.post(url).header("content-type", "application/json");
        let key_header = golden["key_header"].as_str().unwrap_or("authorization");
        let key = if key_header == "authorization" { format!("Bearer {KEY}") } else { KEY.to_owned() };
        request = request.header(key_header, key);
        for (name, value) in golden["headers"].as_object().into_iter().flatten() {
            request = request.header(name, value.as_str().unwrap());
        }
        let answer = Answer::of(request.body(golden["request"].to_string()).send().await).await;
        assert_eq!(answer.status, 200, "{what}: {:?}", answer.body);
        let ignored = answer.header("x-mammouth-ignored").unwrap_or_default();
        let found = json!({ "turns": env.model_calls()[0].texts(), "ignored": ignored, "answer": reply_content(&answer) });
        if std::env::var_os("GOLDEN_WRITE").is_some() {
            golden["expected"] = found.clone();
            std::fs::write(&path, format!("{golden:#}\n")).unwrap();
        }
        assert_eq!(found, golden["expected"], "{what}\nfound: {found}");
    }
    env.still_serves().await;
}
