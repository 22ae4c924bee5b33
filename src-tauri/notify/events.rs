//! Events worth a notification: the differences between two statuses of the proxy. Pure.

use super::super::i18n::{Strings, fill};
use super::super::status::{AccountStatus, ProxyState, ProxyStatus};
use super::super::tray::time_left;
use super::super::window::WindowPage;
use gateway::accounts::AccountState;

/// A kind of notification. Each has a switch in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum NotificationKind {
    Limited,
    Back,
    Login,
    AllLimited,
    Port,
}

impl NotificationKind {
    /// The name of the setting that switches it.
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

/// One event to notify about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotificationEvent {
    pub(super) kind: NotificationKind,
    /// The subject of the event. The same event on the same subject is repeated only after a while.
    pub(super) subject: String,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) page: WindowPage,
}

/// The events between two statuses.
pub(super) fn changes_between(
    before: &ProxyStatus,
    after: &ProxyStatus,
    strings: &Strings,
) -> Vec<NotificationEvent> {
    if after.state == ProxyState::Limited && before.state != ProxyState::Limited {
        // A notification for each of them would repeat this one.
        return vec![all_limited(after, strings)];
    }
    let changed = after.accounts.iter().filter_map(|account| {
        let old = before.accounts.iter().find(|old| old.label == account.label)?;
        account_event(old, account, strings)
    });
    changed.collect()
}

fn all_limited(status: &ProxyStatus, strings: &Strings) -> NotificationEvent {
    let first = status.accounts.iter().filter_map(|account| account.seconds_left).min();
    let until = |seconds| fill(strings.all_limited_until, &[&time_left(seconds, strings)]);
    NotificationEvent {
        kind: NotificationKind::AllLimited,
        subject: String::new(),
        title: strings.all_limited.to_owned(),
        text: first.map(until).unwrap_or_default(),
        page: WindowPage::Accounts,
    }
}

fn account_event(old: &AccountStatus, new: &AccountStatus, strings: &Strings) -> Option<NotificationEvent> {
    let (kind, title) = match (old.state, new.state) {
        (old, new) if old == new => return None,
        (_, AccountState::Limited) => (NotificationKind::Limited, strings.account_limited),
        (_, AccountState::NeedsLogin) => (NotificationKind::Login, strings.account_login),
        (AccountState::Limited | AccountState::NeedsLogin, AccountState::Ready) => {
            (NotificationKind::Back, strings.account_back)
        }
        _ => return None,
    };
    let until = |seconds| fill(strings.limited_until, &[&time_left(seconds, strings)]);
    let text = match kind {
        NotificationKind::Limited => new.seconds_left.map(until).unwrap_or_default(),
        NotificationKind::Back
        | NotificationKind::Login
        | NotificationKind::AllLimited
        | NotificationKind::Port => String::new(),
    };
    Some(NotificationEvent {
        kind,
        subject: new.label.clone(),
        title: fill(title, &[&new.label]),
        text,
        page: WindowPage::Accounts,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::i18n::Language;
    use super::*;

    fn account(label: &str, state: &str) -> AccountStatus {
        let state = serde_json::from_value(serde_json::json!(state)).unwrap();
        AccountStatus {
            label: label.to_owned(),
            upstream: serde_json::from_value(serde_json::json!("web")).unwrap(),
            state,
            seconds_left: (state == AccountState::Limited).then_some(3_000),
            quota_percent: None,
            only: false,
        }
    }

    fn seen(state: ProxyState, accounts: &[(&str, &str)]) -> ProxyStatus {
        let accounts = accounts.iter().map(|(label, state)| account(label, state)).collect();
        ProxyStatus { state, accounts, ..ProxyStatus::default() }
    }

    fn news(before: &ProxyStatus, after: &ProxyStatus) -> Vec<(NotificationKind, String, String)> {
        let news = changes_between(before, after, Language::English.strings());
        news.into_iter().map(|news| (news.kind, news.title, news.text)).collect()
    }

    #[test]
    fn a_changed_account_is_an_event() {
        let before =
            seen(ProxyState::Serving, &[("a", "ready"), ("b", "limited"), ("c", "ready"), ("d", "ready")]);
        let after = seen(
            ProxyState::Serving,
            &[("a", "limited"), ("b", "ready"), ("c", "needs_login"), ("d", "ready")],
        );
        let limited = "Resets in 50 min.".to_owned();
        assert_eq!(
            news(&before, &after),
            [
                (NotificationKind::Limited, "a reached its limit".to_owned(), limited),
                (NotificationKind::Back, "b can be used again".to_owned(), String::new()),
                (NotificationKind::Login, "c needs you to sign in again".to_owned(), String::new()),
            ]
        );
    }

    #[test]
    fn all_limited_is_one_event_instead_of_one_per_account() {
        let before = seen(ProxyState::Serving, &[("a", "ready"), ("b", "limited")]);
        let after = seen(ProxyState::Limited, &[("a", "limited"), ("b", "limited")]);
        let events = news(&before, &after);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].2, "The first is back in 50 min.");
        assert_eq!(news(&after, &after), []);
    }

    #[test]
    fn changes_by_the_user_are_no_events() {
        let before = seen(ProxyState::Serving, &[("a", "ready"), ("b", "disabled"), ("c", "starting")]);
        let after = seen(
            ProxyState::Serving,
            &[("a", "disabled"), ("b", "ready"), ("c", "ready"), ("new", "limited")],
        );
        assert_eq!(news(&before, &after), []);
    }
}
