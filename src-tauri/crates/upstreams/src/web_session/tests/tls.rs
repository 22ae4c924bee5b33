use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::TlsAcceptor;

use super::server::{StepServer, reply};
use super::*;

/// Returns a TLS acceptor for a name, and the certificate (PEM) of its own authority.
pub(super) fn acceptor(name: &str) -> (TlsAcceptor, String) {
    acceptor_with(name, |_| ())
}

fn acceptor_with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> (TlsAcceptor, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    (Arc::new(config).into(), issuer.pem())
}

async fn ask_over_tls(acceptor: TlsAcceptor, roots: Vec<String>) -> (Result<String, UpstreamError>, usize) {
    let server = StepServer::start_tls("localhost", acceptor, |_| reply(&["Hi"])).await;
    let web = web_with(&server, |settings| settings.http.outbound.extra_roots = roots);
    let text = ask(&web, hello()).await.map(|(text, _)| text);
    (text, server.requests().len())
}

#[tokio::test]
async fn f24_a_trusted_server_is_used() {
    let (acceptor, root) = acceptor("localhost");
    assert_eq!(ask_over_tls(acceptor, vec![root]).await.0.unwrap(), "Hi");
}

#[tokio::test]
async fn f24_a_bad_certificate_is_named_and_gets_no_cookie() {
    let past = |params: &mut CertificateParams| params.not_after = date_time_ymd(2020, 1, 1);
    let future = |params: &mut CertificateParams| params.not_before = date_time_ymd(4000, 1, 1);
    let cases = [
        (acceptor("other.example"), true, "another name"),
        (acceptor_with("localhost", past), true, "expired; is the clock right?"),
        (acceptor_with("localhost", future), true, "not valid yet; is the clock right?"),
        (acceptor("localhost"), false, "does not trust"),
    ];
    for ((acceptor, root), trusted, expected) in cases {
        let (result, requests) = ask_over_tls(acceptor, if trusted { vec![root] } else { vec![] }).await;
        let failure = result.unwrap_err();
        assert_eq!((failure.kind, requests), (UpstreamErrorKind::Tls, 0));
        assert!(failure.detail.contains(expected), "{}", failure.detail);
    }
}

#[tokio::test]
async fn f24_a_stalled_handshake_ends_in_time() {
    let server = StepServer::start(|_| reply(&["Hi"])).await;
    let base = format!("https://127.0.0.1:{}", server.base.port().unwrap()).parse().unwrap();
    let mut settings = WebSettings::new(base);
    settings.http.connect_timeout = std::time::Duration::from_millis(100);
    let web = Arc::new(WebUpstream::new(settings).unwrap());
    assert_eq!(expect_error(&web).await.kind, UpstreamErrorKind::Timeout);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn f24_a_server_that_speaks_no_tls_is_named() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut socket, _) = listener.accept().await.unwrap();
        // The hello is read first: closing with unread bytes would be a reset.
        let _ = socket.read(&mut [0; 4096]).await;
        let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    let web = Arc::new(WebUpstream::new(WebSettings::new(base)).unwrap());
    let failure = ask(&web, hello()).await.unwrap_err();
    assert_eq!(failure.kind, UpstreamErrorKind::Tls, "{}", failure.detail);
}
