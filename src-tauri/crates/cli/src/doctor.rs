//! `doctor`: checks everything that a request needs.

use serde_json::json;

use super::args::GlobalArgs;
use super::client::{Client, block_on, find_target, open_offline, run_offline};
use super::log_files::{MAX_LOG_DAYS, log_folder};
use super::{ExitError, exit, output};
use gateway::app;
use gateway::management::doctor::{Finding, Level, account_findings, check_secret_store};
use gateway::management::{CheckView, UserMessage, env_file_message, shared_data_dir_message};
use gateway::server;
use storage::config::{Config, SecretStoreSetting, UnnamedEnvFile};

pub(super) fn doctor(global: &GlobalArgs) -> Result<(), ExitError> {
    let target = find_target(global).map_err(settings_error)?;
    let findings = block_on(async {
        let mut findings = vec![settings(&target.config)];
        findings.extend(target.config.unnamed_env_file.as_ref().map(env_file));
        findings.extend(shared_data_dir_message(&target.config.data_dir).map(shared_data_dir));
        findings.push(port(&target.config, target.client.as_ref()).await);
        findings.push(check_secret_store(&target.parts.vault, store_name(&target.config)).await);
        findings.push(log_files(&target.config));
        match &target.client {
            Some(client) => findings.extend(running_findings(client).await?),
            None => findings.extend(offline_findings(&target.config, target.parts).await?),
        }
        Ok(findings)
    })?;
    findings.iter().for_each(show);
    let problems = findings.iter().filter(|finding| finding.level == Level::Bad).count();
    if problems == 0 {
        Ok(())
    } else {
        Err(ExitError::failed(format!("{problems} of {} checks found something wrong", findings.len())))
    }
}

fn settings_error(stop: ExitError) -> ExitError {
    if stop.code != exit::USAGE {
        return stop;
    }
    show(&Finding::bad("settings", &stop.message, "correct the setting that is named"));
    ExitError::new(stop.code, "the settings are wrong, so nothing else was checked")
}

fn show(finding: &Finding) {
    let mark = match finding.level {
        Level::Good => "ok     ",
        Level::Warning => "note   ",
        Level::Bad => "problem",
    };
    output::line(format_args!("{mark}  {}: {}", finding.subject, finding.text));
    if !finding.advice.is_empty() {
        output::line(format_args!("         what to do: {}", finding.advice));
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
    Finding::warning("settings", env_file_message(file).to_string(), "remove it, or name it with --env-file")
}

fn shared_data_dir(message: UserMessage) -> Finding {
    Finding::warning("data directory", message.to_string(), "")
}

fn store_name(config: &Config) -> &'static str {
    match config.secret_store {
        SecretStoreSetting::Keychain => "keychain",
        SecretStoreSetting::File { .. } => "file of secrets",
    }
}

/// Checks whether the port is used by this proxy, free, or used by another program.
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

/// Findings of the running proxy, made with its own connections and secrets.
async fn running_findings(client: &Client) -> Result<Vec<Finding>, ExitError> {
    let mut findings: Vec<Finding> = client.call("doctor", json!(null)).await?;
    let checks: Vec<CheckView> = client.call("accounts.check", json!({})).await?;
    findings.extend(account_findings(&checks));
    Ok(findings)
}

/// Findings about the accounts of the settings, while no instance runs.
async fn offline_findings(config: &Config, parts: app::AppParts) -> Result<Vec<Finding>, ExitError> {
    if config.demo {
        return Ok(vec![Finding::good("accounts", "the demo brings its own")]);
    }
    let stored = open_offline(config, parts, false).await?;
    let mut findings: Vec<Finding> = run_offline(&stored, "doctor", json!(null)).await?;
    let checks: Vec<CheckView> = run_offline(&stored, "accounts.check", json!({})).await?;
    findings.extend(account_findings(&checks));
    Ok(findings)
}
