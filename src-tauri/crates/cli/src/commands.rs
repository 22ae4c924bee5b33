//! Commands that need no file of their own.

use std::io::{BufRead, ErrorKind, IsTerminal, Read};
use std::time::Duration;

use serde_json::{Value, json};

use super::args::{AccountsCommand, GlobalArgs, KeysCommand};
use super::client::{TargetInstance, block_on, find_target, run_command, running};
use super::secret_input::read_secret;
use super::{ExitError, exit, output};
use gateway::accounts::{AccountView, LimitReason};
use gateway::app::{AppParts, find_running};
use gateway::management::{CheckView, IssuedKey, KeyView, Status, env_file_message};
use gateway::server::dial_addr;

/// Notice that the user must accept before the first web session is stored.
const WEB_SESSION_NOTICE: &str = "\
Please note: this program is unofficial. A web session is your own mammouth.ai login, used on this machine for you
alone. Mammouth's terms (14 April 2026) forbid bypassing plan limits, sharing credentials and reverse engineering; the
official API key is the sanctioned way. You decide.";

/// Time limit for the end of a proxy, including its drain.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// Interval between checks whether the proxy has ended.
const STOP_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Ends the running proxy as a signal does, and waits for it.
pub(super) fn stop(global: &GlobalArgs) -> Result<(), ExitError> {
    let target = find_target(global)?;
    let Some(client) = target.client else {
        output::line("the proxy does not run");
        return Ok(());
    };
    block_on(async {
        client.call::<()>("program.stop", Value::Null).await?;
        let ended = async {
            let mut poll = tokio::time::interval(STOP_POLL_INTERVAL);
            while find_running(&target.data_dir).is_some() {
                poll.tick().await;
            }
        };
        let late = |_| ExitError::failed("the proxy was told to end, and still runs");
        tokio::time::timeout(STOP_TIMEOUT, ended).await.map_err(late)
    })?;
    output::line("stopped");
    Ok(())
}

pub(super) fn status(global: &GlobalArgs) -> Result<(), ExitError> {
    let target = find_target(global)?;
    let Some(client) = &target.client else { return status_when_stopped(global, &target) };
    let status: Status = block_on(client.call("status", Value::Null))?;
    let demo = if status.demo { " (demo)" } else { "" };
    output::line(format_args!("mammouth-proxy {}{demo}, process {}", status.version, status.pid));
    output::line(format_args!("base URL for clients: {}", status.base_url));
    output::line(format_args!("open connections: {}", status.connections));
    output::line(format_args!("requests logged: {} ({} lost)", status.log_recorded, status.log_dropped));
    output::line(format_args!("data directory: {}", status.data_dir));
    output::line(format_args!("web accounts are asked at: {}", status.web_url));
    status.notices.iter().for_each(|notice| output::line(format_args!("notice: {}", notice.text)));
    output::line("accounts:");
    show_accounts(&status.accounts);
    Ok(())
}

/// Shows the state that the next start would find. Fails nevertheless, so that scripts see that no proxy runs.
fn status_when_stopped(global: &GlobalArgs, target: &TargetInstance) -> Result<(), ExitError> {
    output::line(format_args!("the next start listens on: http://{}", dial_addr(target.config.listen())));
    output::line(format_args!("data directory: {}", target.data_dir.display()));
    target.config.notice.iter().for_each(|notice| output::line(format_args!("notice: {notice}")));
    let env_file = target.config.unnamed_env_file.as_ref().map(env_file_message);
    env_file.iter().for_each(|notice| output::line(format_args!("notice: {notice}")));
    output::line("accounts:");
    show_accounts(&run_command::<Vec<AccountView>>(global, "accounts.list", Value::Null)?);
    Err(ExitError::failed("the proxy does not run: start it with 'mammouth-proxy serve'"))
}

pub(super) fn accounts(global: &GlobalArgs, command: AccountsCommand) -> Result<(), ExitError> {
    match command {
        AccountsCommand::List { json } => list_accounts(global, json),
        AccountsCommand::Check { label } => check_accounts(global, label),
        AccountsCommand::Add { label, api, accept_terms } => add_account(global, &label, api, accept_terms),
        AccountsCommand::Rename { label, to } => {
            run_action(global, "accounts.rename", json!({ "label": label, "to": to }), "renamed")
        }
        AccountsCommand::Only { label } => {
            let done = if label.is_some() { "the others wait" } else { "all accounts are used" };
            run_action(global, "accounts.only", json!({ "label": label }), done)
        }
        AccountsCommand::Pause { label } => {
            run_action(global, "accounts.enable", json!({ "label": label, "enabled": false }), "paused")
        }
        AccountsCommand::Resume { label } => {
            run_action(global, "accounts.enable", json!({ "label": label, "enabled": true }), "resumed")
        }
        AccountsCommand::UseHost { label, host } => run_action(
            global,
            "accounts.use_host",
            json!({ "label": label, "host": host }),
            "used with this address",
        ),
        AccountsCommand::Remove { label } => {
            run_action(global, "accounts.remove", json!({ "label": label }), "removed")
        }
    }
}

/// Runs a command without a result.
fn run_action(global: &GlobalArgs, name: &str, args: Value, done: &str) -> Result<(), ExitError> {
    let () = run_command(global, name, args)?;
    output::line(done);
    Ok(())
}

fn list_accounts(global: &GlobalArgs, json: bool) -> Result<(), ExitError> {
    let accounts: Vec<AccountView> = run_command(global, "accounts.list", Value::Null)?;
    if json {
        output::line(
            serde_json::to_string_pretty(&accounts).map_err(|error| ExitError::failed(error.to_string()))?,
        );
    } else {
        show_accounts(&accounts);
    }
    Ok(())
}

fn show_accounts(accounts: &[AccountView]) {
    if accounts.is_empty() {
        output::line("  none: set COOKIES, or add one with 'mammouth-proxy accounts add --label NAME'");
    }
    for account in accounts {
        let quota = account.quota_percent.map_or_else(String::new, |percent| {
            let note = if account.quota_estimated { " (estimated)" } else { "" };
            format!(", {percent:.0} % of quota used{note}")
        });
        output::line(format_args!("  {}: {}{quota}", account.label, account.state));
        account.advice.iter().for_each(|advice| output::line(format_args!("    {advice}")));
        for limit in &account.limits {
            let what = if limit.scope.is_empty() { "every model" } else { &limit.scope };
            let why = match limit.reason {
                LimitReason::Quota => "quota used up",
                LimitReason::Throttled => "told to slow down",
            };
            output::line(format_args!(
                "    {what}: {why}, free again in {} min",
                limit.seconds_left.div_ceil(60)
            ));
        }
        for (scope, model) in &account.downgrades {
            output::line(format_args!("    {scope}: answered by the lighter model {model}"));
        }
    }
}

fn check_accounts(global: &GlobalArgs, label: Option<String>) -> Result<(), ExitError> {
    let checks: Vec<CheckView> = run_command(global, "accounts.check", json!({ "label": label }))?;
    checks.iter().for_each(show_check);
    let bad = checks.iter().filter(|check| !check.ok).count();
    if bad == 0 {
        Ok(())
    } else {
        Err(ExitError::failed(format!("{bad} of {} accounts cannot be used", checks.len())))
    }
}

fn show_check(check: &CheckView) {
    let mark = if check.ok { "ok" } else { "not ok" };
    let identity: Vec<&str> = check.email.iter().chain(&check.plan).map(String::as_str).collect();
    let identity = if identity.is_empty() { String::new() } else { format!(" ({})", identity.join(", ")) };
    output::line(format_args!("{}: {mark}, {}{identity}", check.label, check.message));
}

fn add_account(global: &GlobalArgs, label: &str, api: bool, accepted: bool) -> Result<(), ExitError> {
    if !api {
        require_terms(global, accepted)?;
    }
    let (kind, what) = if api { ("api", "API key") } else { ("web", "cookie 'auth_session'") };
    let prompt = || {
        let end = if cfg!(windows) { "Ctrl-Z and Enter" } else { "Ctrl-D" };
        output::note(format_args!("Paste the {what}, which is not shown at a terminal, and end with {end}:"))
    };
    let secret = read_secret(prompt).map_err(|error| {
        ExitError::failed(if error.kind() == ErrorKind::Interrupted {
            "nothing was added".to_owned()
        } else {
            format!("the {what} cannot be read: {error}")
        })
    })?;
    let args = json!({ "label": label, "kind": kind, "secret": secret.trim() });
    let added: CheckView = run_command(global, "accounts.add", args)?;
    show_check(&added);
    Ok(())
}

/// Requires that the notice about web sessions was accepted.
fn require_terms(global: &GlobalArgs, accepted: bool) -> Result<(), ExitError> {
    output::note(WEB_SESSION_NOTICE);
    if find_target(global)?.parts.settings.terms_accepted() {
        return Ok(());
    }
    if !accepted && !read_confirmation()? {
        return Err(ExitError::failed(
            "the notice was not accepted: nothing was added ('--accept-terms' accepts it)",
        ));
    }
    run_command(global, "settings.accept_terms", Value::Null)
}

/// Asks the user at the terminal. Returns `false` without a terminal, where the option is required.
fn read_confirmation() -> Result<bool, ExitError> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    output::note("Type 'yes' to accept this:");
    let mut answer = String::new();
    let read = std::io::stdin().lock().take(64).read_line(&mut answer);
    read.map_err(|error| ExitError::failed(format!("the answer cannot be read: {error}")))?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}

pub(super) fn keys(global: &GlobalArgs, command: KeysCommand) -> Result<(), ExitError> {
    match command {
        KeysCommand::List { reveal } => {
            let keys: Vec<KeyView> = run_command(global, "keys.list", json!({ "reveal": reveal.is_some() }))?;
            let Some(name) = reveal else {
                keys.iter().for_each(|key| output::line(format_args!("{}: {}", key.name, key.origin)));
                return Ok(());
            };
            let key = keys.iter().find(|key| key.name == name);
            reveal_key(key.ok_or_else(|| ExitError::failed("there is no key of this name"))?);
        }
        KeysCommand::Add { name } => {
            let key: KeyView = run_command(global, "keys.add", json!({ "name": name }))?;
            output::note(if key.can_show {
                format!("'mammouth-proxy keys list --reveal {name}' shows this key again:")
            } else {
                "no keychain could keep this key: it is shown only now:".to_owned()
            });
            output::line(key.key.unwrap_or_default());
        }
        KeysCommand::Issue { name, ttl } => {
            let seconds = parse_duration(&ttl)?;
            let args = json!({ "name": name, "ttl_seconds": seconds });
            let key: IssuedKey = block_on(running(&global.in_project())?.call("keys.issue", args))?;
            output::line(key.key);
        }
        KeysCommand::ReplaceMain => {
            let key: KeyView = run_command(global, "keys.replace_main", Value::Null)?;
            output::note("give this key to your clients; the old one is refused now:");
            output::line(key.key.unwrap_or_default());
        }
        KeysCommand::Revoke { name } => {
            return run_action(global, "keys.revoke", json!({ "name": name }), "revoked");
        }
    }
    Ok(())
}

/// Parses a duration such as 90s, 30m, 12h or 7d. Returns seconds.
fn parse_duration(text: &str) -> Result<u64, ExitError> {
    let seconds = |unit: char| match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(60 * 60),
        'd' => Some(24 * 60 * 60),
        _ => None,
    };
    let parsed = text.chars().last().and_then(seconds).and_then(|unit| {
        let number: u64 = text.get(..text.len() - 1)?.parse().ok()?;
        number.checked_mul(unit)
    });
    parsed.ok_or_else(|| ExitError::new(exit::USAGE, "a time is written as 90s, 30m, 12h or 7d"))
}

/// Prints only the key on stdout, so that scripts can read it.
fn reveal_key(key: &KeyView) {
    match &key.key {
        Some(value) => output::line(value),
        None => output::note(format_args!("{}: {}", key.name, key.origin)),
    }
}

pub(super) fn port(global: &GlobalArgs, port: u16) -> Result<(), ExitError> {
    let mut target = find_target(global)?;
    let Some(client) = target.client else {
        return store_port(&mut target.parts, port);
    };
    let switched: Value = block_on(client.call("port.switch", json!({ "port": port })))?;
    output::line(format_args!("listening on http://{}", switched["address"].as_str().unwrap_or_default()));
    Ok(())
}

/// Stores the port for the next start, while no instance runs.
fn store_port(parts: &mut AppParts, port: u16) -> Result<(), ExitError> {
    let saved = parts.settings.update(|settings| settings.set_port(port));
    saved.map_err(|error| ExitError::failed(error.to_string()))?;
    output::line(format_args!("the next start listens on port {port}"));
    Ok(())
}
