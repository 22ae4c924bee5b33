//! Command `doctor`: checks for problems that prevent replies, with advice.

use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::accounts::CheckView;
use super::settings::outbound::in_force;
use super::{Control, ControlError, NoArgs, UserMessage};
use storage::config::SettingSource;
use storage::secrets::{AsyncSecretStore, StoreError};
use upstreams::{UpstreamError, UpstreamErrorKind, UpstreamId};

/// The tolerated difference between clocks. A larger one makes certificates look invalid.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(120);

/// Severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum Level {
    Good,
    /// A problem that does not prevent replies.
    Warning,
    Bad,
}

/// Result of one check.
#[derive(Debug, Clone, Serialize, Deserialize, ts_rs::TS)]
pub struct Finding {
    pub subject: String,
    pub level: Level,
    pub text: String,
    /// Advice for the user; empty if there is nothing to do.
    pub advice: String,
    /// The text as a code with arguments, if the window can translate it.
    #[serde(default)]
    pub said: Option<UserMessage>,
}

impl Finding {
    pub fn good(subject: &str, text: impl Into<String>) -> Self {
        let (subject, text) = (subject.into(), text.into());
        Self { subject, level: Level::Good, text, advice: String::new(), said: None }
    }

    pub fn warning(subject: &str, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Warning, advice: advice.into(), ..Self::good(subject, text) }
    }

    pub fn bad(subject: &str, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Bad, ..Self::warning(subject, text, advice) }
    }

    pub(super) fn with_message(self, message: UserMessage) -> Self {
        Self { text: message.to_string(), said: Some(message), ..self }
    }
}

/// Checks the keychain, or the file in place of it, without reading a secret.
pub async fn check_secret_store(vault: &AsyncSecretStore, subject: &str) -> Finding {
    let answered = match vault.check_available().await {
        Ok(()) => vault.get("doctor").await.map(drop),
        Err(error) => Err(error),
    };
    match answered {
        Ok(()) => Finding::good(subject, "it answers"),
        Err(StoreError::Missing) => Finding::warning(
            subject,
            "there is no keychain on this machine",
            "accounts come from COOKIES or COOKIES_FILE then, or are kept with secret_store = \"file\"; named client keys work",
        ),
        // The error's text contains the advice.
        Err(error) => Finding::bad(subject, error.to_string(), ""),
    }
}

/// Checks whether all upstreams are reachable over a trusted connection, and whether their clocks agree with this
/// machine's.
pub(super) async fn check_upstream(control: &Control, _: NoArgs) -> Result<Vec<Finding>, ControlError> {
    let mut findings = connection_findings(control);
    let probes = control.upstreams.iter().map(async |upstream| (upstream.id(), upstream.probe().await));
    let probes = join_all(probes).await;
    let date = probes.iter().find_map(|(_, probe)| probe.as_ref().ok()).copied().flatten();
    findings.extend(
        probes.into_iter().map(|(upstream, probe)| reachability_finding(control, upstream, probe.err())),
    );
    findings.push(super::updates::finding(control).await?);
    findings.extend(date.map(|date| check_clock(date, control.clock.now().wall)));
    Ok(findings)
}

/// The finding for one upstream. An unreachable upstream is no error if no account needs it.
fn reachability_finding(control: &Control, upstream: UpstreamId, failure: Option<UpstreamError>) -> Finding {
    let subject = upstream.display_name;
    let Some(failure) = failure else {
        return Finding::good(subject, "").with_message(UserMessage::SiteReached);
    };
    let finding = unreachable_finding(subject, &failure, control.upstreams.proxy().is_some());
    let enabled = control.accounts.enabled_upstreams();
    let needed = enabled.contains(&upstream) || enabled.is_empty();
    Finding { level: if needed { Level::Bad } else { Level::Warning }, ..finding }
}

/// Findings about the outbound proxy and the trusted certificates, with the source of each setting.
fn connection_findings(control: &Control) -> Vec<Finding> {
    let config = in_force(control, &control.saved_config());
    let message = match (control.upstreams.proxy(), config.proxy_given_by) {
        (None, _) => UserMessage::NoProxy,
        (Some(proxy), SettingSource::Settings) => UserMessage::ProxyFromSettings { proxy: proxy.to_string() },
        (Some(proxy), SettingSource::Default) => UserMessage::ProxyOfSystem { proxy: proxy.to_string() },
        (Some(proxy), SettingSource::Flag | SettingSource::Environment | SettingSource::EnvFile) => {
            UserMessage::ProxyFromVariable { proxy: proxy.to_string() }
        }
    };
    let ca = config.extra_ca.map(|ca| UserMessage::ExtraCa { file: ca.path.display().to_string() });
    let trusted = ca.map(|message| Finding::good("certificates", "").with_message(message));
    std::iter::once(Finding::good("proxy", "").with_message(message)).chain(trusted).collect()
}

fn check_clock(upstream_time: SystemTime, local_time: SystemTime) -> Finding {
    let ahead = local_time.duration_since(upstream_time).unwrap_or_default();
    let behind = upstream_time.duration_since(local_time).unwrap_or_default();
    let off = ahead.max(behind);
    if off <= CLOCK_TOLERANCE {
        return Finding::good("clock", "").with_message(UserMessage::ClockRight);
    }
    let minutes = off.as_secs() / 60;
    let message = if ahead > behind {
        UserMessage::ClockAhead { minutes }
    } else {
        UserMessage::ClockBehind { minutes }
    };
    Finding::bad("clock", "", "switch on the system's time synchronisation").with_message(message)
}

fn unreachable_finding(subject: &str, failure: &UpstreamError, is_proxied: bool) -> Finding {
    let advice = match failure.kind {
        UpstreamErrorKind::Tls if !cfg!(target_os = "linux") => {
            "look at the clock; where a company's proxy or a virus scanner opens TLS, give the file of its certificate authority in EXTRA_CA_FILE, or as extra_ca_file in the settings"
        }
        UpstreamErrorKind::Tls => {
            "look at the clock and at the system's certificates (package ca-certificates); where a company's proxy or a virus scanner opens TLS, give the file of its certificate authority in EXTRA_CA_FILE, or as extra_ca_file in the settings"
        }
        UpstreamErrorKind::Challenge => "open mammouth.ai in a browser on this machine, then try again",
        UpstreamErrorKind::Limited
        | UpstreamErrorKind::Throttled
        | UpstreamErrorKind::LoginRequired
        | UpstreamErrorKind::Server
        | UpstreamErrorKind::BadResponse
        | UpstreamErrorKind::Empty
        | UpstreamErrorKind::Unreachable
        | UpstreamErrorKind::Timeout
        | UpstreamErrorKind::NoSuchModel
        | UpstreamErrorKind::ContextLength
        | UpstreamErrorKind::Rejected
        | UpstreamErrorKind::Image
        | UpstreamErrorKind::Interrupted => {
            if is_proxied {
                "look at the proxy: its address, user name and password (HTTPS_PROXY, or proxy in the settings), and whether it lets connections to mammouth.ai and api.mammouth.ai through"
            } else {
                "look at the network connection, and whether mammouth.ai opens in a browser"
            }
        }
    };
    let message = UserMessage::Failed { kind: failure.kind, detail: failure.detail.clone() };
    Finding::bad(subject, "", advice).with_message(message)
}

/// Converts account checks to findings.
pub fn account_findings(checks: &[CheckView]) -> Vec<Finding> {
    if checks.is_empty() {
        let advice = "set COOKIES or COOKIES_FILE, or run 'mammouth-proxy accounts add --label NAME'";
        return vec![Finding::bad("accounts", "there is no account", advice)];
    }
    let finding = |check: &CheckView| {
        let subject = format!("account {}", check.label);
        if check.ok {
            return Finding::good(&subject, &check.message);
        }
        if check.unread {
            return Finding::bad(&subject, &check.message, "");
        }
        let advice =
            "sign in at mammouth.ai, copy the cookie 'auth_session' again, and replace it where it is set";
        Finding::bad(&subject, &check.message, advice)
    };
    checks.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f41_a_wrong_clock_is_named() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10_000);
        assert_eq!(check_clock(now, now + Duration::from_secs(100)).level, Level::Good);
        let ahead = check_clock(now, now + Duration::from_secs(3_600));
        assert_eq!((ahead.level, ahead.text.contains("60 minutes ahead")), (Level::Bad, true));
        assert!(check_clock(now + Duration::from_secs(600), now).text.contains("behind"));
    }
}
