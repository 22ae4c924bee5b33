//! Settings of outbound connections: the proxy, the hosts without it, and an extra certificate file.

use std::fmt;
use std::path::PathBuf;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use url::Url;

use super::data_dir::data_dir;
use super::declaration::Rules;
use super::error::{ConfigError, SettingSource, Sourced};
use super::setting_value::SettingValue;
use super::sources::Sources;
use super::text_file::MAX_TEXT_FILE_BYTES;
use crate::capped_file::read_capped;
use crate::secrets::Secret;

const PROXY_SETTING: &str = "HTTPS_PROXY";
const NO_PROXY_SETTING: &str = "NO_PROXY";

const BAD_PROXY_ADDRESS: &str = "must be a proxy address such as http://proxy.example:3128, https:// or socks5h:// instead of http://, or none";
const PASSWORD_IN_FILE: &str = "must not hold a password, because settings.toml is no place for secrets; enter the address with its \
     password in the window's settings, which keep it in the keychain, or give it in HTTPS_PROXY";

/// Settings of connections from this machine to Mammouth.
#[derive(Debug, Clone)]
pub struct OutboundConfig {
    /// Proxy for everything but loopback (`HTTPS_PROXY`, `proxy`; default: the system's). The operator of a
    /// proxy sees the hosts that are connected to and the amount of data.
    pub proxy: ProxySetting,
    pub proxy_given_by: SettingSource,
    /// Hosts that are connected to directly (`NO_PROXY`, `no_proxy`; default: none): a name with its
    /// subdomains, an address, a network such as `10.0.0.0/8`, or `*` for all. Ports are ignored.
    pub no_proxy: Vec<String>,
    /// Certificate authorities that are trusted besides the system's (`EXTRA_CA_FILE`, `extra_ca_file`;
    /// default: none), for a company's proxy that decrypts TLS. The owner of such an authority's key can read
    /// the accounts' traffic.
    pub extra_ca: Option<ExtraCa>,
}

/// Choice of the proxy.
#[derive(Debug, Clone)]
pub enum ProxySetting {
    /// The proxy of the network settings of macOS or Windows; on Linux none.
    System,
    /// No proxy, whatever the system's settings are.
    Direct,
    Server(ProxyAddress),
}

/// Address of a proxy.
#[derive(Debug, Clone)]
pub struct ProxyAddress {
    /// URL with the user name, without password, path and query. The scheme is `http`, `https`, `socks5` or
    /// `socks5h`.
    pub url: Url,
    /// Password, percent-encoded as in a URL.
    pub password: Option<Secret>,
}

impl ProxyAddress {
    /// Parses an address as written in `HTTPS_PROXY`: without a scheme it is `http`, and `socks` is
    /// `socks5h`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = match text.strip_prefix("socks://") {
            Some(rest) => format!("socks5h://{rest}"),
            None if text.contains("://") => text.to_owned(),
            None => format!("http://{text}"),
        };
        let mut url = Url::parse(&text).ok()?;
        let known = matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h");
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let has_host = url.host_str().is_some_and(|host| !host.is_empty());
        if !(known && bare && has_host) {
            return None;
        }
        let password = url.password().map(|password| Secret::from(password.to_owned()));
        url.set_password(None).ok()?;
        Some(Self { url, password })
    }
}

impl fmt::Display for ProxySetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => Ok(()),
            Self::Direct => f.write_str("none"),
            Self::Server(server) => f.write_str(server.url.as_str().trim_end_matches('/')),
        }
    }
}

/// Certificate authorities from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraCa {
    pub path: PathBuf,
    /// Certificates in PEM form.
    pub pem: String,
}

pub(super) fn proxy(rules: &Rules, sources: &Sources) -> Result<ProxySetting, ConfigError> {
    let given = rules.effective_text(sources);
    let proxy = given.clone().check(BAD_PROXY_ADDRESS, |text| match text.trim() {
        "" | "system" => Some(ProxySetting::System),
        "none" | "direct" => Some(ProxySetting::Direct),
        address => ProxyAddress::parse(address).map(ProxySetting::Server),
    })?;
    let has_password = matches!(&proxy, ProxySetting::Server(server) if server.password.is_some());
    if has_password && given.by == SettingSource::Settings {
        return Err(given.error(PASSWORD_IN_FILE));
    }
    Ok(proxy)
}

/// Resolves the hosts without the proxy. `NO_PROXY` is written for many programs, in more than one form, so
/// separators, quotes, `*.` and ports are removed.
#[allow(clippy::unnecessary_wraps, reason = "the form of a declaration")]
pub(super) fn no_proxy(rules: &Rules, sources: &Sources) -> Result<Vec<String>, ConfigError> {
    let given = rules.effective_list(sources);
    let entries = given.value.iter().flat_map(|entry| entry.split_whitespace());
    let mut hosts: Vec<String> = entries.map(bypass_entry).filter(|entry| !entry.is_empty()).collect();
    hosts.dedup();
    Ok(hosts)
}

/// Normalizes `*.example.com` and `example.com:443` to `example.com`.
fn bypass_entry(entry: &str) -> String {
    let entry = entry.trim_matches([',', ';', '"', '\'']);
    let entry = entry.strip_prefix("*.").unwrap_or(entry);
    let port = entry.rsplit_once(':').filter(|(host, port)| {
        !port.is_empty()
            && port.bytes().all(|byte| byte.is_ascii_digit())
            && (!host.contains(':') || host.ends_with(']'))
    });
    port.map_or(entry, |(host, _)| host).trim_matches(['[', ']']).to_ascii_lowercase()
}

/// Resolves the extra certificate file. A relative path is resolved like that of `SECRET_KEY_FILE`.
pub(super) fn extra_ca(rules: &Rules, sources: &Sources) -> Result<Option<ExtraCa>, ConfigError> {
    let given = rules.effective_text(sources);
    if given.value.trim().is_empty() {
        return Ok(None);
    }
    let base = match given.by {
        SettingSource::Settings => data_dir(sources)?,
        SettingSource::Flag
        | SettingSource::Environment
        | SettingSource::EnvFile
        | SettingSource::Default => sources.runtime.working_dir.clone(),
    };
    read_ca(&given, base.join(given.value.trim())).map(Some)
}

pub(super) fn show_ca(ca: &Option<ExtraCa>) -> SettingValue {
    SettingValue::Text(ca.as_ref().map_or_else(String::new, |ca| ca.path.display().to_string()))
}

/// Reads the certificates. Errors name the path, which is not a secret.
fn read_ca(given: &Sourced<String>, path: PathBuf) -> Result<ExtraCa, ConfigError> {
    let name = path.display().to_string();
    let bytes = read_capped(&path, MAX_TEXT_FILE_BYTES)
        .map_err(|error| given.error(format!("names {name}, which cannot be read ({})", error.kind())))?;
    let wrong = |what: &str| given.error(format!("names {name}, {what}"));
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|_| wrong("which is no certificate file in PEM form"))?;
    if certificates.is_empty() {
        return Err(wrong("which holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"));
    }
    let mut store = RootCertStore::empty();
    for certificate in certificates {
        store.add(certificate).map_err(|_| wrong("which holds a certificate that cannot be read"))?;
    }
    let pem = String::from_utf8(bytes).map_err(|_| wrong("which is not UTF-8 text"))?;
    Ok(ExtraCa { path, pem })
}

/// Other programs' names for the variables of this program; the first one that is set counts.
pub(super) const VARIABLE_SYNONYMS: [(&str, &[&str]); 2] =
    [(PROXY_SETTING, &["https_proxy", "ALL_PROXY", "all_proxy"]), (NO_PROXY_SETTING, &["no_proxy"])];

#[cfg(test)]
mod tests;
