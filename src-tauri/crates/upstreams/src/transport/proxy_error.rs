//! Errors of the outbound proxy, as opposed to the server behind it. Each names the proxy by its address, without user
//! name and password.
//!
//! The HTTP client does not export its error types for proxies, so their texts are matched (hyper-util 0.1:
//! `TunnelError`, `SocksError`; reqwest 0.13: `SocksProxyError`). The tests of `tests/it/outbound.rs` hold that against
//! real proxies.

use std::error::Error as StdError;

use rustls::{CertificateError, Error as TlsError};

use super::error::{connect_sentence, find_in_chain, tls_sentence};
use super::outbound::ProxyServer;
use crate::{UpstreamError, UpstreamErrorKind};

const NOT_CONNECTED_TEXT: &str = "failed to create underlying connection";
const AUTH_REQUIRED_TEXTS: [&str; 3] = [
    "tunnel error: proxy authorization required",
    "SOCKS error: server does not support user/pass authentication",
    "SOCKS error: credentials not accepted",
];
const LOCAL_LOOKUP_TEXT: &str = "error resolving for socks proxy";

/// The upstream error, if the proxy caused the failure.
pub(super) fn from_reqwest(error: &reqwest::Error, proxy: &ProxyServer) -> Option<UpstreamError> {
    if let Some(tls) = find_in_chain::<TlsError>(error) {
        return tls_error(tls, texts_contain(error, NOT_CONNECTED_TEXT), proxy);
    }
    Some(UpstreamError::new(UpstreamErrorKind::Unreachable, describe(error, proxy)?))
}

fn describe(error: &reqwest::Error, proxy: &ProxyServer) -> Option<String> {
    let says = |text: &str| texts_contain(error, text);
    let by_proxy = says("tunnel error: ") || says("SOCKS error: ");
    Some(match () {
        () if AUTH_REQUIRED_TEXTS.into_iter().any(says) => auth_sentence(proxy),
        () if says(LOCAL_LOOKUP_TEXT) => {
            format!(
                "the server's name could not be looked up, which the proxy {proxy} leaves to this machine"
            )
        }
        () if error.is_dns() => format!("the name of the proxy {proxy} could not be looked up"),
        () if error.is_timeout() && error.is_connect() => {
            format!("connecting through the proxy {proxy} took too long")
        }
        () if says(NOT_CONNECTED_TEXT) => {
            format!("cannot connect to the proxy {proxy}: {}", connect_sentence(error))
        }
        () if by_proxy && (says("end of file") || says("io error")) => {
            format!("the proxy {proxy} ended the connection")
        }
        () if by_proxy => refused_sentence(proxy),
        () => return None,
    })
}

/// Sentence for a connection that the proxy refused. The client hides the status of responses other than 200 and 407,
/// and some proxies answer 401 or 403 to a wrong password.
fn refused_sentence(proxy: &ProxyServer) -> String {
    let credentials = if proxy.has_user() { "accepts the user name and the password, and " } else { "" };
    format!(
        "the proxy {proxy} refused to connect to the server; see whether it {credentials}allows this server"
    )
}

fn auth_sentence(proxy: &ProxyServer) -> String {
    if proxy.has_password() {
        format!("the proxy {proxy} does not accept the user name or the password (407)")
    } else {
        format!("the proxy {proxy} asks for a user name and a password (407)")
    }
}

/// The error for a certificate of the proxy itself, or of the server behind it, which may be the proxy again.
fn tls_error(error: &TlsError, is_of_proxy: bool, proxy: &ProxyServer) -> Option<UpstreamError> {
    let sentence = tls_sentence(error);
    if is_of_proxy {
        let sentence = format!("no secure connection to the proxy {proxy}: {sentence}");
        return Some(UpstreamError::new(UpstreamErrorKind::Tls, sentence));
    }
    let is_unknown = matches!(error, TlsError::InvalidCertificate(CertificateError::UnknownIssuer));
    is_unknown.then(|| {
        let sentence = format!(
            "{sentence}; if the proxy {proxy} opens TLS, its certificate authority belongs into the setting extra_ca_file"
        );
        UpstreamError::new(UpstreamErrorKind::Tls, sentence)
    })
}

/// Whether the text of an error in the chain contains `text`.
fn texts_contain(error: &(dyn StdError + 'static), text: &str) -> bool {
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.to_string().contains(text)
        || inner.is_some_and(|inner| texts_contain(inner, text))
        || error.source().is_some_and(|source| texts_contain(source, text))
}
