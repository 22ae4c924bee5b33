//! A network in which Mammouth is reached by name and through proxies, with names, addresses and certificates
//! of the test.
//!
//! Everything is inside the namespaces of [`in_network_namespace`](super::in_network_namespace). The upstream
//! has the address [`SITE`]; a proxy has [`PROXY`] and connects from it, so that the peer's address shows the
//! route of a connection.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use mock_upstream::MockUpstream;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio_rustls::TlsAcceptor;

use super::{run_shell, wait_until};

pub const SITE: Ipv4Addr = Ipv4Addr::new(10, 9, 9, 1);
pub const PROXY: Ipv4Addr = Ipv4Addr::new(10, 9, 9, 2);
/// An address of the public internet. No packet for it leaves the namespace.
pub const PUBLIC: Ipv4Addr = Ipv4Addr::new(93, 184, 215, 14);
/// Name of the upstream.
pub const SITE_NAME: &str = "mammouth.test";
/// A name with the address [`PUBLIC`].
pub const PUBLIC_NAME: &str = "pictures.test";
/// Name of the proxy.
pub const PROXY_NAME: &str = "proxy.test";

/// A network with addresses, names and a certificate authority.
pub struct ProxiedNetwork {
    pub dir: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl ProxiedNetwork {
    /// Adds the addresses and names to loopback, for all programs in the namespaces.
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let hosts = dir.path().join("hosts");
        let names = format!(
            "127.0.0.1 localhost\n{SITE} {SITE_NAME}\n{PROXY} {PROXY_NAME}\n{PUBLIC} {PUBLIC_NAME}\n"
        );
        std::fs::write(&hosts, names).expect("a file");
        for address in [SITE, PROXY, PUBLIC] {
            run_shell(&format!("ip address add {address}/32 dev lo")).await;
        }
        run_shell(&format!("mount --bind {} /etc/hosts", hosts.display())).await;
        let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key"));
        Self { dir, issuer: issuer.expect("an authority") }
    }

    /// Writes the certificate of the authority and returns its path.
    pub fn ca_file(&self) -> String {
        let path = self.dir.path().join("ca.pem");
        std::fs::write(&path, self.issuer.pem()).expect("a file");
        path.display().to_string()
    }

    /// Starts a TLS server for `name` at `address` that forwards to `to`.
    pub async fn tls_front(&self, name: &str, address: SocketAddr, to: SocketAddr) -> TlsFront {
        let acceptor = self.acceptor(name);
        let listener = TcpListener::bind(address).await.expect("an address of the namespace");
        let front = TlsFront { address: listener.local_addr().expect("an address"), peers: Arc::default() };
        let peers = Arc::clone(&front.peers);
        tokio::spawn(async move {
            while let Ok((socket, peer)) = listener.accept().await {
                peers.lock().expect("no panic").push(peer.ip());
                tokio::spawn(pass_on(acceptor.clone(), socket, to));
            }
        });
        front
    }

    /// Starts the mock as the upstream at [`SITE_NAME`].
    pub async fn site(&self, simulator: &MockUpstream) -> TlsFront {
        let to = simulator.base_url().strip_prefix("http://").expect("http").parse().expect("an address");
        self.tls_front(SITE_NAME, SocketAddr::from((SITE, 0)), to).await
    }

    fn acceptor(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            );
        Arc::new(config.expect("a configuration")).into()
    }

    /// Starts Debian's HTTP proxy, with this user name and password if given.
    pub async fn tinyproxy(&self, port: u16, auth: Option<(&str, &str)>) -> RunningProxy {
        let auth = auth.map_or_else(String::new, |(user, password)| format!("BasicAuth {user} {password}\n"));
        let log = self.dir.path().join(format!("tinyproxy-{port}.log"));
        let file = self.dir.path().join(format!("tinyproxy-{port}.conf"));
        let text = format!(
            "Port {port}\nListen {PROXY}\nBind {PROXY}\nTimeout 60\nMaxClients 50\nLogFile \"{}\"\n\
             LogLevel Connect\n{auth}",
            log.display()
        );
        std::fs::write(&file, text).expect("a file");
        RunningProxy::start(&["tinyproxy", "-d", "-c", &file.display().to_string()], port, log).await
    }

    /// Starts Debian's SOCKS5 proxy, with this user name and password if given.
    pub async fn microsocks(&self, port: u16, auth: Option<(&str, &str)>) -> RunningProxy {
        let (address, port_text) = (PROXY.to_string(), port.to_string());
        let mut command = vec!["microsocks", "-i", &address, "-p", &port_text, "-b", &address];
        if let Some((user, password)) = auth {
            command.extend(["-u", user, "-P", password]);
        }
        let log = self.dir.path().join(format!("microsocks-{port}.log"));
        RunningProxy::start(&command, port, log).await
    }
}

async fn pass_on(acceptor: TlsAcceptor, socket: TcpStream, to: SocketAddr) {
    // A client that does not trust the certificate disconnects.
    let Ok(mut near) = acceptor.accept(socket).await else { return };
    let mut far = TcpStream::connect(to).await.expect("the server behind");
    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
}

/// A TLS server that forwards all bytes.
pub struct TlsFront {
    pub address: SocketAddr,
    peers: Arc<Mutex<Vec<IpAddr>>>,
}

impl TlsFront {
    /// Base URL of the upstream at [`SITE_NAME`].
    pub fn url(&self) -> String {
        format!("https://{SITE_NAME}:{}", self.address.port())
    }

    /// Addresses of the peers since the last call, without duplicates.
    pub fn take_peers(&self) -> Vec<IpAddr> {
        let mut peers = std::mem::take(&mut *self.peers.lock().expect("no panic"));
        peers.sort_unstable();
        peers.dedup();
        peers
    }
}

/// A proxy program; dropping this value ends it.
pub struct RunningProxy {
    child: Child,
    log: PathBuf,
}

impl RunningProxy {
    async fn start(command: &[&str], port: u16, log: PathBuf) -> Self {
        let output = log.with_extension("out");
        let file =
            || Stdio::from(std::fs::File::options().create(true).append(true).open(&output).expect("a file"));
        let child = Command::new(command[0])
            .args(&command[1..])
            .stdin(Stdio::null())
            .stdout(file())
            .stderr(file())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{} is not installed (script/setup): {error}", command[0]));
        wait_until("the proxy listens", async || TcpStream::connect((PROXY, port)).await.is_ok()).await;
        Self { child, log }
    }

    /// Content of the proxy's log.
    pub fn log(&self) -> String {
        let read = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default();
        read(self.log.clone()) + &read(self.log.with_extension("out"))
    }

    pub async fn stop(mut self) {
        self.child.kill().await.expect("a process of ours");
    }
}
