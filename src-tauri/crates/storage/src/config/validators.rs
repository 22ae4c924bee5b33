//! Validators of ports, hosts, origins, upstream URLs and paths. Each returns `None` for an invalid value;
//! the caller, which knows the setting, adds the sentence.

use std::net::{IpAddr, Ipv4Addr};

use url::{Host, Position, Url};

/// Parses a port from 0 to 65535 in plain digits.
pub(super) fn parse_port(text: &str) -> Option<u16> {
    let text = text.trim();
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Parses an address to listen on: an IP address, in brackets or not, or `localhost`.
pub(super) fn parse_listen_host(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("localhost") {
        return Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    inner.unwrap_or(text).parse().ok()
}

pub(super) fn is_loopback(host: IpAddr) -> bool {
    host.to_canonical().is_loopback()
}

/// Normalizes a name as in a Host header without its port: lower case, no final dot, IPv6 in brackets.
pub(super) fn parse_host_name(text: &str) -> Option<String> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(host_in_url(ip));
    }
    if text.contains('*') {
        return None;
    }
    let name = Host::parse(text).ok()?.to_string();
    let name = name.strip_suffix('.').unwrap_or(&name);
    (!name.is_empty()).then(|| name.to_owned())
}

/// Parses an origin as browsers send it: `scheme://host[:port]`, never `null` or a pattern.
pub(super) fn parse_origin(text: &str) -> Option<String> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let (scheme, authority) = text.split_once("://")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:[]".contains(c);
    if authority.is_empty() || !authority.chars().all(plain) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    if matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        return Some(url.origin().ascii_serialization());
    }
    // The scheme of an extension or an app has no other form of its origin.
    Some(format!("{}://{authority}", url.scheme()))
}

/// Parses an upstream base: `https`, or `http` to this machine only; no user-info, query or fragment.
pub(super) fn parse_upstream_url(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let is_private = match url.scheme() {
        "https" => url.host().is_some(),
        "http" => is_this_machine(&url),
        _ => false,
    };
    (is_bare && is_private).then_some(url)
}

/// Returns host and port of a URL, the port only if it is not the scheme's default.
pub fn authority(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

/// Whether the text is a path on the upstream: begins with one `/`, and contains nothing that ends the path
/// or changes the host.
pub(super) fn is_path(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && !"?#\\".contains(c);
    text.starts_with('/') && !text.starts_with("//") && text.chars().all(plain) && text.len() <= 1024
}

/// Whether the text is a token of RFC 9110, as the names of cookies and form fields are.
pub(super) fn is_token(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.len() <= 128 && text.chars().all(plain)
}

/// Returns the address as in a URL or a Host header: IPv6 in brackets.
pub(super) fn host_in_url(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => is_loopback(IpAddr::V6(ip)),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn d05_ports() {
        assert_eq!(parse_port("0"), Some(0));
        assert_eq!(parse_port(" 80 "), Some(80));
        assert_eq!(parse_port("65535"), Some(65535));
        for bad in ["-1", "70000", "abc", "", "+80", "8 0", "1e3", "0x50", "99999999999999999999"] {
            assert_eq!(parse_port(bad), None, "{bad}");
        }
    }

    #[test]
    fn listen_hosts() {
        assert!(is_loopback(parse_listen_host("LocalHost").unwrap()));
        assert!(is_loopback(parse_listen_host("[::1]").unwrap()));
        assert!(is_loopback(parse_listen_host("::ffff:127.0.0.1").unwrap()));
        assert!(!is_loopback(parse_listen_host("0.0.0.0").unwrap()));
        assert!(!is_loopback(parse_listen_host("::").unwrap()));
        for bad in ["", "mybox", "127.0.0.1:80", "127.1", "*", "[::1"] {
            assert_eq!(parse_listen_host(bad), None, "{bad}");
        }
    }

    #[test]
    fn host_names() {
        for (text, expected) in [
            ("MyBox.Local.", "mybox.local"),
            ("192.168.0.2", "192.168.0.2"),
            ("fe80::1", "[fe80::1]"),
            ("[fe80::1]", "[fe80::1]"),
            ("bücher.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(parse_host_name(text).as_deref(), Some(expected), "{text}");
        }
        for bad in ["", ".", "*", "*.example", "box:3000", "http://box", "a/b", "a b", "user@box"] {
            assert_eq!(parse_host_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn origins() {
        for (text, expected) in [
            ("https://App.example:443", "https://app.example"),
            ("http://localhost:5173/", "http://localhost:5173"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
            ("app://obsidian.md", "app://obsidian.md"),
        ] {
            assert_eq!(parse_origin(text).as_deref(), Some(expected), "{text}");
        }
        let bad = [
            "",
            "null",
            "*",
            "https://*",
            "https://*.example",
            "example",
            "https://",
            "https://a/b",
            "https://u@a",
            "https://a?b",
            "file:///",
            "https://a:99999",
            "://a",
        ];
        for bad in bad {
            assert_eq!(parse_origin(bad), None, "{bad}");
        }
    }

    #[test]
    fn s10_only_https_or_loopback_upstreams_are_taken() {
        for good in [
            "https://mammouth.ai",
            "https://other.example/base",
            "http://127.0.0.1:8080",
            "http://localhost:1",
            "http://[::1]:1/",
        ] {
            assert!(parse_upstream_url(good).is_some(), "{good}");
        }
        let bad = [
            "",
            "mammouth.ai",
            "http://mammouth.ai",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "https://user@mammouth.ai",
            "https://user:pass@mammouth.ai",
            "https://:pass@mammouth.ai",
            "https://mammouth.ai?x=1",
            "https://mammouth.ai#x",
            "ftp://mammouth.ai",
            "file:///etc",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "javascript:alert(1)",
            "https://",
        ];
        for bad in bad {
            assert!(parse_upstream_url(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn s10_a_path_cannot_lead_to_another_host() {
        assert!(is_path("/api/models/llms"));
        for bad in
            ["", "api", "//evil.example", "/a?b", "/a#b", "/a b", "/a\nb", "/\\evil", "https://evil.example"]
        {
            assert!(!is_path(bad), "{bad}");
        }
        assert!(is_token("auth_session"));
        assert!(!is_token("") && !is_token("a=b") && !is_token("a;b") && !is_token("a b") && !is_token("é"));
    }

    proptest! {
        #[test]
        fn s10_a_path_joined_to_a_base_stays_on_its_host(path in "/[!-~]{0,40}") {
            if is_path(&path) {
                let base = Url::parse("https://mammouth.ai").unwrap();
                let joined = base.join(&path).unwrap();
                prop_assert_eq!(joined.host_str(), Some("mammouth.ai"));
            }
        }
    }
}
