//! What is worth a notification: the difference between two looks at the proxy. Pure.

use super::super::place::Place;
use super::super::seen::{Account, Lamp, Seen};
use super::super::tray::time_left;
use super::super::words::{Words, fill};

/// A kind of news, each with a switch in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Limited,
    Back,
    Login,
    AllLimited,
    Port,
}

impl Kind {
    /// The setting that switches it.
    pub(super) fn setting(self) -> &'static str {
        match self {
            Self::Limited => "notify_limited",
            Self::Back => "notify_back",
            Self::Login => "notify_login",
            Self::AllLimited => "notify_all_limited",
            Self::Port => "notify_port",
        }
    }
}

/// One piece of news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct News {
    pub(super) kind: Kind,
    /// What it is about: the same is not told twice in a row.
    pub(super) about: String,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) place: Place,
}

/// What is new since the last look.
pub(super) fn between(before: &Seen, after: &Seen, words: &Words) -> Vec<News> {
    if after.state == Lamp::Limited && before.state != Lamp::Limited {
        // That each of them is limited goes without saying then.
        return vec![all_limited(after, words)];
    }
    let changed = after.accounts.iter().filter_map(|account| {
        let old = before.accounts.iter().find(|old| old.label == account.label)?;
        of_account(old, account, words)
    });
    changed.collect()
}

fn all_limited(seen: &Seen, words: &Words) -> News {
    let first = seen.accounts.iter().filter_map(Account::seconds_left).min();
    let until = |seconds| fill(words.all_limited_until, &[&time_left(seconds, words)]);
    News {
        kind: Kind::AllLimited,
        about: String::new(),
        title: words.all_limited.to_owned(),
        text: first.map(until).unwrap_or_default(),
        place: Place::Accounts,
    }
}

fn of_account(old: &Account, new: &Account, words: &Words) -> Option<News> {
    let (kind, title) = match (old.state.as_str(), new.state.as_str()) {
        (old, new) if old == new => return None,
        (_, "limited") => (Kind::Limited, words.account_limited),
        (_, "needs_login") => (Kind::Login, words.account_login),
        ("limited" | "needs_login", "ready") => (Kind::Back, words.account_back),
        _ => return None,
    };
    let until = |seconds| fill(words.resets_in, &[&time_left(seconds, words)]);
    let text = match kind {
        Kind::Limited => new.seconds_left().map(until).unwrap_or_default(),
        Kind::Back | Kind::Login | Kind::AllLimited | Kind::Port => String::new(),
    };
    Some(News {
        kind,
        about: new.label.clone(),
        title: fill(title, &[&new.label]),
        text,
        place: Place::Accounts,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::seen::Limit;
    use super::super::super::words::Language;
    use super::*;

    fn account(label: &str, state: &str) -> Account {
        let limits = if state == "limited" { vec![Limit { seconds_left: 3_000 }] } else { Vec::new() };
        Account { label: label.to_owned(), state: state.to_owned(), limits, ..Account::default() }
    }

    fn seen(state: Lamp, accounts: &[(&str, &str)]) -> Seen {
        let accounts = accounts.iter().map(|(label, state)| account(label, state)).collect();
        Seen { state, accounts, ..Seen::default() }
    }

    fn news(before: &Seen, after: &Seen) -> Vec<(Kind, String, String)> {
        let news = between(before, after, Language::English.words());
        news.into_iter().map(|news| (news.kind, news.title, news.text)).collect()
    }

    #[test]
    fn an_account_that_changes_is_news() {
        let before = seen(Lamp::Serving, &[("a", "ready"), ("b", "limited"), ("c", "ready"), ("d", "ready")]);
        let after =
            seen(Lamp::Serving, &[("a", "limited"), ("b", "ready"), ("c", "needs_login"), ("d", "ready")]);
        let limited = "limited, resets in 50 min".to_owned();
        assert_eq!(
            news(&before, &after),
            [
                (Kind::Limited, "a has reached its limit".to_owned(), limited),
                (Kind::Back, "b can be used again".to_owned(), String::new()),
                (Kind::Login, "c needs you to sign in again".to_owned(), String::new()),
            ]
        );
    }

    #[test]
    fn all_limited_is_told_once_and_not_account_by_account() {
        let before = seen(Lamp::Serving, &[("a", "ready"), ("b", "limited")]);
        let after = seen(Lamp::Limited, &[("a", "limited"), ("b", "limited")]);
        let told = news(&before, &after);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].2, "The first is back in 50 min.");
        assert_eq!(news(&after, &after), []);
    }

    #[test]
    fn what_the_user_does_is_no_news() {
        let before = seen(Lamp::Serving, &[("a", "ready"), ("b", "disabled"), ("c", "starting")]);
        let after =
            seen(Lamp::Serving, &[("a", "disabled"), ("b", "ready"), ("c", "ready"), ("new", "limited")]);
        assert_eq!(news(&before, &after), []);
    }
}
