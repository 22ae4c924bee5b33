use std::sync::{Arc, Mutex};
use std::time::Duration;

use minisign::KeyPair;
use minisign_verify::PublicKey;
use semver::Version;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use super::*;
use upstreams::Outbound;
use upstreams::download::{DownloadError, DownloadLimits, download_bytes};

const PROGRAM: &[u8] = b"the new program";

struct Signer(KeyPair);

impl Signer {
    fn new() -> Self {
        Self(KeyPair::generate_unencrypted_keypair().unwrap())
    }

    fn key(&self) -> PublicKey {
        PublicKey::from_base64(&self.0.pk.to_base64()).unwrap()
    }

    fn sign(&self, data: &[u8]) -> Vec<u8> {
        minisign::sign(None, &self.0.sk, data, None, None).unwrap().into_string().into_bytes()
    }
}

/// Answer of the server for a path.
#[derive(Clone)]
enum Answer {
    Whole(Vec<u8>),
    /// Announces more than it sends.
    Cut(Vec<u8>),
    Redirect(String),
    /// Sends zeros until the client leaves.
    Endless,
    /// Sends nothing.
    Silent,
}

/// A file server on loopback that stores the requests.
struct FileServer {
    base: Url,
    requests: Arc<Mutex<Vec<String>>>,
}

impl FileServer {
    async fn start(answers: Vec<(&'static str, Answer)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut head = vec![0; 8192];
                let length = socket.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..length]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                seen.lock().unwrap().push(head);
                let answer =
                    answers.iter().find(|(known, _)| path == *known).map(|(_, answer)| answer.clone());
                tokio::spawn(async move { respond(&mut socket, answer).await });
            }
        });
        Self { base, requests }
    }

    fn url(&self, path: &str) -> Url {
        self.base.join(path).unwrap()
    }
}

async fn respond(socket: &mut tokio::net::TcpStream, answer: Option<Answer>) {
    let head = |status: &str, length: usize| {
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n").into_bytes()
    };
    let bytes = match &answer {
        None => head("404 Not Found", 0),
        Some(Answer::Whole(body)) => [head("200 OK", body.len()), body.clone()].concat(),
        Some(Answer::Cut(body)) => [head("200 OK", body.len() + 10), body.clone()].concat(),
        Some(Answer::Redirect(to)) => {
            format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes()
        }
        Some(Answer::Endless) => head("200 OK", 1 << 30),
        Some(Answer::Silent) => return std::future::pending().await,
    };
    if socket.write_all(&bytes).await.is_ok() && matches!(answer, Some(Answer::Endless)) {
        let zeros = vec![0; 64 << 10];
        while socket.write_all(&zeros).await.is_ok() {}
    }
}

fn feed_text(version: &str, server: &str, sha256: &str, bytes: usize) -> Vec<u8> {
    serde_json::json!({
        "version": version,
        "later_field": true,
        "files": [{ "name": "mammouth-proxy", "system": running_system(), "url": format!("{server}program"),
                    "bytes": bytes, "sha256": sha256 }],
    })
    .to_string()
    .into_bytes()
}

fn program_hash() -> String {
    Sha256::digest(PROGRAM).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Fetches a feed that `signer` signed, as a program that trusts `trusted`.
async fn fetch_feed(body: Vec<u8>, signer: &Signer, trusted: PublicKey) -> Result<Feed, UpdateError> {
    let signature = signer.sign(&body);
    let server =
        FileServer::start(vec![("/feed", Answer::Whole(body)), ("/feed.minisig", Answer::Whole(signature))])
            .await;
    let source = ReleaseSource { feed: server.url("feed"), key: trusted };
    Feed::fetch(&source, &Outbound::default()).await
}

#[tokio::test]
async fn w11_only_newer_releases_are_offered() {
    let (signer, running) = (Signer::new(), Version::new(1, 2, 3));
    for (version, offer) in [
        ("1.2.4", VersionOffer::Newer),
        ("1.10.0", VersionOffer::Newer),
        ("1.2.3", VersionOffer::Same),
        ("1.2.3+build.7", VersionOffer::Same),
        ("1.2.2", VersionOffer::Refused),
        ("0.9.9", VersionOffer::Refused),
        ("1.2.3-rc.1", VersionOffer::Refused),
        ("2.0.0-rc.1", VersionOffer::Refused),
    ] {
        let feed = fetch_feed(feed_text(version, "http://x/", "", 0), &signer, signer.key()).await.unwrap();
        assert_eq!(super::feed::offer(&feed.version, &running), offer, "{version}");
    }
}

#[tokio::test]
async fn w11_a_feed_of_another_key_or_with_a_change_is_refused() {
    let (signer, other) = (Signer::new(), Signer::new());
    let body = feed_text("9.0.0", "http://x/", "", 0);
    let refused = fetch_feed(body.clone(), &other, signer.key()).await;
    assert!(matches!(refused, Err(UpdateError::FeedSignature)), "{refused:?}");

    let changed = feed_text("9.0.1", "http://x/", "", 0);
    let answers = |signature| {
        vec![("/feed", Answer::Whole(changed.clone())), ("/feed.minisig", Answer::Whole(signature))]
    };
    for signature in [signer.sign(&body), b"no signature".to_vec(), vec![0xff; 100], Vec::new()] {
        let server = FileServer::start(answers(signature)).await;
        let source = ReleaseSource { feed: server.url("feed"), key: signer.key() };
        let refused = Feed::fetch(&source, &Outbound::default()).await;
        assert!(matches!(refused, Err(UpdateError::FeedSignature)), "{refused:?}");
    }
    for not_a_feed in [&b"{}"[..], b"[]", b"", br#"{"version":"one","files":[]}"#] {
        let refused = fetch_feed(not_a_feed.to_vec(), &signer, signer.key()).await;
        assert!(matches!(refused, Err(UpdateError::FeedFormat)), "{refused:?}");
    }
}

async fn feed_error(answer: Answer) -> DownloadError {
    let server = FileServer::start(vec![("/feed", answer)]).await;
    let source = ReleaseSource { feed: server.url("feed"), key: Signer::new().key() };
    match Feed::fetch(&source, &Outbound::default()).await {
        Err(UpdateError::Feed(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn w11_a_feed_is_bounded_and_comes_whole_and_encrypted() {
    assert!(matches!(feed_error(Answer::Endless).await, DownloadError::TooLarge));
    assert!(matches!(feed_error(Answer::Cut(b"{".to_vec())).await, DownloadError::Interrupted));
    for plain in ["http://192.0.2.1/feed", "file:///etc/passwd"] {
        assert!(matches!(feed_error(Answer::Redirect(plain.into())).await, DownloadError::UnsafeAddress));
    }
    assert!(matches!(feed_error(Answer::Redirect("/feed".into())).await, DownloadError::Redirects));
}

#[tokio::test]
async fn w11_a_download_has_a_limit_in_time() {
    let server = FileServer::start(vec![("/feed", Answer::Silent)]).await;
    let limits = DownloadLimits { max_bytes: 1, max_time: Duration::ZERO };
    let late = download_bytes(&Outbound::default(), &server.url("feed"), limits).await;
    assert!(matches!(late, Err(DownloadError::TooSlow)), "{late:?}");
}

#[tokio::test]
async fn a_request_for_the_feed_names_nobody() {
    let signer = Signer::new();
    let body = feed_text("9.0.0", "http://x/", "", 0);
    let signature = signer.sign(&body);
    let server =
        FileServer::start(vec![("/feed", Answer::Whole(body)), ("/feed.minisig", Answer::Whole(signature))])
            .await;
    let source = ReleaseSource { feed: server.url("feed"), key: signer.key() };
    Feed::fetch(&source, &Outbound::default()).await.unwrap();
    let host = server.base.host_str().unwrap();
    let port = server.base.port().unwrap();
    let expected = |path: &str| {
        format!(
            "GET {path} HTTP/1.1\r\naccept: */*\r\nuser-agent: mammouth-proxy/{}\r\nhost: {host}:{port}\r\n\r\n",
            env!("CARGO_PKG_VERSION")
        )
    };
    assert_eq!(*server.requests.lock().unwrap(), [expected("/feed"), expected("/feed.minisig")]);
}

/// Downloads a program that is served as `served`, with this hash and signature. Returns the files left in the folder.
async fn fetch_program(
    served: Answer,
    hash: &str,
    signature: Vec<u8>,
    key: PublicKey,
) -> (Result<(), UpdateError>, usize) {
    let server =
        FileServer::start(vec![("/program", served), ("/program.minisig", Answer::Whole(signature))]).await;
    let folder = tempfile::tempdir().unwrap();
    let text = feed_text("9.0.0", server.base.as_str(), hash, PROGRAM.len());
    let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let file: FeedFile = serde_json::from_value(json["files"][0].clone()).unwrap();
    let fetched = fetch_files(&[&file], folder.path(), &key, &Outbound::default()).await;
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    if let Ok(paths) = &fetched {
        assert_eq!(std::fs::read(&paths[0]).unwrap(), PROGRAM);
    }
    (fetched.map(drop), left)
}

#[tokio::test]
async fn w11_a_program_is_kept_only_as_it_was_announced_and_signed() {
    let (signer, other) = (Signer::new(), Signer::new());
    let whole = || Answer::Whole(PROGRAM.to_vec());
    let signature = signer.sign(PROGRAM);
    let (fetched, left) = fetch_program(whole(), &program_hash(), signature.clone(), signer.key()).await;
    assert!(fetched.is_ok() && left == 1, "{fetched:?}");

    let wrong_hash = fetch_program(whole(), &"0".repeat(64), signature.clone(), signer.key()).await;
    assert!(matches!(wrong_hash, (Err(UpdateError::WrongHash { .. }), 0)), "{wrong_hash:?}");
    for wrong in [other.sign(PROGRAM), signer.sign(b"another program"), b"nothing".to_vec()] {
        let refused = fetch_program(whole(), &program_hash(), wrong, signer.key()).await;
        assert!(matches!(refused, (Err(UpdateError::FileSignature { .. }), 0)), "{refused:?}");
    }
    for (served, expected) in [
        (Answer::Endless, "larger"),
        (Answer::Cut(PROGRAM[..5].to_vec()), "cut off"),
        (Answer::Redirect("http://192.0.2.1/program".into()), "without encryption"),
    ] {
        let (refused, left) = fetch_program(served, &program_hash(), signature.clone(), signer.key()).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(expected) && left == 0, "{refused}");
    }
}

#[test]
fn a_release_names_a_file_for_each_system() {
    let text = feed_text("9.0.0", "http://x/", "", 0);
    let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let files = serde_json::from_value(json["files"].clone()).unwrap();
    let feed = Feed { version: Version::new(9, 0, 0), files };
    assert!(feed.file("mammouth-proxy", &running_system()).is_ok());
    assert!(matches!(feed.file("mammouth-proxy", "z80-cpm"), Err(UpdateError::NoFile { .. })));
    assert!(matches!(feed.file("another", &running_system()), Err(UpdateError::NoFile { .. })));
}

#[test]
fn the_feed_is_asked_once_a_day() {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let now = 1_000 * DAY_MS;
    assert!(is_due(None, now) && is_due(Some(now - DAY_MS), now) && is_due(Some(now + 1), now));
    assert!(!is_due(Some(now), now) && !is_due(Some(now - DAY_MS + 1), now));
}

#[test]
fn the_last_check_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(UpdateRecord::load(folder.path()), UpdateRecord::default());
    let record = UpdateRecord { checked_ms: Some(7), newest: Some("9.0.0".to_owned()) };
    record.store(folder.path()).unwrap();
    assert_eq!(UpdateRecord::load(folder.path()), record);
    std::fs::write(folder.path().join("updates.json"), "{").unwrap();
    assert_eq!(UpdateRecord::load(folder.path()), UpdateRecord::default());
}

#[tokio::test]
async fn a_check_is_remembered_also_if_it_fails() {
    let (signer, folder) = (Signer::new(), tempfile::tempdir().unwrap());
    let body = feed_text("9.0.0", "http://x/", "", 0);
    let signature = signer.sign(&body);
    let server =
        FileServer::start(vec![("/feed", Answer::Whole(body)), ("/feed.minisig", Answer::Whole(signature))])
            .await;
    let source = |path, key| ReleaseSource { feed: server.url(path), key };
    let check = async |source: ReleaseSource, now| {
        check_feed(&source, &Outbound::default(), Some(folder.path()), now).await
    };
    check(source("feed", signer.key()), 5).await.unwrap();
    assert!(matches!(check(source("gone", signer.key()), 6).await, Err(UpdateError::Feed(_))));
    assert!(matches!(check(source("feed", Signer::new().key()), 7).await, Err(UpdateError::FeedSignature)));
    let record = UpdateRecord::load(folder.path());
    assert_eq!(record, UpdateRecord { checked_ms: Some(7), newest: Some("9.0.0".to_owned()) });
    assert_eq!(newer_version(&record, &Version::new(1, 0, 0)).as_deref(), Some("9.0.0"));
    // The program was updated meanwhile.
    assert_eq!(newer_version(&record, &Version::new(9, 0, 0)), None);
}

#[test]
fn this_build_has_no_address_for_updates() {
    assert!(ReleaseSource::built_in().is_none());
}
