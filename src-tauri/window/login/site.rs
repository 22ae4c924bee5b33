//! Rules for the sign-in window: the pages it may show and the cookie that is the session. Pure.

use tauri::Url;
use tauri::webview::Cookie;

use storage::secrets::Secret;

/// Hosts of the identity providers that Mammouth offers, and of the bot checks it may redirect to.
const IDENTITY_PROVIDER_HOSTS: [&str; 6] = [
    "accounts.google.com",
    "appleid.apple.com",
    "login.microsoftonline.com",
    "login.live.com",
    "github.com",
    "challenges.cloudflare.com",
];
/// Path of the login page.
const LOGIN_PATH: &str = "/app/login";
/// A subdomain that no site has. A cookie that is sent to it is sent to every sibling of the site.
const SIBLING_SUBDOMAIN: &str = "mammouth-proxy-asks";

/// The site to sign in to.
#[derive(Debug, Clone)]
pub(super) struct LoginSite {
    base: Url,
    cookie: String,
}

impl LoginSite {
    /// Parses the base URL. Returns `None` for a URL that is unsafe for passwords: without TLS and not on this machine.
    pub(super) fn new(base: &str, cookie: &str) -> Option<Self> {
        let base = Url::parse(base).ok()?;
        let safe = base.scheme() == "https" || (base.scheme() == "http" && is_loopback(&base));
        safe.then(|| Self { base, cookie: cookie.to_owned() })
    }

    /// The first page of the window.
    pub(super) fn page(&self) -> Url {
        let mut page = self.base.clone();
        page.set_path(LOGIN_PATH);
        page
    }

    /// Whether the window may navigate to `url`: to the site itself, or over https to one of its identity providers. On
    /// Linux this is also called for frames.
    pub(super) fn may_visit(&self, url: &Url) -> bool {
        if url.scheme() == "about" {
            return matches!(url.path(), "blank" | "srcdoc");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return false;
        }
        url.origin() == self.base.origin()
            || (url.scheme() == "https"
                && url.port().is_none()
                && url.host_str().is_some_and(|host| IDENTITY_PROVIDER_HOSTS.contains(&host)))
    }

    /// The address of the site, for which cookies are read.
    pub(super) fn address(&self) -> Url {
        self.base.clone()
    }

    /// The address of a sibling of the site; `None` if the host can have none.
    pub(super) fn sibling_address(&self) -> Option<Url> {
        let mut url = self.base.clone();
        let host = self.base.domain()?;
        url.set_host(Some(&format!("{SIBLING_SUBDOMAIN}.{host}"))).ok()?;
        Some(url)
    }

    /// The session among the cookies that the site would be sent. A cookie that siblings are sent too may have been set
    /// by one of them, and one that plain HTTP may carry may have been set by anyone on the network; both are rejected.
    pub(super) fn session(&self, own: &[Cookie<'_>], siblings: &[Cookie<'_>]) -> Option<Secret> {
        let host = self.base.host_str()?;
        let found = own.iter().find(|cookie| {
            let for_all =
                |other: &&Cookie<'_>| other.name() == cookie.name() && other.value() == cookie.value();
            cookie.name() == self.cookie
                && !cookie.value().is_empty()
                && cookie.domain().is_none_or(|domain| domain == host)
                && (self.base.scheme() != "https" || cookie.secure() == Some(true))
                && !siblings.iter().any(|other| for_all(&other))
        })?;
        Some(Secret::from(found.value().to_owned()))
    }
}

/// The host for the title, in its ASCII form and with its port, so that a look-alike in other letters is visible.
pub(super) fn display_host(url: &Url) -> String {
    let host = url.host_str().unwrap_or("…");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use storage::secrets::ExposeSecret;

    fn site() -> LoginSite {
        LoginSite::new("https://mammouth.ai/", "auth_session").unwrap()
    }

    fn cookie(domain: &str, secure: bool) -> Cookie<'static> {
        Cookie::build(("auth_session", "value")).domain(domain.to_owned()).secure(secure).build()
    }

    fn may_visit(text: &str) -> bool {
        site().may_visit(&Url::parse(text).unwrap())
    }

    #[test]
    fn g01_only_the_sites_own_cookie_is_the_session() {
        let session = |own: Cookie<'static>| site().session(&[own], &[]);
        let taken = session(cookie("mammouth.ai", true)).unwrap();
        assert_eq!(taken.expose_secret(), "value");
        for strange in [
            cookie("mammouth.ai", false),
            cookie("mammouth.ai.evil.example", true),
            cookie("login.mammouth.ai", true),
            cookie("evil.example", true),
            Cookie::build(("other", "value")).domain("mammouth.ai").secure(true).build(),
            Cookie::build(("auth_session", "")).domain("mammouth.ai").secure(true).build(),
        ] {
            assert!(session(strange.clone()).is_none(), "{:?}", strange.domain());
        }
    }

    #[test]
    fn g01_a_cookie_shared_with_sibling_hosts_is_not_taken() {
        let own = cookie("mammouth.ai", true);
        assert!(site().session(std::slice::from_ref(&own), std::slice::from_ref(&own)).is_none());
        assert_eq!(site().sibling_address().unwrap().host_str(), Some("mammouth-proxy-asks.mammouth.ai"));
        assert!(LoginSite::new("http://127.0.0.1:1/", "a").unwrap().sibling_address().is_none());
    }

    #[test]
    fn g02_only_the_site_and_its_identity_providers_can_be_shown() {
        for known in [
            "https://mammouth.ai/app/login",
            "https://mammouth.ai:443/",
            "https://accounts.google.com/o/oauth2/auth?x=1",
            "about:blank",
        ] {
            assert!(may_visit(known), "{known}");
        }
        for strange in [
            "http://mammouth.ai/",
            "https://mammouth.ai:8443/",
            "https://mammouth.ai.evil.example/",
            "https://mammouth.ai@evil.example/",
            "https://evil@mammouth.ai/",
            "https://sub.mammouth.ai/",
            "https://mаmmouth.ai/",
            "http://accounts.google.com/",
            "https://accounts.google.com.evil.example/",
            "file:///etc/passwd",
            "data:text/html,<form>",
            "javascript:alert(1)",
            "tauri://localhost/index.html",
            "ipc://localhost/control",
            "mailto:a@b.example",
            "about:config",
        ] {
            assert!(!may_visit(strange), "{strange}");
        }
    }

    #[test]
    fn g02_the_host_is_shown_as_the_network_knows_it() {
        let shown = |text: &str| display_host(&Url::parse(text).unwrap());
        assert!(shown("https://mаmmouth.ai/login").starts_with("xn--"));
        assert_eq!(shown("https://mammouth.ai@evil.example/"), "evil.example");
        assert_eq!(shown("http://127.0.0.1:3999/app"), "127.0.0.1:3999");
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        assert!(LoginSite::new("http://mammouth.ai", "a").is_none());
        assert!(LoginSite::new("http://10.0.0.1", "a").is_none());
        assert!(LoginSite::new("ftp://127.0.0.1", "a").is_none());
        let here = LoginSite::new("http://127.0.0.1:4000", "a").unwrap();
        assert_eq!(here.page().as_str(), "http://127.0.0.1:4000/app/login");
        assert!(here.may_visit(&Url::parse("http://127.0.0.1:4000/x").unwrap()));
        assert!(!here.may_visit(&Url::parse("http://127.0.0.1:4001/x").unwrap()));
    }
}
