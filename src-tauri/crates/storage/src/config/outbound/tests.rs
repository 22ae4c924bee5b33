use std::path::Path;

use super::super::error::ConfigError;
use super::super::resolve::resolve;
use super::super::sources::known_variables;
use super::super::sources::tests::{saved, sources};
use super::*;
use crate::secrets::ExposeSecret;

fn with(env: &[(&str, &str)]) -> Result<OutboundConfig, ConfigError> {
    resolve(&sources(Path::new("/root-of-tests"), env)).map(|config| config.outbound())
}

fn proxy_of(text: &str) -> Option<String> {
    with(&[("HTTPS_PROXY", text)]).ok().map(|outbound| outbound.proxy.to_string())
}

#[test]
fn proxy_addresses_are_read_as_other_programs_read_them() {
    for (text, expected) in [
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        ("http://proxy.example:3128/", "http://proxy.example:3128"),
        ("proxy.example:3128", "http://proxy.example:3128"),
        ("https://proxy.example", "https://proxy.example"),
        ("socks5://10.0.0.1:1080", "socks5://10.0.0.1:1080"),
        ("socks5h://[fd00::1]:1080", "socks5h://[fd00::1]:1080"),
        ("socks://proxy.example:1080/", "socks5h://proxy.example:1080"),
        ("none", "none"),
        ("direct", "none"),
        ("system", ""),
    ] {
        assert_eq!(proxy_of(text).as_deref(), Some(expected), "{text}");
    }
    for bad in [
        "ftp://proxy.example",
        "socks4://proxy.example",
        "http://",
        "http://proxy.example/path",
        "http://proxy.example?x=1",
        "http://proxy.example:99999",
        "http://a b",
    ] {
        assert_eq!(proxy_of(bad), None, "{bad}");
    }
}

#[test]
fn l01_a_proxy_password_is_never_shown() {
    let outbound = with(&[("HTTPS_PROXY", "http://ana:canary%40pass@proxy.example:3128")]).unwrap();
    assert_eq!(outbound.proxy.to_string(), "http://ana@proxy.example:3128");
    assert!(!format!("{outbound:?}").contains("canary"));
    let ProxySetting::Server(server) = outbound.proxy else { panic!("a server") };
    assert_eq!(server.password.unwrap().expose_secret(), "canary%40pass");
    let error = with(&[("HTTPS_PROXY", "http://ana:canary@proxy.example/path")]).unwrap_err();
    assert!(error.setting == "HTTPS_PROXY" && !error.to_string().contains("canary"), "{error}");
}

#[test]
fn a_password_in_the_settings_file_is_refused_with_a_way_out() {
    let error = resolve(&saved("proxy = \"http://ana:canary@proxy.example\"")).unwrap_err().to_string();
    assert!(
        error.contains("settings.toml") && error.contains("keychain") && !error.contains("canary"),
        "{error}"
    );
    assert!(resolve(&saved("proxy = \"http://ana@proxy.example\"")).is_ok());
}

#[test]
fn the_environment_decides_over_the_file() {
    let mut sources = saved("proxy = \"http://file.example\"\nno_proxy = [\"file.example\"]");
    let config = resolve(&sources).unwrap();
    assert_eq!((config.proxy_given_by, config.fixed.len()), (SettingSource::Settings, 0));
    sources.env.insert("HTTPS_PROXY".into(), "http://env.example".into());
    let config = resolve(&sources).unwrap();
    assert_eq!(config.proxy.to_string(), "http://env.example");
    assert_eq!(config.fixed.get("HTTPS_PROXY"), Some(&SettingSource::Environment));
    assert_eq!(config.no_proxy, ["file.example"]);
}

#[test]
fn the_other_spellings_of_the_variables_count_in_their_order() {
    let picked = |all: &[(&str, &str)]| {
        let picked = known_variables(all.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        (picked.get("HTTPS_PROXY").cloned(), picked.get("NO_PROXY").cloned())
    };
    let text = |text: &str| Some(text.to_owned());
    let all = [("all_proxy", "4"), ("ALL_PROXY", "3"), ("https_proxy", "2"), ("HTTPS_PROXY", "1")];
    assert_eq!(picked(&all).0, text("1"));
    assert_eq!(picked(&all[..3]).0, text("2"));
    assert_eq!(picked(&all[..2]).0, text("3"));
    assert_eq!(picked(&all[..1]).0, text("4"));
    assert_eq!(picked(&[("HTTPS_PROXY", " "), ("https_proxy", "2")]).0, text("2"));
    assert_eq!(picked(&[("no_proxy", "a")]).1, text("a"));
    assert_eq!(picked(&[("http_proxy", "http://other.example")]), (None, None));
}

#[test]
fn exceptions_are_read_in_every_usual_form() {
    let outbound =
        with(&[("NO_PROXY", "*.a.example, .b.example,C.example:443 10.0.0.0/8,[fd00::1],fd00::2,,*")]);
    assert_eq!(
        outbound.unwrap().no_proxy,
        ["a.example", ".b.example", "c.example", "10.0.0.0/8", "fd00::1", "fd00::2", "*"]
    );
}

#[test]
fn an_extra_ca_file_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let ca = |text: Option<&str>| {
        let path = dir.path().join("company.pem");
        let _ = std::fs::remove_file(&path);
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        with(&[("EXTRA_CA_FILE", path.to_str().unwrap())]).map(|outbound| outbound.extra_ca)
    };
    let pem = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap().cert.pem();
    assert_eq!(ca(Some(&pem)).unwrap().unwrap().pem, pem);
    let damaged = pem.replacen('M', "", 1);
    let der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for bad in [None, Some(""), Some("no certificate"), Some(damaged.as_str()), Some(der)] {
        let error = ca(bad).unwrap_err().to_string();
        assert!(error.contains("EXTRA_CA_FILE") && error.contains("company.pem"), "{error}");
    }
}

#[test]
fn a_relative_ca_file_starts_where_it_was_written() {
    let error = resolve(&saved("extra_ca_file = \"certs/ca.pem\"")).unwrap_err().to_string();
    assert!(error.contains(&Path::new("platform").join("certs/ca.pem").display().to_string()), "{error}");
    let error = with(&[("EXTRA_CA_FILE", "ca.pem")]).unwrap_err().to_string();
    assert!(error.contains(&Path::new("root-of-tests").join("ca.pem").display().to_string()), "{error}");
}
