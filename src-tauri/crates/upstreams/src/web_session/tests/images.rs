use std::time::Duration;

use super::super::image_fetcher::ImageFetcher;
use super::super::public_ip;
use super::server::{ReceivedRequest, Step, StepServer, answer, json, reply, send};
use super::*;
use crate::transport::resolver;
use crate::{Outbound, Upstream as _};
use protocol::{Image, ImageLink, MAX_IMAGE_BYTES};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

fn image(bytes: &[u8]) -> Part {
    Part::Image(Image::from_bytes(bytes.to_vec().into()).unwrap())
}

fn jpeg(mark: u8) -> Part {
    image(&[0xff, 0xd8, 0xff, mark])
}

/// Starts a server that accepts uploads and names each by its number.
async fn upload_server() -> StepServer {
    let uploads = std::sync::atomic::AtomicUsize::new(0);
    StepServer::start(move |seen| match seen.line.as_str() {
        "POST /api/attachments/saveFile" => {
            let number = uploads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            json(200, &format!(r#"{{"location":"https://cdn.example/{number}"}}"#))
        }
        _ => reply(&["I see"]),
    })
    .await
}

fn uploads(server: &StepServer) -> Vec<ReceivedRequest> {
    server.requests().into_iter().filter(|seen| seen.line.ends_with("saveFile")).collect()
}

fn chats(server: &StepServer) -> Vec<String> {
    let chats = server.requests().into_iter().filter(|seen| seen.line.ends_with("llms"));
    chats.map(|seen| String::from_utf8(seen.body.to_vec()).unwrap()).collect()
}

async fn send_images(
    web: &Arc<WebUpstream>,
    account: &Credential,
    parts: Vec<Part>,
) -> Result<(), UpstreamError> {
    let request = Arc::new(request(parts, true));
    web.chat(account, request, "m", true).await.map(|_| ())
}

#[tokio::test]
async fn an_image_is_uploaded_and_linked_in_its_turn() {
    let server = upload_server().await;
    send_images(&web(&server), &account("a"), vec![image(PNG)]).await.unwrap();
    let upload = &uploads(&server)[0];
    let body = String::from_utf8_lossy(&upload.body);
    for piece in [
        "name=\"type\"\r\n\r\nimage\r\n",
        "name=\"name\"\r\n\r\n",
        "name=\"file\"; filename=\"blob\"\r\nContent-Type: image/png\r\n\r\n",
        ".png\r\n",
    ] {
        assert!(body.contains(piece), "{piece}");
    }
    assert!(upload.body.windows(PNG.len()).any(|window| window == PNG));
    let turn = r#"{"content":".","imagesData":["https://cdn.example/0"],"documentsData":[]}"#;
    assert!(chats(&server)[0].contains(turn));
}

#[tokio::test]
async fn images_keep_their_order_and_their_turn() {
    let server = upload_server().await;
    let web = web(&server);
    for mark in 0..6 {
        send_images(&web, &account("a"), vec![jpeg(mark)]).await.unwrap();
    }
    send_images(&web, &account("a"), [4, 2, 5, 0].into_iter().map(jpeg).collect()).await.unwrap();
    let named = r#"["https://cdn.example/4","https://cdn.example/2","https://cdn.example/5","https://cdn.example/0"]"#;
    assert!(chats(&server).last().unwrap().contains(named));
    assert_eq!(uploads(&server).len(), 6);
}

#[tokio::test]
async fn r09_an_upload_is_used_again_by_its_own_account_only() {
    let server = upload_server().await;
    let web = web(&server);
    for (name, expected) in [("a", 1), ("a", 1), ("b", 2), ("a", 2), ("b", 2)] {
        send_images(&web, &account(name), vec![image(PNG)]).await.unwrap();
        assert_eq!(uploads(&server).len(), expected);
    }
    web.forget("a");
    send_images(&web, &account("a"), vec![image(PNG)]).await.unwrap();
    assert_eq!(uploads(&server).len(), 3);
}

#[tokio::test]
async fn f28_a_failed_upload_fails_the_request_and_nothing_is_asked() {
    use UpstreamErrorKind::{BadResponse, Limited, LoginRequired, Timeout, Unreachable};
    for (steps, kind) in [
        (json(401, "{}"), LoginRequired),
        (json(403, r#"{"message":"limit"}"#), Limited),
        (json(500, "{}"), UpstreamErrorKind::Server),
        (json(413, r#"{"message":"the maximum is 100 MB; too large"}"#), UpstreamErrorKind::Image),
        (json(200, r#"{"location":"javascript:alert(1)"}"#), BadResponse),
        (json(200, "{}"), BadResponse),
        (vec![Step::Reset], Unreachable),
        (vec![Step::Hang], Timeout),
    ] {
        let server = StepServer::start(move |_| steps.clone()).await;
        // Enough for the request to arrive on a busy machine, as the last assertion expects of each case.
        let time_limit = Duration::from_secs(if kind == Timeout { 2 } else { 60 });
        let web = web_with(&server, |settings| settings.http.first_byte_timeout = time_limit);
        let failure = send_images(&web, &account("a"), vec![image(PNG)]).await.unwrap_err();
        assert_eq!(failure.kind, kind);
        assert!(failure.detail.starts_with("uploading an image failed: "), "{}", failure.detail);
        assert_eq!((uploads(&server).len(), chats(&server).len()), (1, 0));
    }
}

#[tokio::test]
async fn s06_more_than_sixteen_images_are_refused() {
    let server = upload_server().await;
    let failure = send_images(&web(&server), &account("a"), (0..17).map(jpeg).collect()).await.unwrap_err();
    assert_eq!((failure.kind, server.requests().len()), (UpstreamErrorKind::Image, 0));
}

#[tokio::test]
async fn s01_links_to_this_machine_are_refused_without_a_connection() {
    let canary = StepServer::start(|_| answer(200, "", PNG)).await;
    let port = canary.base.port().unwrap();
    let web = web(&canary);
    for host in
        ["127.0.0.1", "localhost", "[::1]", "2130706433", "127.0.0.1.", "[::ffff:127.0.0.1]", "0x7f000001"]
    {
        for scheme in ["https", "http"] {
            let link = Part::ImageLink(ImageLink {
                url: format!("{scheme}://{host}:{port}/a.png").parse().unwrap(),
                detail: None,
            });
            let failure = send_images(&web, &account("a"), vec![link]).await.unwrap_err();
            assert_eq!(failure.kind, UpstreamErrorKind::Image, "{host}");
        }
    }
    assert!(canary.requests().is_empty());
}

#[tokio::test]
async fn links_can_be_switched_off() {
    let server = upload_server().await;
    let web = web_with(&server, |settings| settings.options.image_links = false);
    let link = Part::ImageLink(ImageLink { url: "https://example.com/a.png".parse().unwrap(), detail: None });
    let failure = send_images(&web, &account("a"), vec![link]).await.unwrap_err();
    assert!(failure.kind == UpstreamErrorKind::Image && failure.detail.contains("switched off"));
}

/// Starts a server for images, and a fetcher that may reach it.
async fn image_server(
    policy: resolver::AddressPolicy,
    answer: impl Fn(&ReceivedRequest) -> Vec<Step> + Send + Sync + 'static,
) -> (StepServer, ImageFetcher) {
    let (acceptor, root) = tls::acceptor("localhost");
    let server = StepServer::start_tls("localhost", acceptor, answer).await;
    let outbound = Outbound { extra_roots: vec![root], ..Outbound::default() };
    (server, ImageFetcher::new(std::time::Duration::from_secs(10), &outbound, policy).unwrap())
}

async fn fetched(fetcher: &ImageFetcher, url: &str) -> Result<Image, String> {
    fetcher.fetch(&url.parse().unwrap()).await.map_err(|failure| {
        assert_eq!(failure.kind, UpstreamErrorKind::Image);
        failure.detail
    })
}

#[tokio::test]
async fn a_link_is_fetched_without_any_credential() {
    let (server, fetcher) =
        image_server(|ip| ip.is_loopback(), |_| answer(200, "content-type: text/html\r\n", PNG)).await;
    let image = fetched(&fetcher, server.base.as_str()).await.unwrap();
    assert_eq!(image.bytes(), PNG);
    let headers = &server.requests()[0].headers;
    for name in ["cookie", "authorization", "referer", "origin"] {
        assert!(!headers.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn s03_each_hop_of_a_redirect_is_checked_and_counted() {
    let hop = |seen: &ReceivedRequest| match seen.line.strip_prefix("GET /").unwrap() {
        "0" => answer(200, "", PNG),
        "plain" => answer(302, "location: http://localhost/0\r\n", ""),
        "private" => answer(302, "location: https://127.0.0.2/0\r\n", ""),
        "user" => answer(302, "location: https://a:b@localhost/0\r\n", ""),
        "nowhere" => answer(302, "", ""),
        left => answer(307, &format!("location: /{}\r\n", left.parse::<u32>().unwrap() - 1), ""),
    };
    let (server, fetcher) = image_server(|ip| ip == std::net::Ipv4Addr::LOCALHOST, hop).await;
    for (path, works) in [
        ("3", true),
        ("4", false),
        ("20", false),
        ("plain", false),
        ("private", false),
        ("user", false),
        ("nowhere", false),
    ] {
        let url = server.base.join(path).unwrap();
        assert_eq!(fetched(&fetcher, url.as_str()).await.is_ok(), works, "{path}");
    }
}

#[tokio::test]
async fn s05_s08_all_link_errors_are_identical() {
    let (server, fetcher) = image_server(
        |ip| ip.is_loopback(),
        |seen| match seen.line.as_str() {
            "GET /missing" => answer(404, "", "no"),
            "GET /page" => answer(200, "content-type: image/png\r\n", "<svg/>"),
            "GET /reset" => vec![Step::Reset],
            "GET /short" => vec![send("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n\u{89}"), Step::Reset],
            _ => answer(200, "", ""),
        },
    )
    .await;
    let mut details = Vec::new();
    for path in ["/missing", "/page", "/reset", "/short", "/empty"] {
        details.push(fetched(&fetcher, server.base.join(path).unwrap().as_str()).await.unwrap_err());
    }
    for url in [
        &format!("https://{UNRESOLVABLE_HOST}/a.png"),
        "https://127.0.0.1:1/refused",
        "https://10.0.0.1/a.png",
        "http://localhost/a.png",
        "ftp://localhost/a.png",
        "file:///etc/passwd",
        "data:text/html,hi",
        "https://user@localhost/a.png",
    ] {
        details.push(fetched(&fetcher, url).await.unwrap_err());
    }
    details.dedup();
    assert_eq!(details.len(), 1, "{details:?}");
}

#[tokio::test]
async fn s06_an_image_that_is_too_large_or_too_slow_is_rejected() {
    let (server, mut fetcher) = image_server(
        |ip| ip.is_loopback(),
        |seen| match seen.line.as_str() {
            "GET /large" => answer(200, "", [PNG, &vec![0; MAX_IMAGE_BYTES]].concat()),
            _ => vec![send("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n"), Step::Hang],
        },
    )
    .await;
    assert!(fetched(&fetcher, server.base.join("/large").unwrap().as_str()).await.is_err());
    fetcher.total_time = Duration::from_millis(100);
    assert!(fetched(&fetcher, server.base.join("/slow").unwrap().as_str()).await.is_err());
}

#[tokio::test]
async fn s04_a_name_resolving_to_loopback_is_not_connected_to() {
    let (server, fetcher) = image_server(public_ip::is_public, |_| answer(200, "", PNG)).await;
    assert!(fetched(&fetcher, server.base.as_str()).await.is_err());
    assert!(server.requests().is_empty());
}
