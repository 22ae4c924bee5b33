//! Tests of documents in every dialect that has them: passed to the API, rejected or only named over a web
//! session.

use serde_json::{Value, json};

use crate::support::{Options, TestEnv};

const PDF: &str = "JVBERi0xLjQK";

/// Requests of each dialect: one with a document in the latest message, and one with the document earlier in
/// the history.
fn requests() -> [(&'static str, Value, Value); 3] {
    let url = format!("data:application/pdf;base64,{PDF}");
    let chat = json!({ "role": "user", "content": [{ "type": "text", "text": "echo: seen" },
        { "type": "file", "file": { "filename": "a.pdf", "file_data": url } }] });
    let responses = json!({ "role": "user", "content": [{ "type": "input_text", "text": "echo: seen" },
        { "type": "input_file", "filename": "a.pdf", "file_data": url }] });
    let source = json!({ "type": "base64", "media_type": "application/pdf", "data": PDF });
    let anthropic = json!({ "role": "user", "content": [{ "type": "text", "text": "echo: seen" },
        { "type": "document", "title": "a.pdf", "source": source }] });
    let later = |first: &Value| json!([first, { "role": "assistant", "content": "Yes." }, { "role": "user", "content": "echo: on" }]);
    let body = |name: &str, list: Value| json!({ "model": "gpt-4.1", "max_tokens": 99, name: list });
    [
        ("chat/completions", "messages", chat),
        ("responses", "input", responses),
        ("messages", "messages", anthropic),
    ]
    .map(|(path, name, first)| (path, body(name, json!([first])), body(name, later(&first))))
}

#[tokio::test]
async fn documents_reach_models_of_the_api() {
    let env = TestEnv::with_api_account().await;
    for (path, asked, later) in requests() {
        for request in [asked, later] {
            env.simulator.clear_calls();
            let answer = env.program.post(&format!("/v1/{path}"), &request).await;
            assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
            let messages = Value::from(env.model_calls()[0].messages.clone());
            let parts = messages[0]["content"].as_array().unwrap();
            let file = &parts.last().unwrap()["file"];
            assert_eq!(
                (&file["filename"], file["file_data"].as_str().unwrap()),
                (&json!("a.pdf"), format!("data:application/pdf;base64,{PDF}").as_str()),
                "{path}"
            );
        }
    }
    env.still_serves().await;
}

#[tokio::test]
async fn a_web_session_refuses_a_document_and_serves_the_next_question() {
    let env = TestEnv::new(&["alice"]).await;
    for (path, asked, later) in requests() {
        let path = format!("/v1/{path}");
        let answer = env.program.post(&path, &asked).await;
        assert_eq!(answer.status, 400, "{path}: {:?}", answer.body);
        let told = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(told.contains("holds a file") && told.contains("API key"), "{told}");
        env.simulator.clear_calls();
        let answer = env.program.post(&path, &later).await;
        assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
        assert!(
            env.model_calls()[0].texts()[0].contains("the file a.pdf, whose contents cannot be shown"),
            "{path}"
        );
        let field = if path.ends_with("responses") { "input" } else { "messages.content" };
        let ignored = answer.header("x-mammouth-ignored").unwrap();
        assert!(ignored.split(", ").any(|name| name == field), "{path}: {ignored}");
    }
    env.still_serves().await;
}

#[tokio::test]
async fn a_document_goes_to_the_account_that_can_show_it() {
    let web_first = Options::default().settings("prefer = \"web\"");
    let env = TestEnv::mixed(&["alice"], &["dora"], web_first).await;
    for (path, asked, later) in requests() {
        let path = format!("/v1/{path}");
        let by = env.program.post(&path, &asked).await;
        assert_eq!(by.header("x-mammouth-account"), Some("api-1"), "{path}");
        let by = env.program.post(&path, &later).await;
        assert_eq!(by.header("x-mammouth-account"), Some("web-1"), "{path}");
    }
    env.still_serves().await;
}
