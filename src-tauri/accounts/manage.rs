//! What the user does with accounts: names, order, one alone, a new secret, and why the next request goes to whom.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::absent::Absence;
use super::account::Account;
use super::ask::{Ask, NoAccount};
use super::book::{Accounts, Book};
use super::clock::Now;
use super::state::Standing;
use crate::journal::Picked;

/// Whom a request would be given to now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The label and the reason, or why there is nobody.
    pub chosen: Result<(String, Picked), NoAccount>,
    /// The others by their labels, each with the reason why not.
    pub others: Vec<(String, Passed)>,
}

/// Why an account is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Passed {
    /// It may serve, but is not next.
    NotNext,
    /// The user wants another one used alone.
    OtherAlone,
    /// Its kind does not serve the model.
    OtherKind,
    Limited {
        minutes: u64,
    },
    NeedsLogin,
    Disabled,
    /// Its secret is not here.
    NoSecret,
    /// It was added for another address.
    OtherHost,
}

impl Accounts {
    /// Gives an account another label, by its label or id; `false` where there is none.
    pub fn rename(&self, name: &str, label: &str) -> bool {
        let mut book = self.change();
        let mut found = false;
        for seat in book.seats.iter_mut().filter(|seat| seat.account.is(name)) {
            seat.account = Arc::new(Account { label: label.to_owned(), ..Account::clone(&seat.account) });
            found = true;
        }
        for absent in book.absent.iter_mut().filter(|absent| absent.id == name || absent.label == name) {
            label.clone_into(&mut absent.label);
            found = true;
        }
        found
    }

    /// The order in which accounts are listed and, where the strategy says so, used.
    pub fn set_order(&self, ids: Vec<String>) {
        let mut book = self.change();
        book.order = ids;
        book.sort();
    }

    /// Uses this account and no other; `None` uses all again.
    pub fn set_only(&self, id: Option<String>) {
        self.change().only = id;
    }

    /// Puts the same account with a new secret in the place of an old one. Its limits stay, for they are Mammouth's.
    pub fn replace(&self, old_id: &str, account: Account, now: Now) {
        let mut book = self.change();
        book.absent.retain(|absent| absent.id != old_id);
        let new_id = account.id.clone();
        if let Some(seat) = book.seat(old_id) {
            seat.account = Arc::new(account);
            seat.state.needs_login = false;
        } else {
            drop(book);
            self.add(account, now);
            book = self.change();
        }
        book.follow(old_id, &new_id);
        if let Some(store) = &book.store {
            store.remove(old_id);
        }
        book.save(&new_id, now);
        book.sort();
    }

    /// Whom [`Accounts::pick`] would choose, and why not the others. Takes no place.
    pub fn explain(&self, ask: &Ask<'_>, now: Now) -> Choice {
        let book = self.lock();
        let chosen = book.choose(ask, now).map(|(index, why)| (book.seats[index].account.label.clone(), why));
        let picked = chosen.as_ref().ok().map(|(label, _)| label.clone());
        let here = book.seats.iter().filter(|seat| Some(&seat.account.label) != picked.as_ref());
        let here = here.map(|seat| (seat.account.label.clone(), book.why_not(seat, ask, now)));
        let absent = book.absent.iter().map(|absent| (absent.label.clone(), why_absent(&absent.why)));
        Choice { others: here.chain(absent).collect(), chosen }
    }
}

fn why_absent(why: &Absence) -> Passed {
    match why {
        Absence::OtherHost(_) => Passed::OtherHost,
        Absence::Reading | Absence::Unreadable(_) | Absence::Lost => Passed::NoSecret,
    }
}

impl Account {
    /// Whether this is its label or its id.
    fn is(&self, name: &str) -> bool {
        self.label == name || self.id == name
    }
}

impl Book {
    /// Stable, so that accounts without a place stay as they came.
    pub(super) fn sort(&mut self) {
        let order = std::mem::take(&mut self.order);
        let place = |id: &String| order.iter().position(|known| known == id).unwrap_or(order.len());
        self.seats.sort_by_key(|seat| place(&seat.account.id));
        self.absent.sort_by_key(|absent| place(&absent.id));
        self.order = order;
    }

    fn follow(&mut self, old_id: &str, new_id: &str) {
        let named = self.order.iter_mut().chain(self.only.iter_mut()).filter(|id| *id == old_id);
        named.for_each(|id| new_id.clone_into(id));
        self.affinity.forget_account(old_id);
    }

    fn why_not(&self, seat: &super::book::Seat, ask: &Ask<'_>, now: Now) -> Passed {
        if self.only.as_ref().is_some_and(|only| *only != seat.account.id) {
            return Passed::OtherAlone;
        }
        if !self.possible(ask).any(|possible| possible.account.id == seat.account.id) {
            return Passed::OtherKind;
        }
        match seat.standing(ask, now) {
            Standing::Ready => Passed::NotNext,
            Standing::Limited { until, .. } => {
                Passed::Limited { minutes: until.saturating_sub(now.uptime).as_secs().div_ceil(60) }
            }
            Standing::NeedsLogin => Passed::NeedsLogin,
            Standing::Disabled => Passed::Disabled,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::super::account::{Kind, Origin};
    use super::super::ask::Kinds;
    use super::*;
    use crate::config::Strategy;

    fn at(seconds: u64) -> Now {
        Now { uptime: Duration::from_secs(seconds), wall: UNIX_EPOCH + Duration::from_secs(seconds) }
    }

    fn account(label: &str) -> Account {
        Account::new(label, Kind::Web, Origin::Stored, format!("secret of {label}").into())
    }

    fn accounts(labels: &[&str]) -> Accounts {
        let list = labels.iter().map(|label| account(label)).collect();
        Accounts::new(list, Strategy::FillFirst, None, at(0))
    }

    const ASK: Ask<'static> = Ask { kinds: Kinds::ANY, scope: "f", tried: &[], conversation: None };

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
        assert_eq!(accounts.pick(&ASK, at(0)).unwrap().account.label, "c");
    }

    #[test]
    fn one_account_alone_serves_or_nobody_does() {
        let accounts = accounts(&["a", "b"]);
        accounts.set_only(Some(account("b").id));
        assert_eq!(accounts.pick(&ASK, at(0)).unwrap().account.label, "b");
        assert!(accounts.list(at(0))[1].only && !accounts.list(at(0))[0].only);
        let choice = accounts.explain(&ASK, at(0));
        assert_eq!(choice.chosen.unwrap().0, "b");
        assert_eq!(choice.others[0].1, Passed::OtherAlone);
        accounts.set_enabled("b", false, at(0));
        assert!(accounts.pick(&ASK, at(0)).is_err());
        accounts.set_only(None);
        assert_eq!(accounts.pick(&ASK, at(0)).unwrap().account.label, "a");
    }

    #[test]
    fn a_new_secret_takes_the_old_one_s_place() {
        let accounts = accounts(&["a", "b"]);
        let old = account("a");
        accounts.set_order(vec![old.id.clone()]);
        accounts.set_only(Some(old.id.clone()));
        accounts.checked(&old.id, false, at(0));
        let new = Account::new("a", Kind::Web, Origin::Stored, "another secret".into());
        accounts.replace(&old.id, new.clone(), at(1));
        assert_eq!(labels(&accounts), ["a", "b"]);
        assert_eq!(accounts.pick(&ASK, at(1)).unwrap().account.id, new.id);
        assert!(accounts.rename("a", "c") && !accounts.rename("a", "d"));
        assert_eq!(labels(&accounts), ["c", "b"]);
    }
}
