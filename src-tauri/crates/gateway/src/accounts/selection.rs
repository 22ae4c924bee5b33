//! Selection of the pool entry for the next call, or the reason why there is none.

use super::account::AccountKind;
use super::circuit_breaker::{Permit, RejectionCause};
use super::clock::Timestamp;
use super::pending_secret::MissingSecret;
use super::pool::{AccountPool, PoolEntry};
use super::selection_request::{SelectionRequest, Unavailable};
use super::state::Availability;
use super::strategy::{self, Candidate};
use storage::config::KindPreference;
use storage::request_log::AccountSelection;

/// The scope of an API key's limits.
const API_KEY_SCOPE: &str = "budget";

impl AccountPool {
    /// The entry for the next call, and whether the call is a probe. If the preferred kind's upstream is down, the
    /// other kind's may still answer.
    pub(super) fn acquire(
        &mut self,
        request: &SelectionRequest<'_>,
        now: Timestamp,
    ) -> Result<(usize, AccountSelection, bool), Unavailable> {
        let mut rejected = None;
        for kind in kind_order(self.prefer) {
            let Some((index, mut selection)) = self.select_of_kind(*kind, request, now) else { continue };
            match self.breakers.get_mut(*kind).try_acquire(now.uptime) {
                Permit::Allowed => return Ok((index, selection, false)),
                Permit::Probe => {
                    selection.tries = true;
                    return Ok((index, selection, true));
                }
                Permit::Rejected { retry_after: wait, cause: RejectionCause::Failing } => {
                    rejected.get_or_insert(Unavailable::UpstreamDown { wait });
                }
                Permit::Rejected { retry_after: wait, cause: RejectionCause::Challenge } => {
                    rejected.get_or_insert(Unavailable::Challenge { wait });
                }
            }
        }
        Err(rejected.unwrap_or_else(|| self.unavailable_reason(request, now)))
    }

    /// Whether the pin allows this account: every account is allowed if none is pinned.
    fn allowed_by_pin(&self, entry: &PoolEntry) -> bool {
        self.pinned.as_ref().is_none_or(|only| *only == entry.account.id)
    }

    pub(super) fn is_pinned(&self, entry: &PoolEntry) -> bool {
        self.pinned.as_ref() == Some(&entry.account.id)
    }

    pub(super) fn select(
        &self,
        request: &SelectionRequest<'_>,
        now: Timestamp,
    ) -> Result<(usize, AccountSelection), Unavailable> {
        let mut found =
            kind_order(self.prefer).iter().filter_map(|kind| self.select_of_kind(*kind, request, now));
        found.next().ok_or_else(|| self.unavailable_reason(request, now))
    }

    fn select_of_kind(
        &self,
        kind: AccountKind,
        request: &SelectionRequest<'_>,
        now: Timestamp,
    ) -> Option<(usize, AccountSelection)> {
        let ready = |index: &usize| {
            let entry = &self.entries[*index];
            entry.account.kind == kind
                && request.kinds.contains(kind)
                && self.allowed_by_pin(entry)
                && !request.excluded.contains(&entry.account.id)
                && entry.availability(request, now) == Availability::Ready
        };
        let ready: Vec<usize> = (0..self.entries.len()).filter(ready).collect();
        let candidates: Vec<Candidate<'_>> =
            ready.iter().map(|index| self.entries[*index].candidate()).collect();
        let affinity =
            request.conversation.and_then(|conversation| self.affinity.account_for(conversation, now.uptime));
        let (chosen, selection) = strategy::select(&candidates, self.strategy, affinity)?;
        Some((ready[chosen], self.count_skipped(selection, request, now)))
    }

    /// The entries of a kind that can serve the request, as far as the pin allows them. Limits are not considered.
    pub(super) fn eligible<'a>(
        &'a self,
        request: &SelectionRequest<'_>,
    ) -> impl Iterator<Item = &'a PoolEntry> + use<'a> {
        let (kinds, preference_order) = (request.kinds, kind_order(self.prefer));
        self.entries.iter().filter(move |entry| {
            kinds.contains(entry.account.kind)
                && preference_order.contains(&entry.account.kind)
                && self.allowed_by_pin(entry)
        })
    }

    /// Counts the accounts that were skipped.
    fn count_skipped(
        &self,
        mut selection: AccountSelection,
        request: &SelectionRequest<'_>,
        now: Timestamp,
    ) -> AccountSelection {
        for entry in self.eligible(request) {
            match entry.availability(request, now) {
                Availability::Ready => {}
                Availability::Limited { .. } => selection.limited += 1,
                Availability::NeedsLogin => selection.needs_login += 1,
                Availability::Disabled => selection.disabled += 1,
            }
        }
        selection
    }

    pub(super) fn unavailable_reason(&self, request: &SelectionRequest<'_>, now: Timestamp) -> Unavailable {
        let availabilities: Vec<(bool, Availability)> = self
            .eligible(request)
            .map(|entry| (!request.excluded.contains(&entry.account.id), entry.availability(request, now)))
            .collect();
        let limited = availabilities.iter().filter_map(|(_, standing)| match standing {
            Availability::Limited { until, reason } => Some((*until, *reason)),
            Availability::Ready | Availability::NeedsLogin | Availability::Disabled => None,
        });
        if availabilities.iter().any(|(untried, standing)| !untried && *standing == Availability::Ready) {
            return Unavailable::AllTried;
        }
        if self.without_secret.iter().any(|absent| absent.reason == MissingSecret::Reading) {
            return Unavailable::Starting;
        }
        if let Some((until, reason)) = limited.min_by_key(|(until, _)| *until) {
            return Unavailable::Limited { wait: until.saturating_sub(now.uptime), reason };
        }
        self.unusable_reason(request, &availabilities)
    }

    fn unusable_reason(
        &self,
        request: &SelectionRequest<'_>,
        availabilities: &[(bool, Availability)],
    ) -> Unavailable {
        let unreadable = self.without_secret.iter().find_map(|absent| match &absent.reason {
            MissingSecret::Unreadable(error) => Some(error.clone()),
            MissingSecret::Reading | MissingSecret::Lost | MissingSecret::OtherHost(_) => None,
        });
        if let Some(error) = unreadable {
            return Unavailable::Unreadable(error);
        }
        let any_lost = self.without_secret.iter().any(|absent| absent.reason == MissingSecret::Lost);
        if any_lost || availabilities.iter().any(|(_, standing)| *standing == Availability::NeedsLogin) {
            return Unavailable::LoginRequired;
        }
        if self.without_secret.iter().any(|absent| {
            matches!(absent.reason, MissingSecret::OtherHost(_)) && request.kinds.contains(absent.kind)
        }) {
            return Unavailable::OtherHost;
        }
        if !availabilities.is_empty() || self.entries.is_empty() {
            return Unavailable::NoAccounts;
        }
        let wanted = kind_order(self.prefer).iter().copied().find(|kind| request.kinds.contains(*kind));
        Unavailable::NoneOfKind(wanted.unwrap_or(if request.kinds.api {
            AccountKind::Api
        } else {
            AccountKind::Web
        }))
    }
}

/// The account kinds, the preferred one first.
pub(super) fn kind_order(prefer: KindPreference) -> &'static [AccountKind] {
    match prefer {
        KindPreference::Api => &[AccountKind::Api, AccountKind::Web],
        KindPreference::Web => &[AccountKind::Web, AccountKind::Api],
        KindPreference::OnlyApi => &[AccountKind::Api],
        KindPreference::OnlyWeb => &[AccountKind::Web],
    }
}

impl PoolEntry {
    pub(super) fn availability(&self, request: &SelectionRequest<'_>, now: Timestamp) -> Availability {
        self.state.availability(self.scope(request), now)
    }

    /// The scope of this account's limits for the request.
    pub(super) fn scope<'a>(&self, request: &SelectionRequest<'a>) -> &'a str {
        match self.account.kind {
            AccountKind::Web => request.scope,
            AccountKind::Api => API_KEY_SCOPE,
        }
    }

    fn candidate(&self) -> Candidate<'_> {
        Candidate {
            id: &self.account.id,
            running: self.state.running,
            used: self.state.quota.as_ref().and_then(|quota| quota.percent).unwrap_or(0.0),
            last_used: self.state.last_used,
            window_began: self.state.window_began,
        }
    }
}
