//! Rules for outbound connections: proxy, exceptions, additional certificates.

use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;
use url::{Host, Url};

use storage::config::{OutboundConfig, ProxySetting};
use storage::secrets::{ExposeSecret, Secret};

/// The rules for outbound connections.
#[derive(Debug, Clone, Default)]
pub struct Outbound {
    pub proxy: ProxyChoice,
    /// Hosts that are connected to directly: names with their subdomains, addresses, networks, or `*`.
    pub no_proxy: Vec<String>,
    /// Certificates (PEM, several in one text allowed) that are trusted beside the system's.
    pub extra_roots: Vec<String>,
}

impl From<&OutboundConfig> for Outbound {
    fn from(config: &OutboundConfig) -> Self {
        let proxy = match &config.proxy {
            ProxySetting::System => ProxyChoice::System,
            ProxySetting::Direct => ProxyChoice::Direct,
            ProxySetting::Server(server) => {
                ProxyChoice::Server(ProxyServer::new(server.url.clone(), server.password.clone()))
            }
        };
        let extra_roots = config.extra_ca.iter().map(|ca| ca.pem.clone()).collect();
        Self { proxy, no_proxy: config.no_proxy.clone(), extra_roots }
    }
}

/// Choice of the outbound proxy.
#[derive(Debug, Clone, Default)]
pub enum ProxyChoice {
    /// The proxy of the system's network settings. Only macOS and Windows have such settings.
    #[default]
    System,
    Direct,
    Server(ProxyServer),
}

/// A proxy server. `Display` and `Debug` show neither user name nor password.
#[derive(Clone)]
pub struct ProxyServer {
    url: Url,
    password: Option<Secret>,
}

impl ProxyServer {
    /// `url` is `http`, `https`, `socks5` or `socks5h`, with the user name if there is one; `password` is
    /// percent-encoded.
    pub fn new(url: Url, password: Option<Secret>) -> Self {
        Self { url, password }
    }

    pub fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// The host as in a URL.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The address without user name and password.
    pub fn address(&self) -> Url {
        let mut url = self.url.clone();
        // Both succeed for any URL with a host.
        let _ = (url.set_username(""), url.set_password(None));
        url
    }

    /// Whether the server looks names up itself, so that this machine does not know where a connection ends.
    pub fn resolves_names(&self) -> bool {
        matches!(self.scheme(), "http" | "https")
    }

    pub fn has_user(&self) -> bool {
        !self.url.username().is_empty()
    }

    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// User name and password, both percent-encoded.
    pub fn credentials(&self) -> Option<(&str, &Secret)> {
        self.password.as_ref().map(|password| (self.url.username(), password))
    }

    /// The URL with user name and password, for the HTTP client alone.
    fn full_url(&self) -> Url {
        let mut url = self.url.clone();
        if let Some(password) = &self.password {
            // The URL has a host, so it can have a password.
            let _ = url.set_password(Some(password.expose_secret()));
        }
        url
    }

    /// The proxy as a setting of the HTTP client; `None` if the client does not support the address.
    pub(crate) fn to_reqwest(&self, no_proxy: &[String]) -> Option<reqwest::Proxy> {
        let proxy = reqwest::Proxy::all(self.full_url()).ok()?;
        Some(proxy.no_proxy(reqwest::NoProxy::from_string(&no_proxy.join(","))))
    }

    /// The same server, asked for addresses instead of names.
    pub(crate) fn with_local_lookup(&self) -> Self {
        let mut server = self.clone();
        if self.scheme() == "socks5h" {
            // Both schemes are unknown to the URL standard, which allows this change.
            let _ = server.url.set_scheme("socks5");
        }
        server
    }
}

impl fmt::Display for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.host())?;
        match self.url.port() {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyServer({self})")
    }
}

impl Outbound {
    /// The proxy for connections to `url`; `None` where they are direct, as they always are to this machine.
    pub fn proxy_for(&self, url: &Url) -> Option<ProxyServer> {
        if is_loopback(url) || self.bypasses(url) {
            return None;
        }
        match &self.proxy {
            ProxyChoice::Server(server) => Some(server.clone()),
            ProxyChoice::System => system_proxy(url),
            ProxyChoice::Direct => None,
        }
    }

    fn bypasses(&self, url: &Url) -> bool {
        // The matcher needs some proxy to say for whom it is not used.
        let any = "http://proxy.invalid";
        let matcher = Matcher::builder().http(any).https(any).no(self.no_proxy.join(",")).build();
        url.as_str().parse().is_ok_and(|uri| matcher.intercept(&uri).is_none())
    }
}

/// The proxy of the system's settings. `config` reads the environment, as it knows which of its values count.
fn system_proxy(url: &Url) -> Option<ProxyServer> {
    if !cfg!(any(target_os = "macos", windows)) {
        return None;
    }
    let found = Matcher::from_system().intercept(&url.as_str().parse().ok()?)?;
    Url::parse(&found.uri().to_string()).ok().map(|url| ProxyServer::new(url, None))
}

/// Whether a URL names this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.to_canonical().is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn proxied_through(proxy: &str, no_proxy: &[&str]) -> Outbound {
        let server = ProxyServer::new(url(proxy), Some("canary".into()));
        let no_proxy = no_proxy.iter().map(|entry| (*entry).to_owned()).collect();
        Outbound { proxy: ProxyChoice::Server(server), no_proxy, ..Outbound::default() }
    }

    #[test]
    fn loopback_and_exceptions_are_direct() {
        let is_proxied = |no_proxy: &[&str], to: &str| {
            proxied_through("http://proxy.example:3128", no_proxy).proxy_for(&url(to)).is_some()
        };
        for here in [
            "http://127.0.0.1:1",
            "https://127.9.9.9",
            "https://localhost",
            "https://[::1]",
            "https://a.localhost",
        ] {
            assert!(!is_proxied(&[], here), "{here}");
        }
        assert!(is_proxied(&[], "https://mammouth.ai") && is_proxied(&[], "https://localhost.example"));
        for (entry, to, proxied) in [
            ("mammouth.ai", "https://mammouth.ai", false),
            ("mammouth.ai", "https://api.mammouth.ai", false),
            (".mammouth.ai", "https://api.mammouth.ai", false),
            ("mammouth.ai", "https://notmammouth.ai", true),
            ("api.mammouth.ai", "https://mammouth.ai", true),
            ("10.0.0.0/8", "https://10.9.9.1", false),
            ("10.0.0.0/8", "https://11.9.9.1", true),
            ("fd00::1", "https://[fd00::1]", false),
            ("*", "https://mammouth.ai", false),
        ] {
            assert_eq!(is_proxied(&[entry], to), proxied, "{entry} {to}");
        }
    }

    #[test]
    fn l01_a_proxy_shows_neither_user_nor_password() {
        let outbound = proxied_through("http://ana@proxy.example:3128", &[]);
        let shown = format!("{outbound:?} {:?}", outbound.proxy_for(&url("https://mammouth.ai")));
        assert!(shown.contains("http://proxy.example:3128"));
        assert!(!shown.contains("ana") && !shown.contains("canary"), "{shown}");
        let client = outbound.proxy_for(&url("https://a.example")).unwrap();
        assert_eq!(client.full_url().as_str(), "http://ana:canary@proxy.example:3128/");
        assert_eq!(client.address().as_str(), "http://proxy.example:3128/");
    }

    #[test]
    fn s04_a_socks_proxy_can_be_asked_for_addresses() {
        let server = |text: &str| ProxyServer::new(url(text), None);
        assert_eq!(server("socks5h://p:1").with_local_lookup().scheme(), "socks5");
        assert!(!server("socks5h://p:1").resolves_names() && server("https://p:1").resolves_names());
        assert!(server("socks5://p:1").to_reqwest(&[]).is_some());
    }
}
