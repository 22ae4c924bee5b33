//! Clients that leave, read slowly or not at all: the upstream call ends or waits, and nobody else notices.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{KEY, Scene, question, streamed};

const MANY: usize = 20;
/// Each of these takes megabytes of the system's buffers.
const FEW: usize = 8;

/// All calls ended, each because its client left; and nothing is held against the account.
async fn all_is_well(scene: &Scene, calls: usize) {
    scene
        .until(|state| {
            state.active_calls == 0
                && state.calls.iter().filter(|call| call.peer_closed_early).count() == calls
        })
        .await;
    scene.all_idle().await;
    assert_eq!(scene.standing("web-1").await, "ready");
    scene.still_serves().await;
}

#[tokio::test]
async fn f56_a_client_that_leaves_before_the_first_byte_ends_the_call() {
    for fault in ["delay=forever", "first=forever"] {
        let scene = Scene::of(&["alice"]).await;
        scene.fault(fault);
        let mut sockets = Vec::new();
        for _ in 0..MANY {
            sockets.push(scene.raw_request(&question("hello")).await);
        }
        scene.until(|state| state.calls.len() == MANY).await;
        drop(sockets);
        all_is_well(&scene, MANY).await;
        let left = |records: &[Value]| records.iter().filter(|record| record["status"] == 499).count();
        scene.records_once(|records| left(records) == MANY).await;
    }
}

#[tokio::test]
async fn f56_a_client_that_leaves_in_the_middle_of_a_stream_ends_the_call() {
    let scene = Scene::of(&["alice"]).await;
    scene.fault("stall=1");
    let mut streams = Vec::new();
    for _ in 0..MANY {
        let mut stream = scene.program.stream(&streamed("echo: one two three")).await;
        stream.next_json().await;
        streams.push(stream);
    }
    assert_eq!(scene.accounts().await[0]["running"], MANY);
    drop(streams);
    all_is_well(&scene, MANY).await;
}

#[tokio::test]
async fn f56_a_client_that_leaves_while_a_whole_reply_is_gathered_ends_the_call() {
    let scene = Scene::of(&["alice"]).await;
    scene.fault("stall=1");
    let mut sockets = Vec::new();
    for _ in 0..MANY {
        sockets.push(scene.raw_request(&question("echo: one two three")).await);
    }
    scene.until(|state| state.calls.iter().filter(|call| call.sent_chunks == 1).count() == MANY).await;
    drop(sockets);
    all_is_well(&scene, MANY).await;
}

#[tokio::test]
async fn f56_a_client_that_leaves_during_its_upload_costs_no_call() {
    let scene = Scene::of(&["alice"]).await;
    for _ in 0..MANY {
        let mut socket = TcpStream::connect(("127.0.0.1", scene.program.port)).await.unwrap();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n\
             content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{\"model\":"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
    }
    all_is_well(&scene, 0).await;
    assert_eq!(scene.asked().len(), 1, "only the request that was whole");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn f56_sockets_of_clients_that_left_are_given_back() {
    let scene = Scene::of(&["alice"]).await;
    scene.still_serves().await;
    let before = scene.open_files();
    scene.fault("delay=forever");
    let mut sockets = Vec::new();
    for _ in 0..MANY {
        sockets.push(scene.raw_request(&question("hello")).await);
    }
    scene.until(|state| state.active_calls == MANY).await;
    drop(sockets);
    scene.until(|state| state.active_calls == 0).await;
    // A few may differ: connections that both sides keep for later.
    scene.until_open_files(before + 4).await;
    scene.still_serves().await;
}

/// Bytes sent in all calls that are still running.
fn sent_to_all(scene: &Scene) -> u64 {
    scene.asked().iter().filter(|call| !call.ended).map(|call| call.sent_bytes).sum()
}

#[tokio::test]
async fn f57_clients_that_do_not_read_hold_mammouth_back_and_nobody_else() {
    let scene = Scene::of(&["alice"]).await;
    scene.fault("endless");
    let mut idle = Vec::new();
    for _ in 0..FEW {
        let mut socket = scene.raw_request(&streamed("hello")).await;
        socket.read_exact(&mut [0; 12]).await.unwrap();
        idle.push(socket);
    }
    // Held back means that nothing more is sent, however many others are served meanwhile.
    let (mut sent, mut before) = (sent_to_all(&scene), 0);
    while sent != before {
        scene.still_serves().await;
        (before, sent) = (sent, sent_to_all(&scene));
    }
    for call in scene.asked().iter().filter(|call| !call.ended) {
        // The most that the system's own buffers on the way can hold.
        assert!(call.sent_bytes < 12 * 1024 * 1024, "{} bytes for a client that reads none", call.sent_bytes);
    }
    #[cfg(target_os = "linux")]
    assert!(scene.memory() < 200 * 1024 * 1024, "{} bytes", scene.memory());
    drop(idle);
    all_is_well(&scene, FEW).await;
}

#[tokio::test]
async fn f57_a_slow_reader_gets_everything() {
    let scene = Scene::of(&["alice"]).await;
    let size: usize = 2 * 1024 * 1024;
    scene.fault(&format!("size={size}"));
    let mut request = streamed("hello");
    request["stream_options"] = serde_json::json!({ "include_usage": true });
    let mut socket = scene.raw_request(&request).await;
    let mut bytes = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    while !bytes.ends_with(b"0\r\n\r\n") {
        let read = socket.read(&mut piece).await.unwrap();
        assert!(read > 0, "the stream was cut");
        bytes.extend_from_slice(&piece[..read]);
    }
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("data: [DONE]") && text.len() > size);
    scene.still_serves().await;
}
