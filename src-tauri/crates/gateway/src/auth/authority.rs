//! A strict parser for the value of `Host` (RFC 9110, 7.2): a name, an IPv4 or a bracketed IPv6 address, and a port.
//!
//! The parser is stricter than the grammar: it accepts what browsers and client libraries send, and rejects user
//! information, percent-escapes and other forms on which parsers have disagreed.

use std::net::Ipv6Addr;

/// A host and its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The name or address as it was sent, IPv6 with its brackets.
    pub host: &'a str,
    /// The port, when one was written.
    pub port: Option<u16>,
}

impl Authority<'_> {
    /// Whether both have the same host, without regard to case, and the same port.
    pub(super) fn same_as(&self, other: &Authority<'_>) -> bool {
        self.port == other.port && self.host.eq_ignore_ascii_case(other.host)
    }
}

/// Reason why a value is not an acceptable authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAuthority {
    /// The value is empty, or has only a port.
    #[error("the host is empty")]
    Empty,
    /// A byte that no authority may contain, such as `/` or a space.
    #[error("the host holds a character that no host can hold")]
    Byte,
    /// The part after the colon is not a number from 0 to 65535.
    #[error("the port is not a number up to 65535")]
    Port,
    /// The value contains only allowed bytes, but is neither a plain name nor an address: `user@host`,
    /// `[::1].evil`.
    #[error("this is not a plain host name or address")]
    Shape,
}

/// Parses the value of a `Host` header.
///
/// # Errors
/// The reason; it does not contain the value.
pub fn parse(value: &[u8]) -> Result<Authority<'_>, InvalidAuthority> {
    let text = std::str::from_utf8(value).map_err(|_| InvalidAuthority::Byte)?;
    if text.is_empty() {
        return Err(InvalidAuthority::Empty);
    }
    if !text.bytes().all(is_authority_byte) {
        return Err(InvalidAuthority::Byte);
    }
    if text.starts_with('[') { parse_bracketed(text) } else { parse_named(text) }
}

/// The characters of RFC 3986, 3.2: unreserved, sub-delims and what user information, addresses and ports add.
fn is_authority_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@[]%".contains(&byte)
}

fn parse_bracketed(text: &str) -> Result<Authority<'_>, InvalidAuthority> {
    let end = text.find(']').ok_or(InvalidAuthority::Shape)? + 1;
    let (host, rest) = text.split_at(end);
    host[1..end - 1].parse::<Ipv6Addr>().map_err(|_| InvalidAuthority::Shape)?;
    match rest.strip_prefix(':') {
        Some(port) => Ok(Authority { host, port: Some(parse_port(port)?) }),
        None if rest.is_empty() => Ok(Authority { host, port: None }),
        None => Err(InvalidAuthority::Shape),
    }
}

fn parse_named(text: &str) -> Result<Authority<'_>, InvalidAuthority> {
    if text.contains('@') {
        return Err(InvalidAuthority::Shape);
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(parse_port(port)?)),
        None => (text, None),
    };
    if host.is_empty() {
        return Err(InvalidAuthority::Empty);
    }
    let plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    if plain { Ok(Authority { host, port }) } else { Err(InvalidAuthority::Shape) }
}

fn parse_port(text: &str) -> Result<u16, InvalidAuthority> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().map_err(|_| InvalidAuthority::Port) } else { Err(InvalidAuthority::Port) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_with_and_without_ports_are_parsed() {
        let cases = [
            ("localhost", "localhost", None),
            ("LocalHost:3000", "LocalHost", Some(3000)),
            ("127.0.0.1:1", "127.0.0.1", Some(1)),
            ("[::1]", "[::1]", None),
            ("[::1]:65535", "[::1]", Some(65535)),
            ("my_box-1.lan", "my_box-1.lan", None),
        ];
        for (text, host, port) in cases {
            assert_eq!(parse(text.as_bytes()), Ok(Authority { host, port }), "{text}");
        }
    }

    #[test]
    fn invalid_hosts_are_rejected_with_their_reason() {
        let cases: [(&[u8], InvalidAuthority); 14] = [
            (b"", InvalidAuthority::Empty),
            (b":3000", InvalidAuthority::Empty),
            (b"::1", InvalidAuthority::Port),
            (b"localhost:", InvalidAuthority::Port),
            (b"localhost:+80", InvalidAuthority::Port),
            (b"localhost:65536", InvalidAuthority::Port),
            (b"localhost:80:80", InvalidAuthority::Port),
            (b"127.0.0.1:3000/healthz?x=", InvalidAuthority::Byte),
            (b"local host", InvalidAuthority::Byte),
            (b"local\xffhost", InvalidAuthority::Byte),
            (b"127.0.0.1@evil.example", InvalidAuthority::Shape),
            (b"[::1].evil", InvalidAuthority::Shape),
            (b"[::1", InvalidAuthority::Shape),
            (b"local%68ost", InvalidAuthority::Shape),
        ];
        for (value, reason) in cases {
            assert_eq!(parse(value), Err(reason), "{}", value.escape_ascii());
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_handled_without_a_panic(value in proptest::collection::vec(proptest::num::u8::ANY, 0..40)) {
            let _ = parse(&value);
        }

        #[test]
        fn a_parsed_host_is_the_beginning_of_the_value(value in "[a-z0-9.:@\\[\\]%/-]{0,24}") {
            if let Ok(read) = parse(value.as_bytes()) {
                let rest = value.strip_prefix(read.host).expect("the host is the beginning");
                proptest::prop_assert!(read.port.is_none() == rest.is_empty());
                proptest::prop_assert!(rest.is_empty() || rest.starts_with(':'));
            }
        }
    }
}
