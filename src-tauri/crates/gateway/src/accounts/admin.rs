//! Administration of accounts: rename, reorder, pin, replace the secret, explain the next selection.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::clock::Timestamp;
use super::pending_secret::MissingSecret;
use super::pool::{AccountPool, Accounts};
use super::selection_request::{SelectionRequest, Unavailable};
use super::state::Availability;
use storage::request_log::AccountSelection;

/// The account that a request would be given to now, and the reasons why the others would not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectionExplanation {
    /// The label and the reason of the selection, or why no account is available.
    pub selected: Result<(String, AccountSelection), Unavailable>,
    /// The labels of the other accounts, each with the reason why it is skipped.
    pub skipped: Vec<(String, SkipReason)>,
}

/// Reason why an account is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum SkipReason {
    /// The account is usable, but another one is selected.
    NotNext,
    /// Another account is pinned.
    OtherAlone,
    /// The account's upstream does not serve the model.
    OtherKind,
    Limited {
        minutes: u64,
    },
    NeedsLogin,
    Disabled,
    /// The account's secret is not available.
    NoSecret,
    /// The account was added for another upstream address.
    OtherHost,
}

impl Accounts {
    /// Renames the account with this label or id. Returns `false` if there is none.
    pub fn rename(&self, name: &str, label: &str) -> bool {
        let mut pool = self.write();
        let mut found = false;
        for entry in pool.entries.iter_mut().filter(|entry| entry.account.matches(name)) {
            entry.account = Arc::new(Account { label: label.to_owned(), ..Account::clone(&entry.account) });
            found = true;
        }
        for absent in
            pool.without_secret.iter_mut().filter(|absent| absent.id == name || absent.label == name)
        {
            label.clone_into(&mut absent.label);
            found = true;
        }
        found
    }

    /// Sets the order in which accounts are listed and, if the strategy says so, used.
    pub fn set_order(&self, ids: Vec<String>) {
        let mut pool = self.write();
        pool.entry_order = ids;
        pool.sort();
    }

    /// Pins one account, so that no other is used. `None` removes the pin.
    pub fn set_pinned(&self, id: Option<String>) {
        self.write().pinned = id;
    }

    /// Replaces the credential of an account. The new one takes the position of the old one. Limits are kept, because
    /// Mammouth applies them to the account and not to the credential.
    pub fn replace(&self, old_id: &str, account: Account, now: Timestamp) {
        let mut pool = self.write();
        pool.without_secret.retain(|absent| absent.id != old_id);
        let new_id = account.id.clone();
        if let Some(entry) = pool.entry_mut(old_id) {
            entry.account = Arc::new(account);
            entry.state.needs_login = false;
        } else {
            drop(pool);
            self.add(account, now);
            pool = self.write();
        }
        pool.replace_id(old_id, &new_id);
        if let Some(store) = &pool.store {
            store.remove(old_id);
        }
        pool.save(&new_id, now);
        pool.sort();
    }

    /// Returns the account that [`Accounts::acquire`] would select, and why not the others. Acquires nothing.
    pub fn explain(&self, request: &SelectionRequest<'_>, now: Timestamp) -> SelectionExplanation {
        let pool = self.lock();
        let selected = pool
            .select(request, now)
            .map(|(index, selection)| (pool.entries[index].account.label.clone(), selection));
        let selected_label = selected.as_ref().ok().map(|(label, _)| label.clone());
        let with_secret =
            pool.entries.iter().filter(|entry| Some(&entry.account.label) != selected_label.as_ref());
        let with_secret =
            with_secret.map(|entry| (entry.account.label.clone(), pool.skip_reason(entry, request, now)));
        let without_secret = pool
            .without_secret
            .iter()
            .map(|absent| (absent.label.clone(), skip_reason_without_secret(&absent.reason)));
        SelectionExplanation { skipped: with_secret.chain(without_secret).collect(), selected }
    }
}

fn skip_reason_without_secret(why: &MissingSecret) -> SkipReason {
    match why {
        MissingSecret::OtherHost(_) => SkipReason::OtherHost,
        MissingSecret::Reading | MissingSecret::Unreadable(_) | MissingSecret::Lost => SkipReason::NoSecret,
    }
}

impl Account {
    /// Whether `name` is the label or the id of this entry.
    fn matches(&self, name: &str) -> bool {
        self.label == name || self.id == name
    }
}

impl AccountPool {
    /// Sorts the entries by the user's order. The sort is stable: accounts without a position keep their order.
    pub(super) fn sort(&mut self) {
        let order = std::mem::take(&mut self.entry_order);
        let position = |id: &String| order.iter().position(|known| known == id).unwrap_or(order.len());
        self.entries.sort_by_key(|entry| position(&entry.account.id));
        self.without_secret.sort_by_key(|absent| position(&absent.id));
        self.entry_order = order;
    }

    fn replace_id(&mut self, old_id: &str, new_id: &str) {
        let references = self.entry_order.iter_mut().chain(self.pinned.iter_mut()).filter(|id| *id == old_id);
        references.for_each(|id| new_id.clone_into(id));
        self.affinity.forget_account(old_id);
    }

    fn skip_reason(
        &self,
        entry: &super::pool::PoolEntry,
        request: &SelectionRequest<'_>,
        now: Timestamp,
    ) -> SkipReason {
        if self.pinned.as_ref().is_some_and(|only| *only != entry.account.id) {
            return SkipReason::OtherAlone;
        }
        if !self.eligible(request).any(|possible| possible.account.id == entry.account.id) {
            return SkipReason::OtherKind;
        }
        match entry.availability(request, now) {
            Availability::Ready => SkipReason::NotNext,
            Availability::Limited { until, .. } => {
                SkipReason::Limited { minutes: until.saturating_sub(now.uptime).as_secs().div_ceil(60) }
            }
            Availability::NeedsLogin => SkipReason::NeedsLogin,
            Availability::Disabled => SkipReason::Disabled,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;
    use std::time::{Duration, UNIX_EPOCH};

    use super::super::account::AccountOrigin;
    use super::*;
    use storage::config::Strategy;
    use upstreams::{ModelRegistry, ResolvedModel, UpstreamSet, web_session};

    fn at(seconds: u64) -> Timestamp {
        Timestamp { uptime: Duration::from_secs(seconds), wall: UNIX_EPOCH + Duration::from_secs(seconds) }
    }

    fn account(label: &str) -> Account {
        Account::new(label, web_session::ID, AccountOrigin::Stored, format!("secret of {label}").into())
    }

    fn accounts(labels: &[&str]) -> Accounts {
        let list = labels.iter().map(|label| account(label)).collect();
        Accounts::new(list, Strategy::FillFirst, None, at(0))
    }

    static REQUEST: LazyLock<SelectionRequest<'static>> = LazyLock::new(|| SelectionRequest {
        upstreams: &WEB,
        model: &MODEL,
        excluded: &[],
        conversation: None,
    });
    static MODEL: LazyLock<ResolvedModel> = LazyLock::new(|| ModelRegistry::default().resolve("f"));
    static WEB: LazyLock<UpstreamSet> = LazyLock::new(|| [web_session::ID].into());

    fn labels(accounts: &Accounts) -> Vec<String> {
        accounts.list(at(0)).into_iter().map(|view| view.label).collect()
    }

    #[test]
    fn the_user_s_order_holds_for_later_accounts_too() {
        let accounts = accounts(&["a", "b"]);
        accounts.set_order(vec![account("c").id, account("b").id]);
        assert_eq!(labels(&accounts), ["b", "a"]);
        accounts.add(account("c"), at(0));
        assert_eq!(labels(&accounts), ["c", "b", "a"]);
        assert_eq!(accounts.acquire(&REQUEST, at(0)).unwrap().account.label, "c");
    }

    #[test]
    fn only_the_pinned_account_serves() {
        let accounts = accounts(&["a", "b"]);
        accounts.set_pinned(Some(account("b").id));
        assert_eq!(accounts.acquire(&REQUEST, at(0)).unwrap().account.label, "b");
        assert!(accounts.list(at(0))[1].only && !accounts.list(at(0))[0].only);
        let choice = accounts.explain(&REQUEST, at(0));
        assert_eq!(choice.selected.unwrap().0, "b");
        assert_eq!(choice.skipped[0].1, SkipReason::OtherAlone);
        accounts.set_enabled("b", false, at(0));
        assert!(accounts.acquire(&REQUEST, at(0)).is_err());
        accounts.set_pinned(None);
        assert_eq!(accounts.acquire(&REQUEST, at(0)).unwrap().account.label, "a");
    }

    #[test]
    fn a_new_secret_keeps_the_account_s_position() {
        let accounts = accounts(&["a", "b"]);
        let old = account("a");
        accounts.set_order(vec![old.id.clone()]);
        accounts.set_pinned(Some(old.id.clone()));
        accounts.record_credential_check(&old.id, false, at(0));
        let new = Account::new("a", web_session::ID, AccountOrigin::Stored, "another secret".into());
        accounts.replace(&old.id, new.clone(), at(1));
        assert_eq!(labels(&accounts), ["a", "b"]);
        assert_eq!(accounts.acquire(&REQUEST, at(1)).unwrap().account.id, new.id);
        assert!(accounts.rename("a", "c") && !accounts.rename("a", "d"));
        assert_eq!(labels(&accounts), ["c", "b"]);
    }
}
