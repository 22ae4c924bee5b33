//! The tray's menu as a value: what the user can read and do, made from a state by pure functions.

use super::super::place::Place;
use super::super::seen::{Account, Lamp, LastError, Seen};
use super::super::words::{Words, fill};
use super::text::{about, advice, bar, cut};

/// The accounts that get a line of their own; the window shows all.
const MOST_ACCOUNTS: usize = 12;

/// One entry of a menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// Only to be read.
    Label(String),
    /// Something to do.
    Do(String, Action),
    /// Something that is on or off.
    Choice { text: String, on: bool, action: Action },
    /// A menu of its own.
    Under(String, Vec<Item>),
    /// A line between groups.
    Line,
}

/// What a click asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Only(Option<String>),
    Enable { label: String, enabled: bool },
    SignIn(String),
    Strategy(&'static str),
    NextPort,
    CopyBaseUrl,
    CopyKey,
    CopyEnvironment(Shell),
    Serve(bool),
    Open(Place),
    StartAtLogin(bool),
    Quit,
}

/// The shells that environment lines are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shell {
    Posix,
    Fish,
    Power,
}

/// The whole menu. `at_login` is unknown where the system does not tell.
pub(super) fn menu(seen: &Seen, at_login: Option<bool>, words: &Words) -> Vec<Item> {
    let mut items = vec![Item::Label(status_line(seen, words)), Item::Line];
    items.extend(accounts(seen, words));
    items.extend([Item::Line, strategy(seen, words), port(seen, words), Item::Line]);
    items.extend(copies(words));
    items.extend([Item::Line, serving(seen, words)]);
    items.extend(seen.last_error.as_ref().map(|error| last_error(error, words)));
    items.push(Item::Line);
    items.extend(pages(words));
    items.push(Item::Line);
    items.extend(at_login.map(|on| Item::Choice {
        text: words.start_at_login.to_owned(),
        on,
        action: Action::StartAtLogin(!on),
    }));
    items.push(Item::Do(words.quit.to_owned(), Action::Quit));
    items
}

/// What the icon says when the pointer rests on it.
pub(super) fn tooltip(name: &str, seen: &Seen, words: &Words) -> String {
    format!("{name} — {}", status_line(seen, words))
}

fn status_line(seen: &Seen, words: &Words) -> String {
    let address = seen.address.as_str();
    let line = match seen.state {
        Lamp::Unknown => words.unknown.to_owned(),
        Lamp::Serving => fill(words.serving, &[address]),
        Lamp::Busy => fill(words.busy, &[&seen.running.to_string(), address]),
        Lamp::Limited => fill(words.limited, &[address]),
        Lamp::Stopped => words.stopped.to_owned(),
        Lamp::Error => fill(words.failing, &[address]),
        Lamp::NoAccount => fill(words.no_account, &[address]),
    };
    if seen.demo { fill(words.demo, &[&line]) } else { line }
}

fn accounts(seen: &Seen, words: &Words) -> Vec<Item> {
    if seen.accounts.is_empty() {
        return vec![Item::Do(words.add_account.to_owned(), Action::Open(Place::Accounts))];
    }
    let shown = seen.accounts.iter().take(MOST_ACCOUNTS);
    let mut items: Vec<Item> = shown.map(|account| of_account(account, words)).collect();
    if let Some(more) = seen.accounts.len().checked_sub(MOST_ACCOUNTS).filter(|more| *more > 0) {
        let text = fill(words.more_accounts, &[&more.to_string()]);
        items.push(Item::Do(text, Action::Open(Place::Accounts)));
    }
    items
}

fn of_account(account: &Account, words: &Words) -> Item {
    let mut line = format!("{} — {}", cut(&account.label), about(account, words));
    if let Some(bar) = account.quota_percent.map(bar) {
        line = format!("{line}  {bar}");
    }
    let label = || account.label.clone();
    let paused = account.state == "disabled";
    let only = if account.only {
        Item::Do(words.all_accounts.to_owned(), Action::Only(None))
    } else {
        Item::Do(words.only_this.to_owned(), Action::Only(Some(label())))
    };
    let pause = if paused { words.resume } else { words.pause };
    let mut items =
        vec![only, Item::Do(pause.to_owned(), Action::Enable { label: label(), enabled: paused })];
    // An API key has no session that could end.
    if account.kind != "api" {
        items.push(Item::Do(words.sign_in_again.to_owned(), Action::SignIn(label())));
    }
    Item::Under(line, items)
}

fn strategy(seen: &Seen, words: &Words) -> Item {
    let choices = [
        ("balance", words.balance),
        ("fill-first", words.fill_first),
        ("reset-soonest", words.reset_soonest),
    ];
    let choice = |(name, text): (&'static str, &str)| Item::Choice {
        text: text.to_owned(),
        on: seen.strategy == name,
        action: Action::Strategy(name),
    };
    Item::Under(words.strategy.to_owned(), choices.into_iter().map(choice).collect())
}

fn port(seen: &Seen, words: &Words) -> Item {
    let port = seen.port().to_string();
    Item::Under(
        fill(words.port, &[&port]),
        vec![
            Item::Label(fill(words.now_on, &[&port])),
            Item::Do(words.next_free.to_owned(), Action::NextPort),
            Item::Do(words.other_port.to_owned(), Action::Open(Place::Settings)),
        ],
    )
}

fn copies(words: &Words) -> [Item; 3] {
    let shells = [("sh, bash, zsh", Shell::Posix), ("fish", Shell::Fish), ("PowerShell", Shell::Power)];
    let lines = |(name, shell): (&str, Shell)| Item::Do(name.to_owned(), Action::CopyEnvironment(shell));
    [
        Item::Do(words.copy_base_url.to_owned(), Action::CopyBaseUrl),
        Item::Do(words.copy_key.to_owned(), Action::CopyKey),
        Item::Under(words.copy_environment.to_owned(), shells.into_iter().map(lines).collect()),
    ]
}

fn serving(seen: &Seen, words: &Words) -> Item {
    let stopped = seen.state == Lamp::Stopped;
    let text = if stopped { words.start_serving } else { words.stop_serving };
    Item::Do(text.to_owned(), Action::Serve(stopped))
}

fn last_error(error: &LastError, words: &Words) -> Item {
    let sentence = words.sentence(&error.code).or(error.message.clone());
    let sentence = sentence.unwrap_or_else(|| error.code.clone());
    let sentence = cut(sentence.trim_end_matches(['.', '。']));
    let what = if error.model.is_empty() { sentence } else { format!("{sentence} ({})", cut(&error.model)) };
    let told = error.message.as_deref().map(|message| Item::Label(cut(message)));
    let items = told.into_iter().chain([
        Item::Label(advice(&error.code, words).to_owned()),
        Item::Do(words.show_requests.to_owned(), Action::Open(Place::Requests)),
    ]);
    Item::Under(fill(words.last_error, &[&what]), items.collect())
}

fn pages(words: &Words) -> [Item; 4] {
    [
        (words.open_window, Place::Overview),
        (words.accounts, Place::Accounts),
        (words.requests, Place::Requests),
        (words.settings, Place::Settings),
    ]
    .map(|(text, place)| Item::Do(text.to_owned(), Action::Open(place)))
}
