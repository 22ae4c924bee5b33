//! The short commands.

use std::io::{BufRead, ErrorKind, IsTerminal, Read};

use serde_json::{Value, json};

use super::args::{Accounts, Keys, Place};
use super::client::{Found, ask, block_on, find};
use super::secret_input::read_secret;
use super::{Stop, out};
use crate::accounts::{AccountView, Reason};
use crate::app::Parts;
use crate::control::{CheckView, KeyView, Status, said_of_env_file};
use crate::server::dial_addr;

/// What a user of web sessions must know before the first one is stored.
const NOTICE: &str = "\
Please note: this program is unofficial. A web session is your own mammouth.ai login, used on this machine for you
alone. Mammouth's terms (14 April 2026) forbid bypassing plan limits, sharing credentials and reverse engineering; the
official API key is the sanctioned way. You decide.";

pub(super) fn status(place: &Place) -> Result<(), Stop> {
    let found = find(place)?;
    let Some(client) = &found.client else { return status_at_rest(place, &found) };
    let status: Status = block_on(client.ask("status", Value::Null))?;
    let demo = if status.demo { " (demo)" } else { "" };
    out::line(format_args!("mammouth-proxy {}{demo}, process {}", status.version, status.pid));
    out::line(format_args!("base URL for clients: {}", status.base_url));
    out::line(format_args!("open connections: {}", status.connections));
    out::line(format_args!("requests logged: {} ({} lost)", status.log_recorded, status.log_dropped));
    out::line(format_args!("data directory: {}", status.data_dir));
    out::line(format_args!("web accounts are asked at: {}", status.web_url));
    status.notices.iter().for_each(|notice| out::line(format_args!("notice: {}", notice.text)));
    out::line("accounts:");
    show_accounts(&status.accounts);
    Ok(())
}

/// What the next start would find. That nothing runs is still a failure, for scripts that ask.
fn status_at_rest(place: &Place, found: &Found) -> Result<(), Stop> {
    out::line(format_args!("the next start listens on: http://{}", dial_addr(found.config.listen())));
    out::line(format_args!("data directory: {}", found.data_dir.display()));
    found.config.notice.iter().for_each(|notice| out::line(format_args!("notice: {notice}")));
    let env_file = found.config.unnamed_env_file.as_ref().map(said_of_env_file);
    env_file.iter().for_each(|notice| out::line(format_args!("notice: {notice}")));
    out::line("accounts:");
    show_accounts(&ask::<Vec<AccountView>>(place, "accounts.list", Value::Null)?);
    Err(Stop::failed("the proxy does not run: start it with 'mammouth-proxy serve'"))
}

pub(super) fn accounts(place: &Place, command: Accounts) -> Result<(), Stop> {
    match command {
        Accounts::List { json } => list_accounts(place, json),
        Accounts::Check { label } => check_accounts(place, label),
        Accounts::Add { label, api, accept_terms } => add_account(place, &label, api, accept_terms),
        Accounts::Rename { label, to } => {
            change(place, "accounts.rename", json!({ "label": label, "to": to }), "renamed")
        }
        Accounts::Only { label } => {
            let done = if label.is_some() { "the others wait" } else { "all accounts are used" };
            change(place, "accounts.only", json!({ "label": label }), done)
        }
        Accounts::Pause { label } => {
            change(place, "accounts.enable", json!({ "label": label, "enabled": false }), "paused")
        }
        Accounts::Resume { label } => {
            change(place, "accounts.enable", json!({ "label": label, "enabled": true }), "resumed")
        }
        Accounts::UseHost { label, host } => change(
            place,
            "accounts.use_host",
            json!({ "label": label, "host": host }),
            "used with this address",
        ),
        Accounts::Remove { label } => change(place, "accounts.remove", json!({ "label": label }), "removed"),
    }
}

/// A command that answers with nothing.
fn change(place: &Place, name: &str, args: Value, done: &str) -> Result<(), Stop> {
    let () = ask(place, name, args)?;
    out::line(done);
    Ok(())
}

fn list_accounts(place: &Place, json: bool) -> Result<(), Stop> {
    let accounts: Vec<AccountView> = ask(place, "accounts.list", Value::Null)?;
    if json {
        out::line(serde_json::to_string_pretty(&accounts).map_err(|error| Stop::failed(error.to_string()))?);
    } else {
        show_accounts(&accounts);
    }
    Ok(())
}

fn show_accounts(accounts: &[AccountView]) {
    if accounts.is_empty() {
        out::line("  none: set COOKIES, or add one with 'mammouth-proxy accounts add --label NAME'");
    }
    for account in accounts {
        let quota = account.quota_percent.map_or_else(String::new, |percent| {
            let note = if account.quota_estimated { " (estimated)" } else { "" };
            format!(", {percent:.0} % of quota used{note}")
        });
        out::line(format_args!("  {}: {}{quota}", account.label, account.state));
        account.advice.iter().for_each(|advice| out::line(format_args!("    {advice}")));
        for limit in &account.limits {
            let what = if limit.scope.is_empty() { "every model" } else { &limit.scope };
            let why = match limit.reason {
                Reason::Quota => "quota used up",
                Reason::Throttled => "told to slow down",
            };
            out::line(format_args!(
                "    {what}: {why}, free again in {} min",
                limit.seconds_left.div_ceil(60)
            ));
        }
        for (scope, model) in &account.downgrades {
            out::line(format_args!("    {scope}: answered by the lighter model {model}"));
        }
    }
}

fn check_accounts(place: &Place, label: Option<String>) -> Result<(), Stop> {
    let found: Vec<CheckView> = ask(place, "accounts.check", json!({ "label": label }))?;
    found.iter().for_each(show_check);
    let bad = found.iter().filter(|check| !check.ok).count();
    if bad == 0 {
        Ok(())
    } else {
        Err(Stop::failed(format!("{bad} of {} accounts cannot be used", found.len())))
    }
}

fn show_check(check: &CheckView) {
    let mark = if check.ok { "ok" } else { "not ok" };
    let who: Vec<&str> = check.email.iter().chain(&check.plan).map(String::as_str).collect();
    let who = if who.is_empty() { String::new() } else { format!(" ({})", who.join(", ")) };
    out::line(format_args!("{}: {mark}, {}{who}", check.label, check.message));
}

fn add_account(place: &Place, label: &str, api: bool, accepted: bool) -> Result<(), Stop> {
    if !api {
        agree(place, accepted)?;
    }
    let (kind, what) = if api { ("api", "API key") } else { ("web", "cookie 'auth_session'") };
    let prompt = || {
        out::note(format_args!("Paste the {what}, which is not shown at a terminal, and end with Ctrl-D:"))
    };
    let secret = read_secret(prompt).map_err(|error| {
        Stop::failed(if error.kind() == ErrorKind::Interrupted {
            "nothing was added".to_owned()
        } else {
            format!("the {what} cannot be read: {error}")
        })
    })?;
    let args = json!({ "label": label, "kind": kind, "secret": secret.trim() });
    let added: CheckView = ask(place, "accounts.add", args)?;
    show_check(&added);
    Ok(())
}

/// Before the first web session is stored the user has read the notice.
fn agree(place: &Place, accepted: bool) -> Result<(), Stop> {
    out::note(NOTICE);
    if find(place)?.parts.settings.preferences().terms_accepted {
        return Ok(());
    }
    if !accepted && !says_yes()? {
        return Err(Stop::failed(
            "the notice was not accepted: nothing was added ('--accept-terms' accepts it)",
        ));
    }
    ask(place, "settings.accept_terms", Value::Null)
}

/// Only a person can be asked; a script says it with the option.
fn says_yes() -> Result<bool, Stop> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    out::note("Type 'yes' to accept this:");
    let mut answer = String::new();
    let read = std::io::stdin().lock().take(64).read_line(&mut answer);
    read.map_err(|error| Stop::failed(format!("the answer cannot be read: {error}")))?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}

pub(super) fn keys(place: &Place, command: Keys) -> Result<(), Stop> {
    match command {
        Keys::List { reveal } => {
            let keys: Vec<KeyView> = ask(place, "keys.list", json!({ "reveal": reveal.is_some() }))?;
            let Some(name) = reveal else {
                keys.iter().for_each(|key| out::line(format_args!("{}: {}", key.name, key.origin)));
                return Ok(());
            };
            let key = keys.iter().find(|key| key.name == name);
            reveal_key(key.ok_or_else(|| Stop::failed("there is no key of this name"))?);
        }
        Keys::Add { name } => {
            let key: KeyView = ask(place, "keys.add", json!({ "name": name }))?;
            out::note(if key.can_show {
                format!("'mammouth-proxy keys list --reveal {name}' shows this key again:")
            } else {
                "no keychain could keep this key: it is shown only now:".to_owned()
            });
            out::line(key.key.unwrap_or_default());
        }
        Keys::ReplaceMain => {
            let key: KeyView = ask(place, "keys.replace_main", Value::Null)?;
            out::note("give this key to your clients; the old one is refused now:");
            out::line(key.key.unwrap_or_default());
        }
        Keys::Revoke { name } => return change(place, "keys.revoke", json!({ "name": name }), "revoked"),
    }
    Ok(())
}

/// The key stands alone on stdout, so that a shell can take it.
fn reveal_key(key: &KeyView) {
    match &key.key {
        Some(value) => out::line(value),
        None => out::note(format_args!("{}: {}", key.name, key.origin)),
    }
}

pub(super) fn port(place: &Place, port: u16) -> Result<(), Stop> {
    let mut found = find(place)?;
    let Some(client) = found.client else {
        return store_port(&mut found.parts, port);
    };
    let switched: Value = block_on(client.ask("port.switch", json!({ "port": port })))?;
    out::line(format_args!("listening on http://{}", switched["address"].as_str().unwrap_or_default()));
    Ok(())
}

/// Nobody runs: the port is kept for the next start.
fn store_port(parts: &mut Parts, port: u16) -> Result<(), Stop> {
    let saved = parts.settings.update(|settings| settings.set_port(port));
    saved.map_err(|error| Stop::failed(error.to_string()))?;
    out::line(format_args!("the next start listens on port {port}"));
    Ok(())
}
