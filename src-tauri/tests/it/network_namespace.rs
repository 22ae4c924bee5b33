//! Tests on a network with other addresses than loopback, and on one that changes.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{
    Options, Program, in_network_namespace, post, question, run_shell, simulator, streamed, wait_until,
};

/// An address of this machine that others can reach.
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(10, 9, 9, 1);

#[tokio::test]
async fn n11_from_the_network_nothing_is_there() {
    if !in_network_namespace("network_namespace::n11_from_the_network_nothing_is_there").await {
        return;
    }
    run_shell(&format!("ip address add {OUTSIDE}/24 dev lo")).await;
    let reached = async |ip: Ipv4Addr, port: u16| TcpStream::connect((IpAddr::V4(ip), port)).await.is_ok();
    let simulator = simulator(&[]).await;
    let program = Program::start(&simulator).await;
    assert!(reached(Ipv4Addr::LOCALHOST, program.port).await);
    assert!(!reached(OUTSIDE, program.port).await);
    let switched = program.control("port.switch", &json!({ "port": 0 })).await.json();
    let port = switched["address"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    assert!(reached(Ipv4Addr::LOCALHOST, port).await);
    assert!(!reached(OUTSIDE, port).await);
    program.stop().await;
    // A program that listens on all addresses on purpose is reached in the same way.
    let program = Program::start_with(&simulator, Options::default().env("HOST", "0.0.0.0")).await;
    assert!(reached(OUTSIDE, program.port).await);
}

/// Checks the loss and return of the address through which the upstream is reached.
#[tokio::test]
async fn f43_a_network_that_goes_costs_its_answers_and_comes_back_by_itself() {
    if !in_network_namespace(
        "network_namespace::f43_a_network_that_goes_costs_its_answers_and_comes_back_by_itself",
    )
    .await
    {
        return;
    }
    let simulator = simulator(&["alice"]).await;
    let far = TcpListener::bind("127.9.9.9:0").await.unwrap();
    let options = Options::default()
        .settings("[limits]\nidle_seconds = 1\n")
        .env("MAMMOUTH_WEB_URL", format!("http://{}", far.local_addr().unwrap()));
    tokio::spawn(relay(far, simulator.base_url().strip_prefix("http://").unwrap().to_owned()));
    let program = Program::start_with(&simulator, options).await;
    assert_eq!(program.chat(&question("echo: before")).await.text(), "before");

    simulator.set_faults(vec![crate::support::web_fault("gate")]);
    simulator.release(1);
    let mut stream = program.stream(&streamed(r#"echo-chunks: ["first","second"]"#)).await;
    assert_eq!(stream.next_json().await["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(stream.next_json().await["choices"][0]["delta"]["content"], "first");
    run_shell("ip route add unreachable 127.9.9.9/32 table local").await;
    simulator.release(100);
    let events = stream.all().await;
    assert!(events.last().unwrap().contains("stream_interrupted"), "{events:?}");
    assert!(!events.contains(&"[DONE]".to_owned()));

    simulator.set_faults(Vec::new());
    let gone = program.chat(&question("echo: during")).await;
    assert!(matches!(gone.status, 503 | 504), "{gone:?}");
    assert_eq!(program.get("/healthz").await.status, 200, "this machine is as near as before");
    assert_eq!(program.get("/v1/models").await.status, 200);

    run_shell("ip route del unreachable 127.9.9.9/32 table local").await;
    let back = program.chat(&question("echo: after")).await;
    assert_eq!((back.status, back.text().as_str()), (200, "after"), "the first request after it");
    program.stop().await;
}

async fn relay(listener: TcpListener, to: String) {
    while let Ok((mut near, _)) = listener.accept().await {
        let to = to.clone();
        tokio::spawn(async move {
            let mut far = TcpStream::connect(&to).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
        });
    }
}

/// Checks a client that disappeared from the network. The system reports a silent peer as gone after 45
/// seconds.
#[tokio::test]
async fn f58_a_client_that_vanished_from_the_network_ends_its_answer() {
    if !in_network_namespace("network_namespace::f58_a_client_that_vanished_from_the_network_ends_its_answer")
        .await
    {
        return;
    }
    run_shell(&format!("ip address add {OUTSIDE}/24 dev lo")).await;
    run_shell("ip address add 10.9.9.2/24 dev lo").await;
    let simulator = simulator(&["alice"]).await;
    let options = Options::default().env("HOST", OUTSIDE.to_string());
    let program = Program::start_with(&simulator, options).await;
    simulator.set_faults(vec![crate::support::web_fault("gate")]);
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("10.9.9.2:0".parse().unwrap()).unwrap();
    let mut client = socket.connect((OUTSIDE, program.port).into()).await.unwrap();
    let body = streamed("echo: one two three four five six").to_string();
    let length = format!("Content-Length: {}", body.len());
    client.write_all(&post("/v1/chat/completions", &[&length], body.as_bytes())).await.unwrap();
    simulator.release(1);
    let mut first = [0; 12];
    client.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    run_shell("ip route replace unreachable 10.9.9.2/32 table local").await;
    simulator.release(1);
    wait_until("the call ends", async || simulator.active_calls() == 0).await;
    assert!(simulator.calls().iter().any(|call| call.peer_closed_early));
    drop(client);
}
