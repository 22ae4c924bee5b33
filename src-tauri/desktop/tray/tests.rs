use super::super::place::Place;
use super::super::seen::{Account, Lamp, LastError, Limit, Seen};
use super::super::words::Language;
use super::menu::{Action, Item, Shell, menu};

fn account(label: &str) -> Account {
    Account {
        label: label.to_owned(),
        kind: "web".to_owned(),
        state: "ready".to_owned(),
        quota_percent: Some(30.0),
        ..Account::default()
    }
}

fn seen() -> Seen {
    Seen {
        state: Lamp::Serving,
        address: "127.0.0.1:3000".to_owned(),
        base_url: "http://127.0.0.1:3000/v1".to_owned(),
        accounts: vec![account("work"), account("home")],
        strategy: "fill-first".to_owned(),
        ..Seen::default()
    }
}

fn english(seen: &Seen) -> Vec<Item> {
    menu(seen, Some(false), Language::English.words())
}

/// All texts, each with the depth it stands at, and `[x]` or `[ ]` for what is on or off.
fn outline(items: &[Item]) -> Vec<String> {
    let mut lines = Vec::new();
    add(items, 0, &mut lines);
    return lines;

    fn add(items: &[Item], depth: usize, lines: &mut Vec<String>) {
        let indent = "  ".repeat(depth);
        for item in items {
            match item {
                Item::Label(text) => lines.push(format!("{indent}({text})")),
                Item::Do(text, _) => lines.push(format!("{indent}{text}")),
                Item::Choice { text, on, .. } => {
                    lines.push(format!("{indent}[{}] {text}", if *on { 'x' } else { ' ' }));
                }
                Item::Line => lines.push(format!("{indent}--")),
                Item::Under(text, items) => {
                    lines.push(format!("{indent}{text}:"));
                    add(items, depth + 1, lines);
                }
            }
        }
    }
}

fn actions(items: &[Item]) -> Vec<Action> {
    let of_item = |item: &Item| match item {
        Item::Do(_, action) | Item::Choice { action, .. } => vec![action.clone()],
        Item::Under(_, items) => actions(items),
        Item::Label(_) | Item::Line => Vec::new(),
    };
    items.iter().flat_map(of_item).collect()
}

fn first_line(seen: &Seen) -> String {
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
        "Order of accounts:",
        "  [ ] Balance between accounts",
        "  [x] Use up one after the other",
        "  [ ] The one that resets soonest first",
        "Port 3000:",
        "  (Now on 3000)",
        "  Move to the next free port",
        "  Another port…",
        "--",
        "Copy base URL",
        "Copy key",
        "Copy environment lines:",
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
fn the_first_line_says_whether_one_can_work() {
    let with = |state| Seen { state, running: 2, ..seen() };
    for (state, line) in [
        (Lamp::Busy, "(Answering 2 on 127.0.0.1:3000)"),
        (Lamp::Limited, "(All accounts are limited — 127.0.0.1:3000)"),
        (Lamp::Stopped, "(Not serving: stopped by you)"),
        (Lamp::Error, "(Something is wrong — 127.0.0.1:3000)"),
        (Lamp::Unknown, "(Status unknown)"),
        (Lamp::NoAccount, "(No account yet — 127.0.0.1:3000)"),
    ] {
        assert_eq!(first_line(&with(state)), line);
    }
    let demo = Seen { demo: true, ..seen() };
    assert_eq!(first_line(&demo), "(Demo · Serving on 127.0.0.1:3000)");
}

#[test]
fn a_limited_account_says_when_it_is_back() {
    let limits = vec![Limit { seconds_left: 5_000 }, Limit { seconds_left: 9_000 }];
    let limited =
        Account { state: "limited".to_owned(), limits, quota_percent: Some(100.0), ..account("work") };
    let seen = Seen { accounts: vec![limited], ..seen() };
    let lines = outline(&english(&seen));
    assert!(
        lines.contains(&"work — limited, resets in 1 h 24 min  ▰▰▰▰▰▰▰▰▰▰ 100 %:".to_owned()),
        "{lines:?}"
    );
}

#[test]
fn an_account_in_a_state_that_is_not_known_is_not_called_ready() {
    for state in ["", "brand_new"] {
        let account = Account { state: state.to_owned(), quota_percent: None, ..account("work") };
        let lines = outline(&english(&Seen { accounts: vec![account], ..seen() }));
        assert_eq!(lines[2], "work — status unknown:");
    }
}

#[test]
fn clicks_know_their_account() {
    let paused = Account { state: "disabled".to_owned(), ..account("home") };
    let only = Account { only: true, ..account("work") };
    let seen = Seen { accounts: vec![only, paused], ..seen() };
    let actions = actions(&english(&seen));
    let enable = |label: &str, enabled| Action::Enable { label: label.to_owned(), enabled };
    for action in [
        Action::Only(None),
        Action::Only(Some("home".to_owned())),
        enable("work", false),
        enable("home", true),
        Action::SignIn("home".to_owned()),
    ] {
        assert!(actions.contains(&action), "{action:?} is missing in {actions:?}");
    }
}

#[test]
fn an_api_key_cannot_sign_in() {
    let key = Account { kind: "api".to_owned(), ..account("key") };
    let actions = actions(&english(&Seen { accounts: vec![key], ..seen() }));
    assert!(!actions.iter().any(|action| matches!(action, Action::SignIn(_))));
}

#[test]
fn without_accounts_the_way_to_the_first_is_there() {
    let lines = outline(&english(&Seen { accounts: Vec::new(), ..seen() }));
    assert_eq!(lines[2], "Add an account…");
}

#[test]
fn a_hundred_accounts_do_not_fill_the_screen() {
    let accounts = (0..100).map(|index| account(&format!("a{index}"))).collect();
    let lines = outline(&english(&Seen { accounts, ..seen() }));
    assert_eq!(lines.iter().filter(|line| line.contains(" — ready")).count(), 12);
    assert!(lines.contains(&"88 more…".to_owned()));
}

#[test]
fn a_stopped_proxy_can_be_started_and_the_last_error_is_explained() {
    let error = LastError { code: "no_account".to_owned(), model: "gpt-5".to_owned(), message: None };
    let seen = Seen { state: Lamp::Stopped, last_error: Some(error), ..seen() };
    let items = english(&seen);
    let lines = outline(&items);
    let at = lines
        .iter()
        .position(|line| line == "Last error: There is no account to answer from (gpt-5):")
        .unwrap();
    assert_eq!(lines[at + 1..=at + 2], ["  (Add an account.)", "  Show in Requests"]);
    assert!(lines.contains(&"Start serving".to_owned()));
    assert!(actions(&items).contains(&Action::Serve(true)));
    assert!(actions(&items).contains(&Action::Open(Place::Requests)));
}

#[test]
fn the_last_error_is_a_sentence_with_what_the_client_was_told() {
    let message = Some("'messages' is missing".to_owned());
    let error = LastError { code: "invalid_request".to_owned(), model: String::new(), message };
    let lines = outline(&english(&Seen { last_error: Some(error.clone()), ..seen() }));
    let at = lines.iter().position(|line| line.starts_with("Last error: ")).unwrap();
    assert!(!lines[at].contains("invalid_request"), "{}", lines[at]);
    assert_eq!(lines[at + 1], "  ('messages' is missing)");
    let unknown = LastError { code: "brand_new".to_owned(), ..error };
    let lines = outline(&english(&Seen { last_error: Some(unknown), ..seen() }));
    assert!(lines.contains(&"Last error: 'messages' is missing:".to_owned()), "{lines:?}");
}

#[test]
fn the_tooltip_says_whether_one_can_work() {
    let words = Language::English.words();
    let tooltip = super::menu::tooltip("Mammouth Proxy", &seen(), words);
    assert_eq!(tooltip, "Mammouth Proxy — Serving on 127.0.0.1:3000");
}

#[test]
fn what_comes_from_outside_stays_text_on_one_line() {
    let label = format!("<b>_a&b_</b>\n{}", "x".repeat(200));
    let lines = outline(&english(&Seen { accounts: vec![account(&label)], ..seen() }));
    let line = lines.iter().find(|line| line.contains("<b>_a&b_</b>")).unwrap();
    assert!(!line.contains('\n') && line.chars().count() < 130, "{line}");
}

#[test]
fn start_at_login_is_offered_only_where_it_can_be_known() {
    let items = menu(&seen(), None, Language::English.words());
    assert!(!actions(&items).iter().any(|action| matches!(action, Action::StartAtLogin(_))));
    let items = menu(&seen(), Some(true), Language::English.words());
    assert!(actions(&items).contains(&Action::StartAtLogin(false)));
}

#[test]
fn every_language_has_the_same_menu() {
    let of = |language: Language| actions(&menu(&seen(), Some(true), language.words()));
    assert_eq!(of(Language::English), of(Language::Chinese));
    assert_eq!(of(Language::English), of(Language::French));
    assert!(of(Language::French).contains(&Action::CopyEnvironment(Shell::Fish)));
}
