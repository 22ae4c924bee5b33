//! Tests of clients that disconnect or read slowly: the upstream call ends or waits, and other clients are
//! not affected.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{KEY, TestEnv, question, streamed};

const MANY_CLIENTS: usize = 20;
/// Number of open connections; each uses megabytes of the system's buffers.
const KEPT_OPEN_FILES: usize = 8;

/// Waits until all calls have ended by the disconnection of their client, and checks that the account is
/// still ready.
async fn check_still_serving(env: &TestEnv, calls: usize) {
    env.wait_for(|state| {
        state.active_calls == 0 && state.calls.iter().filter(|call| call.peer_closed_early).count() == calls
    })
    .await;
    env.wait_until_idle().await;
    assert_eq!(env.account_state("web-1").await, "ready");
    env.still_serves().await;
}

#[tokio::test]
async fn f56_a_client_that_leaves_before_the_first_byte_ends_the_call() {
    for fault in ["delay=forever", "first=forever"] {
        let env = TestEnv::new(&["alice"]).await;
        env.set_web_fault(fault);
        let mut sockets = Vec::new();
        for _ in 0..MANY_CLIENTS {
            sockets.push(env.raw_request(&question("hello")).await);
        }
        env.wait_for(|state| state.calls.len() == MANY_CLIENTS).await;
        drop(sockets);
        check_still_serving(&env, MANY_CLIENTS).await;
        let left = |records: &[Value]| records.iter().filter(|record| record["status"] == 499).count();
        env.wait_for_records(|records| left(records) == MANY_CLIENTS).await;
    }
}

#[tokio::test]
async fn f56_a_client_that_leaves_in_the_middle_of_a_stream_ends_the_call() {
    let env = TestEnv::new(&["alice"]).await;
    env.set_web_fault("stall=1");
    let mut streams = Vec::new();
    for _ in 0..MANY_CLIENTS {
        let mut stream = env.program.stream(&streamed("echo: one two three")).await;
        stream.next_json().await;
        streams.push(stream);
    }
    assert_eq!(env.accounts().await[0]["running"], MANY_CLIENTS);
    drop(streams);
    check_still_serving(&env, MANY_CLIENTS).await;
}

#[tokio::test]
async fn f56_a_client_that_leaves_while_a_whole_reply_is_gathered_ends_the_call() {
    let env = TestEnv::new(&["alice"]).await;
    env.set_web_fault("stall=1");
    let mut sockets = Vec::new();
    for _ in 0..MANY_CLIENTS {
        sockets.push(env.raw_request(&question("echo: one two three")).await);
    }
    env.wait_for(|state| state.calls.iter().filter(|call| call.sent_chunks == 1).count() == MANY_CLIENTS)
        .await;
    drop(sockets);
    check_still_serving(&env, MANY_CLIENTS).await;
}

#[tokio::test]
async fn f56_a_client_that_leaves_during_its_upload_costs_no_call() {
    let env = TestEnv::new(&["alice"]).await;
    for _ in 0..MANY_CLIENTS {
        let mut socket = TcpStream::connect(("127.0.0.1", env.program.port)).await.unwrap();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n\
             content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{\"model\":"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
    }
    check_still_serving(&env, 0).await;
    assert_eq!(env.model_calls().len(), 1, "only the request that was whole");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn f56_sockets_of_clients_that_left_are_given_back() {
    let env = TestEnv::new(&["alice"]).await;
    env.still_serves().await;
    let before = env.open_files();
    env.set_web_fault("delay=forever");
    let mut sockets = Vec::new();
    for _ in 0..MANY_CLIENTS {
        sockets.push(env.raw_request(&question("hello")).await);
    }
    env.wait_for(|state| state.active_calls == MANY_CLIENTS).await;
    drop(sockets);
    env.wait_for(|state| state.active_calls == 0).await;
    // A few may differ: connections that both sides keep for later.
    env.wait_for_open_files(before + 4).await;
    env.still_serves().await;
}

/// Total number of bytes sent in all running calls.
fn sent_to_all(env: &TestEnv) -> u64 {
    env.model_calls().iter().filter(|call| !call.ended).map(|call| call.sent_bytes).sum()
}

#[tokio::test]
async fn f57_clients_that_do_not_read_slow_only_their_own_upstream_streams() {
    let env = TestEnv::new(&["alice"]).await;
    env.set_web_fault("endless");
    let mut idle = Vec::new();
    for _ in 0..KEPT_OPEN_FILES {
        let mut socket = env.raw_request(&streamed("hello")).await;
        socket.read_exact(&mut [0; 12]).await.unwrap();
        idle.push(socket);
    }
    // Backpressure: nothing more is sent, while other requests are served.
    let (mut sent, mut before) = (sent_to_all(&env), 0);
    while sent != before {
        env.still_serves().await;
        (before, sent) = (sent, sent_to_all(&env));
    }
    for call in env.model_calls().iter().filter(|call| !call.ended) {
        // The most that the system's own buffers on the way can hold.
        assert!(call.sent_bytes < 12 * 1024 * 1024, "{} bytes for a client that reads none", call.sent_bytes);
    }
    #[cfg(target_os = "linux")]
    assert!(env.memory() < 200 * 1024 * 1024, "{} bytes", env.memory());
    drop(idle);
    check_still_serving(&env, KEPT_OPEN_FILES).await;
}

#[tokio::test]
async fn f57_a_slow_reader_gets_everything() {
    let env = TestEnv::new(&["alice"]).await;
    let size: usize = 2 * 1024 * 1024;
    env.set_web_fault(&format!("size={size}"));
    let mut request = streamed("hello");
    request["stream_options"] = serde_json::json!({ "include_usage": true });
    let mut socket = env.raw_request(&request).await;
    let mut bytes = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    while !bytes.ends_with(b"0\r\n\r\n") {
        let read = socket.read(&mut piece).await.unwrap();
        assert!(read > 0, "the stream was cut");
        bytes.extend_from_slice(&piece[..read]);
    }
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("data: [DONE]") && text.len() > size);
    env.still_serves().await;
}
