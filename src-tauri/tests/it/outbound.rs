//! Tests of connections to Mammouth through proxies from Debian: the route of a connection, errors, and that
//! no output contains the password.

use std::net::{IpAddr, SocketAddr};

use mock_upstream::MockAccount;
use serde_json::json;

use crate::support::{
    Answer, Options, PROXY, PROXY_NAME, PUBLIC, PUBLIC_NAME, Program, ProxiedNetwork, SITE, TestEnv,
    TlsFront, in_network_namespace, question, simulator, simulator_with, stderr_text, stdout_text, streamed,
    wait_until, web_fault,
};

const PASSWORD: &str = "canary-7f3a";
const AUTH: Option<(&str, &str)> = Some(("ana", PASSWORD));
const HTTP_PORT: u16 = 3128;
const SOCKS_PORT: u16 = 1080;
const VIA_PROXY: [IpAddr; 1] = [IpAddr::V4(PROXY)];
const DIRECT: [IpAddr; 1] = [IpAddr::V4(SITE)];

/// URL of the HTTP proxy.
fn http_proxy(password: &str) -> String {
    format!("http://ana:{password}@{PROXY}:{HTTP_PORT}")
}

/// Options with both upstreams at the site's name; `prefer` selects the kind of account.
fn to(site: &TlsFront, ca_file: &str, prefer: &str) -> Options {
    Options::default()
        .settings(&format!("prefer = \"{prefer}\"\n"))
        .env("MAMMOUTH_WEB_URL", site.url())
        .env("MAMMOUTH_API_URL", site.url())
        .env("EXTRA_CA_FILE", ca_file)
}

async fn ask(program: &Program) -> Answer {
    program.chat(&question("echo: through")).await
}

fn message(answer: &Answer) -> String {
    answer.json()["error"]["message"].as_str().expect("a message").to_owned()
}

/// Checks that no output of the program contains the password.
fn check_no_password(program: &Program, texts: &[String]) {
    let settings = std::fs::read_to_string(program.dir.path().join("settings.toml")).unwrap_or_default();
    for text in texts.iter().chain([&program.log(), &settings]) {
        assert!(!text.contains(PASSWORD), "{text}");
    }
}

#[tokio::test]
async fn both_upstreams_go_through_an_http_proxy() {
    if !in_network_namespace("outbound::both_upstreams_go_through_an_http_proxy").await {
        return;
    }
    let network = ProxiedNetwork::new().await;
    let proxy = network.tinyproxy(HTTP_PORT, AUTH).await;
    for prefer in ["only-web", "only-api"] {
        let (env, site) = proxied_env(&network, prefer, "HTTPS_PROXY", &http_proxy(PASSWORD)).await;
        let answer = ask(&env.program).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "through"), "{prefer}");
        assert_eq!(site.take_peers(), VIA_PROXY, "{prefer}");
        let doctor = env.program.cli(&["doctor"]).await;
        let said = stdout_text(&doctor);
        assert!(
            said.contains(&format!("proxy http://{PROXY}:{HTTP_PORT}, which HTTPS_PROXY names")),
            "{said}"
        );
        assert!(said.contains("ca.pem"), "{said}");
        check_no_password(&env.program, &[said, stderr_text(&doctor)]);
        env.program.stop().await;
    }
    assert!(proxy.log().contains("CONNECT mammouth.test"), "{}", proxy.log());
}

/// A program whose upstreams are at the site's name, with a proxy in a variable.
async fn proxied_env(
    network: &ProxiedNetwork,
    prefer: &str,
    variable: &str,
    proxy: &str,
) -> (TestEnv, TlsFront) {
    let simulator = simulator_with(vec![MockAccount::web("alice"), MockAccount::api("dora")]).await;
    let site = network.site(&simulator).await;
    let options = to(&site, &network.ca_file(), prefer).env(variable, proxy);
    let program = Program::start_with(&simulator, options).await;
    (TestEnv { simulator, program }, site)
}

#[tokio::test]
async fn socks_proxies_and_tls_proxies_are_spoken_to() {
    if !in_network_namespace("outbound::socks_proxies_and_tls_proxies_are_spoken_to").await {
        return;
    }
    let network = ProxiedNetwork::new().await;
    let _socks = network.microsocks(SOCKS_PORT, AUTH).await;
    let _http = network.tinyproxy(HTTP_PORT, AUTH).await;
    let secure = SocketAddr::from((PROXY, 0));
    let secure = network.tls_front(PROXY_NAME, secure, SocketAddr::from((PROXY, HTTP_PORT))).await;
    for proxy in [
        format!("socks5://ana:{PASSWORD}@{PROXY_NAME}:{SOCKS_PORT}"),
        format!("socks5h://ana:{PASSWORD}@{PROXY}:{SOCKS_PORT}"),
        format!("https://ana:{PASSWORD}@{PROXY_NAME}:{}", secure.address.port()),
    ] {
        let (env, site) = proxied_env(&network, "only-web", "all_proxy", &proxy).await;
        let answer = ask(&env.program).await;
        assert_eq!(answer.status, 200, "{proxy} {:?}", answer.body);
        assert_eq!(site.take_peers(), VIA_PROXY, "{proxy}");
        env.program.stop().await;
    }
}

#[tokio::test]
async fn exceptions_go_direct() {
    if !in_network_namespace("outbound::exceptions_go_direct").await {
        return;
    }
    let network = ProxiedNetwork::new().await;
    let _proxy = network.tinyproxy(HTTP_PORT, AUTH).await;
    let simulator = simulator(&["alice"]).await;
    let site = network.site(&simulator).await;
    for (no_proxy, peers) in [("example.com, .test", DIRECT), ("other.test", VIA_PROXY)] {
        let options = to(&site, &network.ca_file(), "web")
            .env("https_proxy", http_proxy(PASSWORD))
            .env("no_proxy", no_proxy);
        let program = Program::start_with(&simulator, options).await;
        assert_eq!(ask(&program).await.status, 200, "{no_proxy}");
        assert_eq!(site.take_peers(), peers, "{no_proxy}");
        program.stop().await;
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_gone_is_named_without_its_password() {
    if !in_network_namespace("outbound::a_proxy_that_refuses_or_is_gone_is_named_without_its_password").await
    {
        return;
    }
    let network = ProxiedNetwork::new().await;
    let http = network.tinyproxy(HTTP_PORT, AUTH).await;
    let socks = network.microsocks(SOCKS_PORT, AUTH).await;
    let simulator = simulator(&["alice"]).await;
    let site = network.site(&simulator).await;
    let closed = PROXY_NAME;
    let cases = [
        (format!("http://ana:{PASSWORD}-not@{PROXY}:{HTTP_PORT}"), "accepts the user name and the password"),
        (format!("http://{PROXY}:{HTTP_PORT}"), "asks for a user name and a password"),
        (
            format!("socks5h://ana:{PASSWORD}-not@{PROXY}:{SOCKS_PORT}"),
            "does not accept the user name or the password",
        ),
        (format!("http://ana:{PASSWORD}@{closed}:1"), "cannot connect to the proxy"),
        (format!("socks5://ana:{PASSWORD}@{closed}:1"), "cannot connect to the proxy"),
        (format!("http://ana:{PASSWORD}@no-such.test:1"), "the name of the proxy"),
    ];
    for (proxy, expected) in cases {
        let options = to(&site, &network.ca_file(), "web").env("HTTPS_PROXY", &proxy);
        let program = Program::start_with(&simulator, options).await;
        let answer = ask(&program).await;
        assert_eq!(answer.error(), (503, "upstream_unreachable".to_owned()), "{proxy} {:?}", answer.body);
        let doctor = program.cli(&["doctor"]).await;
        let said = stdout_text(&doctor);
        let host = proxy.rsplit_once('@').map_or(proxy.rsplit_once('/').unwrap().1, |(_, host)| host);
        for text in [&message(&answer), &said] {
            assert!(text.contains(expected) && text.contains(host), "{proxy}: {text}");
        }
        assert!(said.contains("look at the proxy"), "{said}");
        check_no_password(&program, &[message(&answer), said, stderr_text(&doctor)]);
        program.stop().await;
    }
    assert!(site.take_peers().is_empty());
    // A proxy that ends while the program runs affects only the requests of that time.
    let options = to(&site, &network.ca_file(), "web").env("HTTPS_PROXY", http_proxy(PASSWORD));
    let program = Program::start_with(&simulator, options).await;
    assert_eq!(ask(&program).await.status, 200);
    http.stop().await;
    assert_eq!(ask(&program).await.error(), (503, "upstream_unreachable".to_owned()));
    let _http = network.tinyproxy(HTTP_PORT, AUTH).await;
    assert_eq!(ask(&program).await.status, 200);
    socks.stop().await;
}

#[tokio::test]
async fn f24_an_authority_of_a_company_is_trusted_only_by_its_setting() {
    if !in_network_namespace("outbound::f24_an_authority_of_a_company_is_trusted_only_by_its_setting").await {
        return;
    }
    let network = ProxiedNetwork::new().await;
    let _proxy = network.tinyproxy(HTTP_PORT, AUTH).await;
    let simulator = simulator(&["alice"]).await;
    let site = network.site(&simulator).await;
    let options = to(&site, "", "web").env("HTTPS_PROXY", http_proxy(PASSWORD));
    let program = Program::start_with(&simulator, options).await;
    let answer = ask(&program).await;
    assert_eq!(answer.error(), (502, "upstream_tls_error".to_owned()));
    assert!(message(&answer).contains("extra_ca_file"), "{}", message(&answer));
    let doctor = stdout_text(&program.cli(&["doctor"]).await);
    assert!(doctor.contains("EXTRA_CA_FILE"), "{doctor}");
    let set = json!({ "name": "extra_ca_file", "value": network.ca_file() });
    let answer = program.control("settings.set", &set).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(ask(&program).await.status, 200, "the setting counts at once");
    let missing = json!({ "name": "extra_ca_file", "value": "/no/such/ca.pem" });
    let refused = program.control("settings.set", &missing).await;
    assert!(refused.status == 400 && String::from_utf8_lossy(&refused.body).contains("/no/such/ca.pem"));
}

#[tokio::test]
async fn a_proxy_in_the_settings_counts_at_once_and_its_password_is_kept_apart() {
    if !in_network_namespace(
        "outbound::a_proxy_in_the_settings_counts_at_once_and_its_password_is_kept_apart",
    )
    .await
    {
        return;
    }
    let network = ProxiedNetwork::new().await;
    let _proxy = network.tinyproxy(HTTP_PORT, AUTH).await;
    let simulator = simulator(&["alice"]).await;
    let site = network.site(&simulator).await;
    let key_file = network.dir.path().join("key").display().to_string();
    let options = || {
        Options::default()
            .env("MAMMOUTH_WEB_URL", site.url())
            .env("EXTRA_CA_FILE", network.ca_file())
            .env("SECRET_KEY_FILE", &key_file)
            .env("API_KEYS", "")
    };
    let program =
        Program::start_with(&simulator, options().settings("secret_store = \"file\"\nproxy = \"none\"\n"))
            .await;
    let set = async |program: &Program, value: &str| {
        program.control("settings.set", &json!({ "name": "proxy", "value": value })).await
    };

    simulator.set_faults(vec![web_fault("gate")]);
    simulator.release(1);
    let mut stream = program.stream(&streamed(r#"echo-chunks: ["first","second"]"#)).await;
    stream.next_json().await;
    assert_eq!(site.take_peers(), DIRECT);
    let answer = set(&program, &http_proxy(PASSWORD)).await;
    assert_eq!(answer.json()["value"], format!("http://ana@{PROXY}:{HTTP_PORT}"), "{:?}", answer.body);
    simulator.release(100);
    let rest = stream.all().await;
    assert_eq!(rest.last().map(String::as_str), Some("[DONE]"), "a running stream goes on: {rest:?}");
    simulator.set_faults(Vec::new());
    assert_eq!(ask(&program).await.status, 200);
    assert_eq!(site.take_peers(), VIA_PROXY);
    check_no_password(&program, &[]);

    // The same address without the password, as displayed, keeps the stored password; so does a restart.
    set(&program, &format!("http://ana@{PROXY}:{HTTP_PORT}")).await;
    assert_eq!(ask(&program).await.status, 200);
    let dir = program.stop().await;
    let program = Program::start_in(dir, Some(&simulator), options()).await;
    wait_until("the password is read", async || ask(&program).await.status == 200).await;
    assert_eq!(site.take_peers(), VIA_PROXY);

    // Another address does not get the password, even if the first address is set again.
    set(&program, &format!("http://ana@{PROXY_NAME}:{HTTP_PORT}")).await;
    assert!(message(&ask(&program).await).contains("accepts the user name and the password"));
    set(&program, &format!("http://ana@{PROXY}:{HTTP_PORT}")).await;
    assert!(message(&ask(&program).await).contains("accepts the user name and the password"));
    for bad in ["ftp://ana:canary-7f3a@proxy.test", "http://:canary-7f3a@proxy.test"] {
        let refused = set(&program, bad).await;
        assert_eq!(refused.status, 400, "{bad}");
        assert!(!String::from_utf8_lossy(&refused.body).contains(PASSWORD));
    }
}

#[tokio::test]
async fn s04_image_links_keep_their_address_rule_behind_a_proxy() {
    if !in_network_namespace("outbound::s04_image_links_keep_their_address_rule_behind_a_proxy").await {
        return;
    }
    let network = ProxiedNetwork::new().await;
    let _http = network.tinyproxy(HTTP_PORT, AUTH).await;
    let _socks = network.microsocks(SOCKS_PORT, AUTH).await;
    let simulator = simulator(&["alice"]).await;
    let site = network.site(&simulator).await;
    let pictures = TcpServer::image_request().await;
    let public = network.tls_front(PUBLIC_NAME, SocketAddr::from((PUBLIC, 443)), pictures.0).await;
    let private = network.tls_front("mammouth.test", SocketAddr::from((SITE, 443)), pictures.0).await;
    let ask = async |program: &Program, host: &str| {
        let mut request = question("");
        let image = json!({ "type": "image_url", "image_url": { "url": format!("https://{host}/a.png") } });
        request["messages"][0]["content"] = json!([{ "type": "text", "text": "echo: seen" }, image]);
        program.chat(&request).await
    };
    let socks = format!("socks5h://ana:{PASSWORD}@{PROXY_NAME}:{SOCKS_PORT}");
    let options = to(&site, &network.ca_file(), "only-web").env("HTTPS_PROXY", socks);
    let program = Program::start_with(&simulator, options).await;
    let seen = ask(&program, PUBLIC_NAME).await;
    assert_eq!(seen.status, 200, "{:?}", seen.body);
    assert_eq!(public.take_peers(), VIA_PROXY);
    for host in ["mammouth.test", PROXY_NAME, &SITE.to_string(), &PROXY.to_string(), "localhost"] {
        assert_eq!(ask(&program, host).await.error(), (400, "invalid_image".to_owned()), "{host}");
    }
    program.stop().await;

    let options = to(&site, &network.ca_file(), "only-web").env("HTTPS_PROXY", http_proxy(PASSWORD));
    let program = Program::start_with(&simulator, options).await;
    for host in [PUBLIC_NAME, "mammouth.test", "no-such.test"] {
        let answer = ask(&program, host).await;
        assert_eq!(answer.error(), (400, "invalid_image".to_owned()), "{host}");
        assert!(message(&answer).contains("not fetched through an HTTP proxy"), "{}", message(&answer));
    }
    program.stop().await;
    assert!(public.take_peers().is_empty() && private.take_peers().is_empty());
}

/// A plain HTTP server that serves one image.
struct TcpServer(SocketAddr);

impl TcpServer {
    async fn image_request() -> Self {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let _ = socket.read(&mut [0; 4096]).await;
                let body = b"\x89PNG\r\n\x1a\n picture";
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = socket.write_all(&[head.as_bytes(), body].concat()).await;
            }
        });
        Self(address)
    }
}

/// Checks the errors of a proxy that opens no connection. No network namespace is needed for that.
#[tokio::test]
async fn what_a_proxy_answers_to_connect_becomes_one_kind_of_error() {
    let simulator = simulator(&["alice"]).await;
    for (answer, expected) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            "does not accept the user name or the password",
        ),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "refused to connect to the server"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "refused to connect to the server"),
        ("SSH-2.0-OpenSSH_9\r\n", "refused to connect to the server"),
        ("", "ended the connection"),
        ("silence", "took too long"),
    ] {
        let proxy = stub_proxy(answer).await;
        let options = Options::default()
            .settings("[limits]\nconnect_seconds = 1\n")
            .env("MAMMOUTH_WEB_URL", "https://mammouth.test")
            .env("API_KEYS", "")
            .env("HTTPS_PROXY", format!("http://ana:{PASSWORD}@{proxy}"));
        let program = Program::start_with(&simulator, options).await;
        let refused = ask(&program).await;
        assert_eq!(
            refused.error(),
            (503, "upstream_unreachable".to_owned()),
            "{answer:?} {:?}",
            refused.body
        );
        let said = message(&refused);
        assert!(said.contains(expected) && said.contains(&format!("http://{proxy}")), "{answer:?}: {said}");
        check_no_password(&program, &[said]);
    }
    assert_eq!(simulator.connections(), 0);
}

/// Starts a proxy that answers every connection with this text, or never.
async fn stub_proxy(answer: &'static str) -> SocketAddr {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 4096]).await;
            if answer == "silence" {
                held.push(socket);
            } else {
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        }
    });
    address
}

/// Checks that connections to loopback ignore the proxy. No network namespace is needed, because no program
/// listens at the proxy's address.
#[tokio::test]
async fn loopback_is_never_reached_through_a_proxy() {
    let env = TestEnv::with_options(
        &["alice"],
        Options::default().env("HTTPS_PROXY", "http://127.0.0.1:1").env("HTTP_PROXY", "http://127.0.0.1:1"),
    )
    .await;
    assert_eq!(ask(&env.program).await.status, 200);
    let doctor = stdout_text(&env.program.cli(&["doctor"]).await);
    assert!(doctor.contains("through no proxy"), "{doctor}");
}
