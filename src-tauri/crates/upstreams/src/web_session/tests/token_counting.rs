//! Tests that the prompt's tokens are counted during the call and that no text waits for the count.

use std::sync::mpsc;

use tokio::sync::oneshot;

use super::*;
use crate::transport::prompt_tokens::PromptTokens;
use protocol::Tokenizer;

const RESPONSE_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\n";

fn load() {
    Tokenizer::shared().load();
}

/// Returns a request with a token limit, as agents send it.
fn limited() -> Arc<Request> {
    let request = request(vec![Part::Text("Hello".to_owned())], true);
    Arc::new(Request { max_tokens: Some(1_000), ..request })
}

/// Asserts that the first token arrives while `prompt` waits for `release`, and the count at the end.
async fn assert_first_token_precedes_count(prompt: PromptTokens, release: &mpsc::Sender<()>) {
    let server = StepServer::start(|_| vec![Step::Send(RESPONSE_HEAD.into()), Step::Send("Hi".into())]).await;
    let web = web(&server);
    let reply = web.chat_while_counting(&account("a"), limited(), "openai-gpt-5", true, prompt).await;
    let mut events = reply.unwrap().events;
    assert_eq!(events.next().await.unwrap().unwrap(), Event::Text("Hi".to_owned()));
    release.send(()).unwrap();
    let Event::Done { usage, .. } = events.next().await.unwrap().unwrap() else { panic!("the end follows") };
    assert_eq!(usage.prompt_tokens, 42);
}

#[tokio::test]
async fn the_first_token_does_not_wait_for_the_count() {
    let (release, held) = mpsc::channel::<()>();
    let prompt = PromptTokens::start_with(load, move || held.recv().map_or(0, |()| 42));
    assert_first_token_precedes_count(prompt, &release).await;
}

#[tokio::test]
async fn the_first_token_does_not_wait_for_the_vocabulary() {
    let (release, held) = mpsc::channel::<()>();
    let prompt = PromptTokens::start_with(move || held.recv().unwrap_or_default(), || 42);
    assert_first_token_precedes_count(prompt, &release).await;
}

#[tokio::test]
async fn the_count_starts_before_the_response_head_arrives() {
    let server =
        StepServer::start(|_| vec![Step::Wait, Step::Send(RESPONSE_HEAD.into()), Step::Send("Hi".into())])
            .await;
    let web = web(&server);
    let (begun, begins) = oneshot::channel();
    let count = move || begun.send(()).map_or(0, |()| 42);
    let prompt = PromptTokens::start_with(load, count);
    let (credential, request) = (account("a"), limited());
    let asking = web.chat_while_counting(&credential, request, "openai-gpt-5", true, prompt);
    let heard = async {
        begins.await.unwrap();
        server.release_step();
    };
    let (reply, ()) = tokio::join!(asking, heard);
    assert!(reply.is_ok());
}

#[tokio::test]
async fn a_long_prompt_is_counted_from_the_start_of_a_call() {
    let long = request(vec![Part::Text("word ".repeat(10_000))], true);
    let prompt = PromptTokens::start(Arc::new(long), Tokenizer::shared());
    assert!(matches!(prompt, PromptTokens::Running(_)));
}
