//! Time limits and the cap.

use super::*;

#[tokio::test]
async fn p09_a_half_sent_head_is_closed_while_idle_connections_stay() {
    let (server, service) = start(Limits { header_timeout: SOON, ..patient() }).await;
    let mut idle = Client::connect(server.addr()).await;
    assert!(idle.is_served().await);
    let mut silent = Client::connect(server.addr()).await;
    let mut half = Client::connect(server.addr()).await;
    half.send("GET /half HTTP/1.1\r\nhost: loc").await;
    assert_eq!(half.rest().await, "");
    assert!(idle.is_served().await && silent.is_served().await);
    assert_eq!(service.asked(), ["/again"; 3]);
}

#[tokio::test]
async fn p09_a_second_head_has_the_same_time() {
    let (server, _) = start(Limits { header_timeout: SOON, ..patient() }).await;
    let mut client = Client::connect(server.addr()).await;
    assert!(client.is_served().await);
    client.send("GET").await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn p11_silent_and_idle_connections_end_and_running_answers_do_not() {
    let (server, service) = start(Limits { idle_timeout: SOON, ..patient() }).await;
    let mut stream = Client::begun(server.addr(), "/stream").await;
    let mut held = Client::connect(server.addr()).await;
    held.ask("/held").await;
    service.was_asked("/held").await;
    let mut silent = Client::connect(server.addr()).await;
    assert_eq!(silent.rest().await, "");
    service.go.add_permits(2);
    assert!(stream.rest().await.contains("last"));
    assert!(held.rest().await.ends_with("held"));
}

#[tokio::test]
async fn p11_at_the_cap_the_oldest_idle_connection_makes_room() {
    let (server, _) = start(Limits { max_connections: 2, ..patient() }).await;
    let mut first = Client::connect(server.addr()).await;
    assert!(first.is_served().await);
    let mut second = Client::connect(server.addr()).await;
    assert!(second.is_served().await);
    let mut third = Client::connect(server.addr()).await;
    assert!(third.is_served().await);
    assert_eq!(first.rest().await, "");
    assert!(second.is_served().await);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn p11_a_full_house_answers_503_and_running_answers_go_on() {
    let (server, service) = start(Limits { max_connections: 1, ..patient() }).await;
    let mut stream = Client::begun(server.addr(), "/stream").await;
    let mut other = Client::connect(server.addr()).await;
    other.ask("/other").await;
    let answer = other.rest().await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\"overloaded\""), "{answer}");
    assert!(answer.contains("connection: close") && answer.contains("retry-after: 1"), "{answer}");
    service.go.add_permits(1);
    stream.until("last\r\n0\r\n\r\n").await;
    assert!(stream.is_served().await);
    assert_eq!(service.asked(), ["/stream", "/again"]);
}

#[tokio::test]
async fn f57_a_peer_that_never_reads_is_cut() {
    let (server, service) = start(Limits { write_stall: SOON, ..patient() }).await;
    let mut client = Client::connect(server.addr()).await;
    client.ask("/endless").await;
    within(service.gone.acquire()).await.expect("open").forget();
}

#[tokio::test]
async fn f57_a_peer_that_reads_gets_everything() {
    let (server, service) = start(patient()).await;
    let mut client = Client::connect(server.addr()).await;
    client.ask("/endless").await;
    let mut much = vec![0; 8 << 20];
    within(client.0.read_exact(&mut much)).await.expect("it goes on");
    drop(client);
    within(service.gone.acquire()).await.expect("open").forget();
    assert!(within(server.stop(LONG)).await.cut == 0);
}

#[tokio::test]
async fn f56_a_client_that_leaves_ends_its_answer() {
    let (server, service) = start(patient()).await;
    let mut client = Client::connect(server.addr()).await;
    client.ask("/held").await;
    service.was_asked("/held").await;
    drop(Client::begun(server.addr(), "/stream").await);
    drop(client);
    // Nothing lets these answers go on, so a stop in time is the proof that both were given up.
    assert_eq!(within(server.stop(LONG)).await, Drained { cut: 0 });
    assert_eq!(server.connections(), 0);
}
