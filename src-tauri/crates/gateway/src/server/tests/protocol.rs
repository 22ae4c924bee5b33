//! HTTP versions, pipelining, and malformed or smuggled requests.

use super::*;

#[tokio::test]
async fn n10_h2c_by_prior_knowledge_is_closed_without_an_answer() {
    let (server, service) = start(generous_limits()).await;
    let mut client = TestClient::connect(server.addr()).await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    assert!(!client.read_to_close().await.contains("200"));
    assert!(service.requests().is_empty());
}

#[tokio::test]
async fn n10_an_h2c_upgrade_offer_is_ignored() {
    let (server, _) = start(generous_limits()).await;
    let mut client = TestClient::connect(server.addr()).await;
    client.send("GET /x HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n").await;
    assert!(client.read_until("hello /x").await.starts_with("HTTP/1.1 200"));
    assert!(client.is_served().await);
}

#[tokio::test]
async fn n14_the_peer_is_the_socket_and_not_a_header() {
    let (server, _) = start(generous_limits()).await;
    let mut client = TestClient::connect(server.addr()).await;
    client
        .send("GET /peer HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 9.9.9.9\r\nforwarded: for=9.9.9.9\r\n\r\n")
        .await;
    client.read_until(&client.0.local_addr().expect("connected").to_string()).await;
}

#[tokio::test]
async fn p13_pipelined_requests_are_answered_in_order() {
    let (server, service) = start(generous_limits()).await;
    let mut client = TestClient::connect(server.addr()).await;
    let requests: String = (0..200).map(|n| format!("GET /{n}. HTTP/1.1\r\nhost: a\r\n\r\n")).collect();
    client.send(requests).await;
    for n in 0..200 {
        client.read_until(&format!("hello /{n}.")).await;
    }
    assert_eq!(service.requests().len(), 200);
}

#[tokio::test]
async fn p13_pipelined_requests_run_one_at_a_time() {
    let (server, service) = start(generous_limits()).await;
    let mut client = TestClient::connect(server.addr()).await;
    client.send("GET /held HTTP/1.1\r\nhost: a\r\n\r\nGET /second HTTP/1.1\r\nhost: a\r\n\r\n").await;
    service.wait_for_request("/held").await;
    assert!(!service.requests().contains(&"/second".to_owned()));
    service.release.add_permits(1);
    client.read_until("hello /second").await;
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let (server, _) = start(generous_limits()).await;
    let mut client = TestClient::connect(server.addr()).await;
    client.send("GET /old HTTP/1.0\r\nhost: a\r\n\r\n").await;
    assert!(client.read_to_close().await.ends_with("hello /old"));
}

#[tokio::test]
async fn p08_oversized_heads_are_rejected_and_closed() {
    let (server, service) = start(generous_limits()).await;
    let many: String = (0..101).map(|n| format!("x-{n}: y\r\n")).collect();
    let long = "x".repeat(500_000);
    for (head, status) in [
        (format!("GET / HTTP/1.1\r\nhost: a\r\n{many}\r\n"), "HTTP/1.1 431"),
        (format!("GET / HTTP/1.1\r\nhost: a\r\nx: {long}\r\n\r\n"), "HTTP/1.1 431"),
        (format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", &long[..66_000]), "HTTP/1.1 4"),
    ] {
        let mut client = TestClient::connect(server.addr()).await;
        client.send(head).await;
        let answer = client.read_to_close().await;
        assert!(answer.starts_with(status), "{answer:?}");
        assert_fixed_headers_and_json_error(&answer);
    }
    assert!(service.requests().is_empty());
}

#[tokio::test]
async fn w03_malformed_heads_get_the_fixed_headers_and_a_body() {
    let (server, _) = start(generous_limits()).await;
    for head in ["nonsense\r\n\r\n", "GET / HTTP/1.1\r\nhost: a\r\nno colon\r\n\r\n"] {
        let mut client = TestClient::connect(server.addr()).await;
        client.send("GET /first HTTP/1.1\r\nhost: a\r\n\r\n").await;
        client.read_until("hello /first").await;
        client.send(head).await;
        let answer = client.read_to_close().await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer:?}");
        assert_fixed_headers_and_json_error(&answer);
    }
}

/// The security headers, and an error in OpenAI's format.
fn assert_fixed_headers_and_json_error(answer: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole head");
    for header in ["x-content-type-options: nosniff", "cache-control: no-store", "connection: close"] {
        assert!(head.contains(header), "{answer:?}");
    }
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert!(body["error"]["code"].is_string(), "{body}");
}

#[tokio::test]
async fn p12_smuggled_requests_never_run() {
    let (server, service) = start(generous_limits()).await;
    let hidden = "GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n";
    for head in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
        "content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        "content-length: +5\r\n\r\nhello",
        "transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n5;\n\r\nhello\r\n0\r\n\r\n",
        "x: a\r\n folded\r\n\r\n",
        "x: a\0b\r\n\r\n",
        "x: a\rb\r\n\r\n",
    ] {
        let mut client = TestClient::connect(server.addr()).await;
        client.send(format!("POST /echo HTTP/1.1\r\nhost: a\r\n{head}{hidden}")).await;
        let answer = client.read_to_close().await;
        assert!(!answer.contains("hello /hidden"), "{head:?}: {answer:?}");
        assert!(!service.requests().contains(&"/hidden".to_owned()), "{head:?}");
    }
}

#[tokio::test]
async fn p01_an_answer_before_the_end_of_the_body_reaches_a_client_that_still_sends() {
    let (server, _) = start(generous_limits()).await;
    let mut client = TestClient::connect(server.addr()).await;
    client.send("POST /early HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000000\r\n\r\n").await;
    client.send(vec![0; 8 << 20]).await;
    client.read_until("hello /early").await;
}
