//! Which pages the sign-in window may show, and which cookie is the session. Pure.

use tauri::Url;
use tauri::webview::Cookie;

use crate::secrets::Secret;

/// Where Mammouth lets people sign in with, and where it may send them to show that they are people.
const ELSEWHERE: [&str; 6] = [
    "accounts.google.com",
    "appleid.apple.com",
    "login.microsoftonline.com",
    "login.live.com",
    "github.com",
    "challenges.cloudflare.com",
];
/// The page that asks for a name and a password.
const PAGE: &str = "/app/login";
/// A name that no site has: what is sent there too is sent to every neighbour of the site.
const NEIGHBOUR: &str = "mammouth-proxy-asks";

/// The site that is signed in to.
#[derive(Debug, Clone)]
pub(super) struct Site {
    base: Url,
    cookie: String,
}

impl Site {
    /// `None` for a base that nobody should type a password into: without TLS, and not on this machine.
    pub(super) fn new(base: &str, cookie: &str) -> Option<Self> {
        let base = Url::parse(base).ok()?;
        let safe = base.scheme() == "https" || (base.scheme() == "http" && is_loopback(&base));
        safe.then(|| Self { base, cookie: cookie.to_owned() })
    }

    /// The page that the window begins with.
    pub(super) fn page(&self) -> Url {
        let mut page = self.base.clone();
        page.set_path(PAGE);
        page
    }

    /// Whether the window may go there: to the very site, or over https to one of the few that it sends people to. On
    /// Linux frames are asked about too.
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
                && url.host_str().is_some_and(|host| ELSEWHERE.contains(&host)))
    }

    /// The address of the site, for which cookies are asked.
    pub(super) fn address(&self) -> Url {
        self.base.clone()
    }

    /// The address of a neighbour of the site; `None` where it can have none.
    pub(super) fn neighbour(&self) -> Option<Url> {
        let mut url = self.base.clone();
        let host = self.base.domain()?;
        url.set_host(Some(&format!("{NEIGHBOUR}.{host}"))).ok()?;
        Some(url)
    }

    /// The session among the cookies that the site would be sent. A cookie that its neighbours are sent too may have been
    /// set by one of them, and one that plain HTTP may carry by anybody on the way: neither is taken.
    pub(super) fn session(&self, own: &[Cookie<'_>], neighbours: &[Cookie<'_>]) -> Option<Secret> {
        let host = self.base.host_str()?;
        let found = own.iter().find(|cookie| {
            let for_all =
                |other: &&Cookie<'_>| other.name() == cookie.name() && other.value() == cookie.value();
            cookie.name() == self.cookie
                && !cookie.value().is_empty()
                && cookie.domain().is_none_or(|domain| domain == host)
                && (self.base.scheme() != "https" || cookie.secure() == Some(true))
                && !neighbours.iter().any(|other| for_all(&other))
        })?;
        Some(Secret::from(found.value().to_owned()))
    }
}

/// What the title shows: the host as the network knows it, so that a look-alike in other letters is seen, with its port.
pub(super) fn shown(url: &Url) -> String {
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
    use crate::secrets::ExposeSecret;

    fn site() -> Site {
        Site::new("https://mammouth.ai/", "auth_session").unwrap()
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
    fn g01_a_cookie_for_all_neighbours_is_not_taken() {
        let own = cookie("mammouth.ai", true);
        assert!(site().session(std::slice::from_ref(&own), std::slice::from_ref(&own)).is_none());
        assert_eq!(site().neighbour().unwrap().host_str(), Some("mammouth-proxy-asks.mammouth.ai"));
        assert!(Site::new("http://127.0.0.1:1/", "a").unwrap().neighbour().is_none());
    }

    #[test]
    fn g02_only_the_site_and_where_it_sends_people_can_be_shown() {
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
        let shown = |text: &str| shown(&Url::parse(text).unwrap());
        assert!(shown("https://mаmmouth.ai/login").starts_with("xn--"));
        assert_eq!(shown("https://mammouth.ai@evil.example/"), "evil.example");
        assert_eq!(shown("http://127.0.0.1:3999/app"), "127.0.0.1:3999");
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        assert!(Site::new("http://mammouth.ai", "a").is_none());
        assert!(Site::new("http://10.0.0.1", "a").is_none());
        assert!(Site::new("ftp://127.0.0.1", "a").is_none());
        let here = Site::new("http://127.0.0.1:4000", "a").unwrap();
        assert_eq!(here.page().as_str(), "http://127.0.0.1:4000/app/login");
        assert!(here.may_visit(&Url::parse("http://127.0.0.1:4000/x").unwrap()));
        assert!(!here.may_visit(&Url::parse("http://127.0.0.1:4001/x").unwrap()));
    }
}
