//! Time limits and the connection cap.

use super::*;

#[tokio::test]
async fn p09_a_half_sent_head_is_closed_while_idle_connections_stay() {
    let (server, service) =
        start(ConnectionLimits { header_timeout: SHORT_TIMEOUT, ..generous_limits() }).await;
    let mut idle = TestClient::connect(server.addr()).await;
    assert!(idle.is_served().await);
    let mut silent = TestClient::connect(server.addr()).await;
    let mut half = TestClient::connect(server.addr()).await;
    half.send("GET /half HTTP/1.1\r\nhost: loc").await;
    assert_eq!(half.read_to_close().await, "");
    assert!(idle.is_served().await && silent.is_served().await);
    assert_eq!(service.requests(), ["/again"; 3]);
}

#[tokio::test]
async fn p09_a_second_head_has_the_same_timeout() {
    let (server, _) = start(ConnectionLimits { header_timeout: SHORT_TIMEOUT, ..generous_limits() }).await;
    let mut client = TestClient::connect(server.addr()).await;
    assert!(client.is_served().await);
    client.send("GET").await;
    assert_eq!(client.read_to_close().await, "");
}

#[tokio::test]
async fn p11_silent_and_idle_connections_end_and_running_answers_do_not() {
    let (server, service) =
        start(ConnectionLimits { idle_timeout: SHORT_TIMEOUT, ..generous_limits() }).await;
    let mut stream = TestClient::connect_and_get(server.addr(), "/stream").await;
    let mut held = TestClient::connect(server.addr()).await;
    held.send_get("/held").await;
    service.wait_for_request("/held").await;
    let mut silent = TestClient::connect(server.addr()).await;
    assert_eq!(silent.read_to_close().await, "");
    service.release.add_permits(2);
    assert!(stream.read_to_close().await.contains("last"));
    assert!(held.read_to_close().await.ends_with("held"));
}

#[tokio::test]
async fn p11_at_the_cap_the_longest_idle_connection_is_evicted() {
    let (server, _) = start(ConnectionLimits { max_connections: 2, ..generous_limits() }).await;
    let mut first = TestClient::connect(server.addr()).await;
    assert!(first.is_served().await);
    let mut second = TestClient::connect(server.addr()).await;
    assert!(second.is_served().await);
    let mut third = TestClient::connect(server.addr()).await;
    assert!(third.is_served().await);
    assert_eq!(first.read_to_close().await, "");
    assert!(second.is_served().await);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn p11_at_the_cap_new_connections_get_503_and_running_answers_go_on() {
    let (server, service) = start(ConnectionLimits { max_connections: 1, ..generous_limits() }).await;
    let mut stream = TestClient::connect_and_get(server.addr(), "/stream").await;
    let mut other = TestClient::connect(server.addr()).await;
    other.send_get("/other").await;
    let answer = other.read_to_close().await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\"overloaded\""), "{answer}");
    assert!(answer.contains("connection: close") && answer.contains("retry-after: 1"), "{answer}");
    service.release.add_permits(1);
    stream.read_until("last\r\n0\r\n\r\n").await;
    assert!(stream.is_served().await);
    assert_eq!(service.requests(), ["/stream", "/again"]);
}

#[tokio::test]
async fn f57_a_peer_that_never_reads_is_cut() {
    let (server, service) =
        start(ConnectionLimits { write_stall_timeout: SHORT_TIMEOUT, ..generous_limits() }).await;
    let mut client = TestClient::connect(server.addr()).await;
    client.send_get("/endless").await;
    with_timeout(service.dropped_bodies.acquire()).await.expect("open").forget();
}

#[tokio::test]
async fn f57_an_unread_stream_holds_at_most_256_kb() {
    let limits = ConnectionLimits { write_stall_timeout: SHORT_TIMEOUT, ..generous_limits() };
    let (server, service) = start(limits).await;
    let mut client = TestClient::connect_narrow(server.addr()).await;
    client.send_get("/endless").await;
    // The connection is cut after it has stalled, so everything that the buffers hold was produced by then.
    with_timeout(service.dropped_bodies.acquire()).await.expect("open").forget();
    let produced = service.produced.load(Ordering::Relaxed);
    assert!((1..=256 << 10).contains(&produced), "{produced} bytes");
}

#[tokio::test]
async fn f57_unread_complete_responses_share_one_limit() {
    let limits = ConnectionLimits { unread: unread(BIG as u64 * 3 / 2), ..generous_limits() };
    let (server, service) = start(limits).await;
    let mut silent = TestClient::connect_narrow(server.addr()).await;
    silent.send_get("/big").await;
    service.wait_for_request("/big").await;
    let mut reader = TestClient::connect(server.addr()).await;
    assert!(reader.is_served().await);
    // The reader gets every response; the other connection is cut once it has stalled.
    with_timeout(async {
        while server.connections() > 1 {
            reader.send_get("/big").await;
            reader.read_response(BIG).await;
        }
    })
    .await;
    assert!(silent.read_to_close().await.len() < BIG);
    assert!(reader.is_served().await);
}

#[tokio::test]
async fn f57_a_complete_response_below_the_limit_waits_for_its_reader() {
    let limits = ConnectionLimits { unread: unread(BIG as u64), ..generous_limits() };
    let (server, service) = start(limits).await;
    let mut slow = TestClient::connect_narrow(server.addr()).await;
    slow.send_get("/big").await;
    service.wait_for_request("/big").await;
    let mut other = TestClient::connect(server.addr()).await;
    assert!(other.is_served().await);
    slow.read_response(BIG).await;
    assert!(slow.is_served().await);
}

#[tokio::test]
async fn f57_a_peer_that_reads_gets_everything() {
    let (server, service) = start(generous_limits()).await;
    let mut client = TestClient::connect(server.addr()).await;
    client.send_get("/endless").await;
    let mut buffer = vec![0; 8 << 20];
    with_timeout(client.0.read_exact(&mut buffer)).await.expect("it goes on");
    drop(client);
    with_timeout(service.dropped_bodies.acquire()).await.expect("open").forget();
    assert!(with_timeout(server.stop(LONG_GRACE)).await.cut == 0);
}

#[tokio::test]
async fn f56_a_disconnected_client_ends_its_answer() {
    let (server, service) = start(generous_limits()).await;
    let mut client = TestClient::connect(server.addr()).await;
    client.send_get("/held").await;
    service.wait_for_request("/held").await;
    drop(TestClient::connect_and_get(server.addr(), "/stream").await);
    drop(client);
    // Nothing releases these responses, so a stop in time proves that both were dropped.
    assert_eq!(with_timeout(server.stop(LONG_GRACE)).await, Drained { cut: 0 });
    assert_eq!(server.connections(), 0);
}
