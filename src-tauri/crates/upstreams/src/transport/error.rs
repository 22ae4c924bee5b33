//! Maps errors of the HTTP client to upstream errors, without texts that may contain a URL.

use std::error::Error as StdError;
use std::io;

use rustls::{CertificateError, Error as TlsError};

use super::outbound::ProxyServer;
use super::proxy_error;
use crate::{UpstreamError, UpstreamErrorKind};

/// The upstream error for a call without a response, made through `proxy` if there is one.
pub(crate) fn from_reqwest(error: reqwest::Error, proxy: Option<&ProxyServer>) -> UpstreamError {
    let error = error.without_url();
    if let Some(failure) = proxy.and_then(|proxy| proxy_error::from_reqwest(&error, proxy)) {
        return failure;
    }
    if let Some(tls) = find_in_chain::<TlsError>(&error) {
        return UpstreamError::new(UpstreamErrorKind::Tls, tls_sentence(tls));
    }
    let (kind, sentence) = match () {
        () if error.is_dns() => (UpstreamErrorKind::Unreachable, "the server's name could not be looked up"),
        () if error.is_timeout() && error.is_connect() => {
            (UpstreamErrorKind::Timeout, "connecting took too long")
        }
        () if error.is_timeout() => (UpstreamErrorKind::Timeout, "the connection timed out"),
        () if error.is_connect() && ended_in_handshake(&error) => {
            (UpstreamErrorKind::Tls, "the server ended the connection during the TLS handshake")
        }
        () if error.is_connect() => (UpstreamErrorKind::Unreachable, connect_sentence(&error)),
        () if is_broken_http(&error) => (UpstreamErrorKind::BadResponse, "the answer is not valid HTTP"),
        () => (UpstreamErrorKind::Unreachable, "the connection broke before an answer came"),
    };
    UpstreamError::new(kind, sentence)
}

/// Whether the response was invalid HTTP, as opposed to a connection error.
pub(crate) fn is_broken_http(error: &reqwest::Error) -> bool {
    let in_head = find_in_chain::<hyper::Error>(error)
        .is_some_and(|error| error.is_parse() || error.is_parse_too_large());
    // hyper has no word of its own for a chunk that is malformed.
    in_head || matches!(io_kind(error), Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData))
}

/// The first error of a type in the chain. Also looks inside `io::Error`, whose `source` skips the inner error.
pub(super) fn find_in_chain<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error
        .downcast_ref::<E>()
        .or_else(|| inner.and_then(|inner| find_in_chain(inner)))
        .or_else(|| error.source().and_then(|source| find_in_chain(source)))
}

fn io_kind(error: &reqwest::Error) -> Option<io::ErrorKind> {
    find_in_chain::<io::Error>(error).map(io::Error::kind)
}

fn ended_in_handshake(error: &reqwest::Error) -> bool {
    matches!(io_kind(error), Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData))
}

pub(super) fn connect_sentence(error: &reqwest::Error) -> &'static str {
    // std adds kinds of errors, so all kinds that are not named here share one sentence.
    match io_kind(error) {
        Some(io::ErrorKind::ConnectionRefused) => "the connection was refused",
        Some(io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable) => {
            "there is no way to the server"
        }
        _ => "no connection could be made",
    }
}

pub(super) fn tls_sentence(error: &TlsError) -> String {
    use CertificateError as Bad;
    let TlsError::InvalidCertificate(bad) = error else {
        return super::sanitize::one_line(&format!("the TLS handshake failed: {error}"));
    };
    let sentence = if matches!(bad, Bad::Expired | Bad::ExpiredContext { .. }) {
        "the server's certificate has expired; is the clock right?"
    } else if matches!(bad, Bad::NotValidYet | Bad::NotValidYetContext { .. }) {
        "the server's certificate is not valid yet; is the clock right?"
    } else if matches!(bad, Bad::NotValidForName | Bad::NotValidForNameContext { .. }) {
        "the server's certificate is for another name"
    } else if matches!(bad, Bad::UnknownIssuer) {
        "the server's certificate comes from an authority that this machine does not trust"
    } else {
        "the server's certificate is not acceptable"
    };
    sentence.to_owned()
}
