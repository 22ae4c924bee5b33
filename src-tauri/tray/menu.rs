//! The tray's menu as a value, built from a status by pure functions.

use super::super::i18n::{Strings, fill};
use super::super::status::{AccountStatus, ClientState, ClientStatus, LastError, ProxyState, ProxyStatus};
use super::super::window::WindowPage;
use super::format::{account_text, quota_bar, truncate};
use gateway::accounts::{AccountState, CredentialKind};
use storage::config::{Choice, Strategy};

/// Maximum number of accounts with a line of their own; the window shows all.
const MAX_ACCOUNTS: usize = 12;

/// Maximum number of clients in the menu; the window shows all.
const MAX_CLIENTS: usize = 15;

/// One entry of a menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MenuEntry {
    /// A text without an action.
    Label(String),
    /// A text with an action.
    Command(String, MenuAction),
    /// A checkbox.
    Choice { text: String, on: bool, action: MenuAction },
    /// A submenu.
    Submenu(String, Vec<MenuEntry>),
    /// A separator line.
    Separator,
}

/// The action of a click.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MenuAction {
    Only(Option<String>),
    Enable {
        label: String,
        enabled: bool,
    },
    SignIn(String),
    Strategy(&'static str),
    NextPort,
    CopyBaseUrl,
    CopyKey,
    CopyEnvironment(ShellKind),
    /// Copies the command that starts the client with this id.
    CopyLaunchCommand(String),
    Serve(bool),
    Open(WindowPage),
    StartAtLogin(bool),
    Quit,
}

/// Shells for which environment lines can be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShellKind {
    Posix,
    Fish,
    PowerShell,
}

/// Builds the whole menu. `at_login` is `None` if the system does not report it.
pub(super) fn build_menu(status: &ProxyStatus, at_login: Option<bool>, strings: &Strings) -> Vec<MenuEntry> {
    let mut items = vec![MenuEntry::Label(status_line(status, strings)), MenuEntry::Separator];
    items.extend(account_entries(status, strings));
    items.extend([
        MenuEntry::Separator,
        strategy_entry(status, strings),
        port_entry(status, strings),
        clients_entry(status, strings),
        MenuEntry::Separator,
    ]);
    items.extend(copy_entries(strings));
    items.extend([MenuEntry::Separator, serving_entry(status, strings)]);
    items.extend(status.last_error.as_ref().map(|error| error_entry(error, strings)));
    items.push(MenuEntry::Separator);
    items.extend(page_entries(strings));
    items.push(MenuEntry::Separator);
    items.extend(at_login.map(|on| MenuEntry::Choice {
        text: strings.start_at_login.to_owned(),
        on,
        action: MenuAction::StartAtLogin(!on),
    }));
    items.push(MenuEntry::Command(strings.quit.to_owned(), MenuAction::Quit));
    items
}

/// The tooltip of the icon.
pub(super) fn tooltip(name: &str, status: &ProxyStatus, strings: &Strings) -> String {
    format!("{name} — {}", status_line(status, strings))
}

fn status_line(status: &ProxyStatus, strings: &Strings) -> String {
    let address = status.address.as_str();
    let line = match status.state {
        ProxyState::Unknown => strings.unknown.to_owned(),
        ProxyState::Serving => fill(strings.serving, &[address]),
        ProxyState::Busy => fill(strings.busy, &[&status.running.to_string(), address]),
        ProxyState::Limited => fill(strings.limited, &[address]),
        ProxyState::Stopped => strings.stopped.to_owned(),
        ProxyState::Error => fill(strings.failing, &[address]),
        ProxyState::NoAccount => fill(strings.no_account, &[address]),
    };
    if status.demo { fill(strings.demo, &[&line]) } else { line }
}

fn account_entries(status: &ProxyStatus, strings: &Strings) -> Vec<MenuEntry> {
    if status.accounts.is_empty() {
        return vec![MenuEntry::Command(
            strings.add_account.to_owned(),
            MenuAction::Open(WindowPage::Accounts),
        )];
    }
    let shown = status.accounts.iter().take(MAX_ACCOUNTS);
    let mut items: Vec<MenuEntry> = shown.map(|account| account_entry(account, strings)).collect();
    if let Some(more) = status.accounts.len().checked_sub(MAX_ACCOUNTS).filter(|more| *more > 0) {
        let text = fill(strings.more_accounts, &[&more.to_string()]);
        items.push(MenuEntry::Command(text, MenuAction::Open(WindowPage::Accounts)));
    }
    items
}

fn account_entry(account: &AccountStatus, strings: &Strings) -> MenuEntry {
    let mut line = format!("{} — {}", truncate(&account.label), account_text(account, strings));
    if let Some(bar) = account.quota_percent.map(quota_bar) {
        line = format!("{line}  {bar}");
    }
    let label = || account.label.clone();
    let paused = account.state == AccountState::Disabled;
    let only = if account.only {
        MenuEntry::Command(strings.all_accounts.to_owned(), MenuAction::Only(None))
    } else {
        MenuEntry::Command(strings.only_this.to_owned(), MenuAction::Only(Some(label())))
    };
    let pause = if paused { strings.resume } else { strings.pause };
    let mut items = vec![
        only,
        MenuEntry::Command(pause.to_owned(), MenuAction::Enable { label: label(), enabled: paused }),
    ];
    // An API key has no session that could expire.
    if account.upstream.credential == CredentialKind::Session {
        items.push(MenuEntry::Command(strings.sign_in_again.to_owned(), MenuAction::SignIn(label())));
    }
    MenuEntry::Submenu(line, items)
}

fn strategy_entry(status: &ProxyStatus, strings: &Strings) -> MenuEntry {
    let choice = |strategy: &Strategy| {
        let text = match strategy {
            Strategy::Balance => strings.balance,
            Strategy::FillFirst => strings.fill_first,
            Strategy::ResetSoonest => strings.reset_soonest,
        };
        let name = strategy.word();
        MenuEntry::Choice {
            text: text.to_owned(),
            on: status.strategy == Some(*strategy),
            action: MenuAction::Strategy(name),
        }
    };
    MenuEntry::Submenu(strings.strategy.to_owned(), Strategy::VALUES.iter().map(choice).collect())
}

fn port_entry(status: &ProxyStatus, strings: &Strings) -> MenuEntry {
    let port = status.port().to_string();
    MenuEntry::Submenu(
        fill(strings.port, &[&port]),
        vec![
            MenuEntry::Label(fill(strings.now_on, &[&port])),
            MenuEntry::Command(strings.next_free.to_owned(), MenuAction::NextPort),
            MenuEntry::Command(strings.other_port.to_owned(), MenuAction::Open(WindowPage::Settings)),
        ],
    )
}

fn clients_entry(status: &ProxyStatus, strings: &Strings) -> MenuEntry {
    let open = |text: &str| MenuEntry::Command(text.to_owned(), MenuAction::Open(WindowPage::Clients));
    let client = |client: &ClientStatus| {
        let line = format!("{} — {}", truncate(&client.name), client_text(client.state, strings));
        let mut items = vec![open(strings.show_client)];
        if client.can_launch {
            let action = MenuAction::CopyLaunchCommand(client.id.clone());
            items.push(MenuEntry::Command(strings.copy_launch.to_owned(), action));
        }
        MenuEntry::Submenu(line, items)
    };
    let mut items: Vec<MenuEntry> = status.clients.iter().take(MAX_CLIENTS).map(client).collect();
    if !items.is_empty() {
        items.push(MenuEntry::Separator);
    }
    items.push(open(strings.set_up_clients));
    MenuEntry::Submenu(strings.clients.to_owned(), items)
}

fn client_text(state: ClientState, strings: &Strings) -> &'static str {
    match state {
        ClientState::NotByFile | ClientState::NotSetUp => strings.client_not_set_up,
        ClientState::SetUp => strings.client_set_up,
        ClientState::OtherPort => strings.client_other_port,
        ClientState::KeyRefused => strings.client_key_refused,
        ClientState::ChangedByHand => strings.client_changed,
        ClientState::Unreadable => strings.client_unreadable,
        ClientState::Unknown => strings.client_unknown,
    }
}

fn copy_entries(strings: &Strings) -> [MenuEntry; 3] {
    let shells = [
        ("sh, bash, zsh", ShellKind::Posix),
        ("fish", ShellKind::Fish),
        ("PowerShell", ShellKind::PowerShell),
    ];
    let lines = |(name, shell): (&str, ShellKind)| {
        MenuEntry::Command(name.to_owned(), MenuAction::CopyEnvironment(shell))
    };
    [
        MenuEntry::Command(strings.copy_base_url.to_owned(), MenuAction::CopyBaseUrl),
        MenuEntry::Command(strings.copy_key.to_owned(), MenuAction::CopyKey),
        MenuEntry::Submenu(strings.copy_environment.to_owned(), shells.into_iter().map(lines).collect()),
    ]
}

fn serving_entry(status: &ProxyStatus, strings: &Strings) -> MenuEntry {
    let stopped = status.state == ProxyState::Stopped;
    let text = if stopped { strings.start_serving } else { strings.stop_serving };
    MenuEntry::Command(text.to_owned(), MenuAction::Serve(stopped))
}

fn error_entry(error: &LastError, strings: &Strings) -> MenuEntry {
    let sentence = strings.request_error_text(&error.code).or(error.message.clone());
    let sentence = sentence.unwrap_or_else(|| error.code.clone());
    let sentence = truncate(sentence.trim_end_matches(['.', '。']));
    let what =
        if error.model.is_empty() { sentence } else { format!("{sentence} ({})", truncate(&error.model)) };
    let message_entry = error.message.as_deref().map(|message| MenuEntry::Label(truncate(message)));
    let items = message_entry.into_iter().chain([
        MenuEntry::Label(strings.request_error_step(&error.code)),
        MenuEntry::Command(strings.show_requests.to_owned(), MenuAction::Open(WindowPage::Requests)),
    ]);
    MenuEntry::Submenu(fill(strings.last_error, &[&what]), items.collect())
}

fn page_entries(strings: &Strings) -> [MenuEntry; 4] {
    [
        (strings.open_window, WindowPage::Overview),
        (strings.accounts, WindowPage::Accounts),
        (strings.requests, WindowPage::Requests),
        (strings.settings, WindowPage::Settings),
    ]
    .map(|(text, page)| MenuEntry::Command(text.to_owned(), MenuAction::Open(page)))
}
