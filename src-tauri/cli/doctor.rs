//! `doctor`: checks everything between a client and an answer.

use serde_json::json;

use super::args::Place;
use super::client::{Client, ask_stored, block_on, find, stored};
use super::log_files::{MAX_LOG_DAYS, log_folder};
use super::{Stop, exit, out};
use crate::app;
use crate::config::{Config, SecretPlace, UnnamedEnvFile};
use crate::control::doctor::{Finding, Level, accounts, secrets};
use crate::control::{CheckView, said_of_env_file};
use crate::server;

pub(super) fn doctor(place: &Place) -> Result<(), Stop> {
    let found = find(place).map_err(wrong_settings)?;
    let findings = block_on(async {
        let mut findings = vec![settings(&found.config)];
        findings.extend(found.config.unnamed_env_file.as_ref().map(env_file));
        findings.push(port(&found.config, found.client.as_ref()).await);
        findings.push(secrets(&found.parts.vault, kept_in(&found.config)).await);
        findings.push(log_files(&found.config));
        match &found.client {
            Some(client) => findings.extend(running(client).await?),
            None => findings.extend(at_rest(&found.config, found.parts).await?),
        }
        Ok(findings)
    })?;
    findings.iter().for_each(show);
    let bad = findings.iter().filter(|finding| finding.level == Level::Bad).count();
    if bad == 0 {
        Ok(())
    } else {
        Err(Stop::failed(format!("{bad} of {} checks found something wrong", findings.len())))
    }
}

fn wrong_settings(stop: Stop) -> Stop {
    if stop.code != exit::USAGE {
        return stop;
    }
    show(&Finding::bad("settings", &stop.message, "correct the setting that is named"));
    Stop::new(stop.code, "the settings are wrong, so nothing else was checked")
}

fn show(finding: &Finding) {
    let mark = match finding.level {
        Level::Good => "ok     ",
        Level::Warning => "note   ",
        Level::Bad => "problem",
    };
    out::line(format_args!("{mark}  {}: {}", finding.subject, finding.text));
    if !finding.advice.is_empty() {
        out::line(format_args!("         what to do: {}", finding.advice));
    }
}

fn settings(config: &Config) -> Finding {
    match &config.notice {
        None => Finding::good("settings", "every setting is valid"),
        Some(notice) => {
            Finding::warning("settings", notice, "look at the settings file in the data directory")
        }
    }
}

fn log_files(config: &Config) -> Finding {
    let folder = log_folder(&config.data_dir);
    let text = if folder.is_dir() {
        format!("the desktop program's last {MAX_LOG_DAYS} days are in {}", folder.display())
    } else {
        format!("the desktop program has written none yet; they will be in {}", folder.display())
    };
    Finding::good("log files", text)
}

fn env_file(file: &UnnamedEnvFile) -> Finding {
    Finding::warning("settings", said_of_env_file(file).to_string(), "remove it, or name it with --env-file")
}

fn kept_in(config: &Config) -> &'static str {
    match config.secret_store {
        SecretPlace::Keychain => "keychain",
        SecretPlace::File { .. } => "file of secrets",
    }
}

/// Whether the port is ours, free, or somebody else's.
async fn port(config: &Config, client: Option<&Client>) -> Finding {
    if let Some(client) = client {
        return Finding::good(
            "port",
            format!("the proxy listens on {}", server::dial_addr(client.instance.address)),
        );
    }
    match server::bind(config.listen()).await {
        Ok(_) => Finding::good("port", format!("port {} is free for the next start", config.port)),
        Err(error) => Finding::bad(
            "port",
            error.to_string(),
            "end that program, or choose another port (PORT or 'mammouth-proxy port N')",
        ),
    }
}

/// The running proxy checks with its own connections and secrets.
async fn running(client: &Client) -> Result<Vec<Finding>, Stop> {
    let mut findings: Vec<Finding> = client.ask("doctor", json!(null)).await?;
    let checks: Vec<CheckView> = client.ask("accounts.check", json!({})).await?;
    findings.extend(accounts(&checks));
    Ok(findings)
}

/// Nobody runs: the accounts of the settings are checked from here.
async fn at_rest(config: &Config, parts: app::Parts) -> Result<Vec<Finding>, Stop> {
    if config.demo {
        return Ok(vec![Finding::good("accounts", "the demo brings its own")]);
    }
    let stored = stored(config, parts, false).await?;
    let mut findings: Vec<Finding> = ask_stored(&stored, "doctor", json!(null)).await?;
    let checks: Vec<CheckView> = ask_stored(&stored, "accounts.check", json!({})).await?;
    findings.extend(accounts(&checks));
    Ok(findings)
}
