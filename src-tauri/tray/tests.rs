use super::super::i18n::Language;
use super::super::status::{AccountStatus, ClientState, ClientStatus, LastError, ProxyState, ProxyStatus};
use super::super::window::WindowPage;
use super::menu::{MenuAction, MenuEntry, ShellKind, build_menu};
use gateway::accounts::{AccountState, UpstreamId};
use storage::config::Strategy;

fn upstream(name: &str) -> UpstreamId {
    serde_json::from_value(serde_json::json!(name)).unwrap()
}

fn account(label: &str) -> AccountStatus {
    AccountStatus {
        label: label.to_owned(),
        upstream: upstream("web"),
        state: AccountState::Ready,
        seconds_left: None,
        quota_percent: Some(30.0),
        only: false,
    }
}

fn client(id: &str, name: &str, state: ClientState, can_launch: bool) -> ClientStatus {
    ClientStatus { id: id.to_owned(), name: name.to_owned(), state, can_launch }
}

fn seen() -> ProxyStatus {
    ProxyStatus {
        state: ProxyState::Serving,
        address: "127.0.0.1:3000".to_owned(),
        base_url: "http://127.0.0.1:3000/v1".to_owned(),
        accounts: vec![account("work"), account("home")],
        strategy: Some(Strategy::FillFirst),
        clients: vec![
            client("claude-code", "Claude Code", ClientState::SetUp, true),
            client("continue", "Continue", ClientState::NotSetUp, false),
        ],
        ..ProxyStatus::default()
    }
}

fn english(seen: &ProxyStatus) -> Vec<MenuEntry> {
    build_menu(seen, Some(false), Language::English.strings())
}

/// All texts of the menu, indented by their depth, with `[x]` or `[ ]` for checkboxes.
fn outline(items: &[MenuEntry]) -> Vec<String> {
    let mut lines = Vec::new();
    add(items, 0, &mut lines);
    return lines;

    fn add(items: &[MenuEntry], depth: usize, lines: &mut Vec<String>) {
        let indent = "  ".repeat(depth);
        for item in items {
            match item {
                MenuEntry::Label(text) => lines.push(format!("{indent}({text})")),
                MenuEntry::Command(text, _) => lines.push(format!("{indent}{text}")),
                MenuEntry::Choice { text, on, .. } => {
                    lines.push(format!("{indent}[{}] {text}", if *on { 'x' } else { ' ' }));
                }
                MenuEntry::Separator => lines.push(format!("{indent}--")),
                MenuEntry::Submenu(text, items) => {
                    lines.push(format!("{indent}{text}:"));
                    add(items, depth + 1, lines);
                }
            }
        }
    }
}

fn actions(items: &[MenuEntry]) -> Vec<MenuAction> {
    let of_item = |item: &MenuEntry| match item {
        MenuEntry::Command(_, action) | MenuEntry::Choice { action, .. } => vec![action.clone()],
        MenuEntry::Submenu(_, items) => actions(items),
        MenuEntry::Label(_) | MenuEntry::Separator => Vec::new(),
    };
    items.iter().flat_map(of_item).collect()
}

fn first_line(seen: &ProxyStatus) -> String {
    outline(&english(seen))[0].clone()
}

#[test]
fn the_whole_menu_of_a_serving_proxy() {
    let expected = [
        "(Serving on 127.0.0.1:3000)",
        "--",
        "work — ready  ▰▰▰▱▱▱▱▱▱▱ 30 %:",
        "  Use only this account",
        "  Pause",
        "  Sign in again…",
        "home — ready  ▰▰▰▱▱▱▱▱▱▱ 30 %:",
        "  Use only this account",
        "  Pause",
        "  Sign in again…",
        "--",
        "Routing:",
        "  [ ] Balanced",
        "  [x] One at a time",
        "  [ ] Soonest reset first",
        "Port 3000:",
        "  (Now on 3000)",
        "  Move to the next free port",
        "  Another port…",
        "Clients:",
        "  Claude Code — set up:",
        "    Show in Clients",
        "    Copy launch command",
        "  Continue — not set up:",
        "    Show in Clients",
        "  --",
        "  Set up clients…",
        "--",
        "Copy base URL",
        "Copy API key",
        "Copy environment variables:",
        "  sh, bash, zsh",
        "  fish",
        "  PowerShell",
        "--",
        "Stop serving",
        "--",
        "Open Mammouth Proxy",
        "Accounts…",
        "Requests…",
        "Settings…",
        "--",
        "[ ] Start at login",
        "Quit",
    ];
    assert_eq!(outline(&english(&seen())), expected);
}

#[test]
fn the_first_line_shows_the_status() {
    let with = |state| ProxyStatus { state, running: 2, ..seen() };
    for (state, line) in [
        (ProxyState::Busy, "(Answering 2 on 127.0.0.1:3000)"),
        (ProxyState::Limited, "(All accounts are limited — 127.0.0.1:3000)"),
        (ProxyState::Stopped, "(Stopped)"),
        (ProxyState::Error, "(Something is wrong — 127.0.0.1:3000)"),
        (ProxyState::Unknown, "(Status unknown)"),
        (ProxyState::NoAccount, "(No account yet — 127.0.0.1:3000)"),
    ] {
        assert_eq!(first_line(&with(state)), line);
    }
    let demo = ProxyStatus { demo: true, ..seen() };
    assert_eq!(first_line(&demo), "(Demo · Serving on 127.0.0.1:3000)");
}

#[test]
fn a_limited_account_says_when_it_is_back() {
    let limited = AccountStatus {
        state: AccountState::Limited,
        seconds_left: Some(5_000),
        quota_percent: Some(100.0),
        ..account("work")
    };
    let seen = ProxyStatus { accounts: vec![limited], ..seen() };
    let lines = outline(&english(&seen));
    assert!(
        lines.contains(&"work — limited, resets in 1 h 24 min  ▰▰▰▰▰▰▰▰▰▰ 100 %:".to_owned()),
        "{lines:?}"
    );
}

#[test]
fn only_a_ready_account_is_called_ready() {
    for state in [
        AccountState::NeedsLogin,
        AccountState::Unreachable,
        AccountState::Disabled,
        AccountState::Starting,
        AccountState::Locked,
        AccountState::Unreadable,
        AccountState::OtherHost,
        AccountState::Limited,
    ] {
        let account = AccountStatus { state, ..account("work") };
        let lines = outline(&english(&ProxyStatus { accounts: vec![account], ..seen() }));
        assert!(!lines[2].contains("ready"), "{}", lines[2]);
    }
}

#[test]
fn actions_name_their_account() {
    let paused = AccountStatus { state: AccountState::Disabled, ..account("home") };
    let only = AccountStatus { only: true, ..account("work") };
    let seen = ProxyStatus { accounts: vec![only, paused], ..seen() };
    let actions = actions(&english(&seen));
    let enable = |label: &str, enabled| MenuAction::Enable { label: label.to_owned(), enabled };
    for action in [
        MenuAction::Only(None),
        MenuAction::Only(Some("home".to_owned())),
        enable("work", false),
        enable("home", true),
        MenuAction::SignIn("home".to_owned()),
    ] {
        assert!(actions.contains(&action), "{action:?} is missing in {actions:?}");
    }
}

#[test]
fn a_client_is_launched_by_its_id_and_an_unknown_state_is_shown_as_unknown() {
    assert!(actions(&english(&seen())).contains(&MenuAction::CopyLaunchCommand("claude-code".to_owned())));
    let clients = vec![client("x", "X", ClientState::Unknown, false)];
    let lines = outline(&english(&ProxyStatus { clients, ..seen() }));
    assert!(lines.contains(&"  X — state unknown:".to_owned()), "{lines:?}");
}

#[test]
fn an_api_key_cannot_sign_in() {
    let key = AccountStatus { upstream: upstream("api"), ..account("key") };
    let actions = actions(&english(&ProxyStatus { accounts: vec![key], ..seen() }));
    assert!(!actions.iter().any(|action| matches!(action, MenuAction::SignIn(_))));
}

#[test]
fn without_accounts_the_way_to_the_first_is_there() {
    let lines = outline(&english(&ProxyStatus { accounts: Vec::new(), ..seen() }));
    assert_eq!(lines[2], "Add an account…");
}

#[test]
fn a_hundred_accounts_do_not_fill_the_screen() {
    let accounts = (0..100).map(|index| account(&format!("a{index}"))).collect();
    let lines = outline(&english(&ProxyStatus { accounts, ..seen() }));
    assert_eq!(lines.iter().filter(|line| line.contains(" — ready")).count(), 12);
    assert!(lines.contains(&"88 more…".to_owned()));
}

#[test]
fn a_stopped_proxy_can_be_started_and_the_last_error_is_explained() {
    let error = LastError { code: "no_account".to_owned(), model: "gpt-5".to_owned(), message: None };
    let seen = ProxyStatus { state: ProxyState::Stopped, last_error: Some(error), ..seen() };
    let items = english(&seen);
    let lines = outline(&items);
    let at = lines
        .iter()
        .position(|line| line == "Last error: There is no account to answer from (gpt-5):")
        .unwrap();
    assert_eq!(lines[at + 1..=at + 2], ["  (Add one under Accounts.)", "  Show in Requests"]);
    assert!(lines.contains(&"Start serving".to_owned()));
    assert!(actions(&items).contains(&MenuAction::Serve(true)));
    assert!(actions(&items).contains(&MenuAction::Open(WindowPage::Requests)));
}

#[test]
fn the_last_error_is_a_sentence_with_what_the_client_was_told() {
    let message = Some("'messages' is missing".to_owned());
    let error = LastError { code: "invalid_request".to_owned(), model: String::new(), message };
    let lines = outline(&english(&ProxyStatus { last_error: Some(error.clone()), ..seen() }));
    let at = lines.iter().position(|line| line.starts_with("Last error: ")).unwrap();
    assert!(!lines[at].contains("invalid_request"), "{}", lines[at]);
    assert_eq!(lines[at + 1], "  ('messages' is missing)");
    let unknown = LastError { code: "brand_new".to_owned(), ..error };
    let lines = outline(&english(&ProxyStatus { last_error: Some(unknown), ..seen() }));
    assert!(lines.contains(&"Last error: 'messages' is missing:".to_owned()), "{lines:?}");
}

#[test]
fn the_tooltip_shows_the_status() {
    let words = Language::English.strings();
    let tooltip = super::menu::tooltip("Mammouth Proxy", &seen(), words);
    assert_eq!(tooltip, "Mammouth Proxy — Serving on 127.0.0.1:3000");
}

#[test]
fn what_comes_from_outside_stays_text_on_one_line() {
    let label = format!("<b>_a&b_</b>\n{}", "x".repeat(200));
    let lines = outline(&english(&ProxyStatus { accounts: vec![account(&label)], ..seen() }));
    let line = lines.iter().find(|line| line.contains("<b>_a&b_</b>")).unwrap();
    assert!(!line.contains('\n') && line.chars().count() < 130, "{line}");
}

#[test]
fn start_at_login_is_offered_only_where_it_can_be_known() {
    let items = build_menu(&seen(), None, Language::English.strings());
    assert!(!actions(&items).iter().any(|action| matches!(action, MenuAction::StartAtLogin(_))));
    let items = build_menu(&seen(), Some(true), Language::English.strings());
    assert!(actions(&items).contains(&MenuAction::StartAtLogin(false)));
}

#[test]
fn every_language_has_the_same_menu() {
    let of = |language: Language| actions(&build_menu(&seen(), Some(true), language.strings()));
    assert_eq!(of(Language::English), of(Language::Chinese));
    assert_eq!(of(Language::English), of(Language::French));
    assert!(of(Language::French).contains(&MenuAction::CopyEnvironment(ShellKind::Fish)));
}
