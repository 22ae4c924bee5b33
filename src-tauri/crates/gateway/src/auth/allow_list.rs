//! Allow lists for Host names and browser origins. Loopback names are always allowed.

use super::authority;

const LOOPBACK_HOSTS: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// The user's lists of host names and origins, validated and in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    hosts: Vec<String>,
    origins: Vec<String>,
}

/// An invalid entry of `ALLOWED_HOSTS` or `ALLOWED_ORIGINS`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not a plain host name or address.
    #[error("allowed host {0:?} is not a plain host name or address ({1}); patterns are not possible")]
    Host(String, authority::InvalidAuthority),
    /// Not what a browser sends as `Origin`.
    #[error(
        "allowed origin {0:?} is not of the form scheme://host or scheme://host:port; \"null\" and patterns are not possible"
    )]
    Origin(String),
}

impl Policy {
    /// Validates the user's lists. The port of a host is accepted and ignored. One slash at the end of an origin is
    /// removed.
    ///
    /// # Errors
    /// The first invalid entry.
    pub fn new<S: AsRef<str>>(hosts: &[S], origins: &[S]) -> Result<Self, PolicyError> {
        Ok(Self {
            hosts: hosts.iter().map(|host| parse_host(host.as_ref())).collect::<Result<_, _>>()?,
            origins: origins.iter().map(|origin| parse_origin(origin.as_ref())).collect::<Result<_, _>>()?,
        })
    }

    /// Whether the host is allowed. The port is not compared, since forwarded ports must work.
    pub(super) fn allows_host(&self, host: &str) -> bool {
        let listed = self.hosts.iter().map(String::as_str);
        LOOPBACK_HOSTS.into_iter().chain(listed).any(|allowed| allowed.eq_ignore_ascii_case(host))
    }

    pub(super) fn lists_origin(&self, origin: &[u8]) -> bool {
        self.origins.iter().any(|listed| listed.as_bytes() == origin)
    }
}

fn parse_host(entry: &str) -> Result<String, PolicyError> {
    match authority::parse(entry.as_bytes()) {
        Ok(parsed) => Ok(parsed.host.to_ascii_lowercase()),
        Err(reason) => Err(PolicyError::Host(entry.to_owned(), reason)),
    }
}

/// Validates one origin. Any scheme is accepted, since editors and extensions have their own; browsers send all schemes
/// in lower case.
fn parse_origin(entry: &str) -> Result<String, PolicyError> {
    let invalid = || PolicyError::Origin(entry.to_owned());
    let origin = entry.strip_suffix('/').unwrap_or(entry).to_ascii_lowercase();
    let (scheme, host) = origin.split_once("://").ok_or_else(invalid)?;
    let scheme_ok =
        !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let host_ok = authority::parse(host.as_bytes()).is_ok();
    if scheme_ok && scheme != "file" && host_ok { Ok(origin) } else { Err(invalid()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_validated_and_lowercased() {
        let policy =
            Policy::new(&["Box.LAN:3000", "[fd00::1]"], &["http://LocalHost:5173/", "vscode-webview://x"]);
        let policy = policy.expect("all entries are sound");
        assert!(
            policy.allows_host("box.lan")
                && policy.allows_host("[FD00::1]")
                && policy.allows_host("LOCALHOST")
        );
        assert!(!policy.allows_host("box.lan.") && !policy.allows_host("x.box.lan"));
        assert!(policy.lists_origin(b"http://localhost:5173") && policy.lists_origin(b"vscode-webview://x"));
        assert!(!policy.lists_origin(b"http://localhost:5174"));
    }

    #[test]
    fn n08_null_and_patterns_cannot_be_listed() {
        for origin in [
            "null",
            "*",
            "http://*",
            "http://*.lan",
            "file://",
            "file://x",
            "http://a/b",
            "http://u@a",
            "",
            "a.b",
        ] {
            assert_eq!(Policy::new(&[], &[origin]), Err(PolicyError::Origin(origin.to_owned())), "{origin}");
        }
        for host in ["*", "*.lan", "", "http://a", "a/b", "u@a"] {
            assert!(matches!(Policy::new(&[host], &[]), Err(PolicyError::Host(..))), "{host}");
        }
    }

    proptest::proptest! {
        #[test]
        fn only_the_listed_hosts_are_allowed(host in "[a-z0-9.:\\[\\]-]{1,20}|(127\\.0\\.0\\.1|localhost|\\[::1\\]|box)(\\.|\\.evil|@x|%)?") {
            let policy = Policy::new(&["box"], &[]).expect("sound");
            let known = ["127.0.0.1", "localhost", "[::1]", "box"].contains(&host.as_str());
            proptest::prop_assert_eq!(policy.allows_host(&host), known);
        }
    }
}
