//! Selection of the pool entry for the next call, or the reason why there is none.

use super::circuit_breaker::{Permit, RejectionCause};
use super::clock::Timestamp;
use super::pending_secret::MissingSecret;
use super::pool::{AccountPool, PoolEntry};
use super::selection_request::{SelectionRequest, Unavailable};
use super::state::Availability;
use super::strategy::{self, Candidate};
use storage::config::KindPreference;
use storage::request_log::AccountSelection;
use upstreams::{UpstreamId, UpstreamSet, api_key, web_session};

impl AccountPool {
    /// The entry for the next call, and whether the call is a probe. If the preferred upstream is down, another may
    /// still answer.
    pub(super) fn acquire(
        &mut self,
        request: &SelectionRequest<'_>,
        now: Timestamp,
    ) -> Result<(usize, AccountSelection, bool), Unavailable> {
        let mut rejected = None;
        for upstream in preference_order(self.prefer, request.upstreams) {
            let Some((index, mut selection)) = self.select_of(upstream, request, now) else { continue };
            match self.breakers.get_mut(upstream).try_acquire(now.uptime) {
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
        let order = preference_order(self.prefer, request.upstreams);
        let mut found = order.into_iter().filter_map(|upstream| self.select_of(upstream, request, now));
        found.next().ok_or_else(|| self.unavailable_reason(request, now))
    }

    fn select_of(
        &self,
        upstream: UpstreamId,
        request: &SelectionRequest<'_>,
        now: Timestamp,
    ) -> Option<(usize, AccountSelection)> {
        let ready = |index: &usize| {
            let entry = &self.entries[*index];
            entry.account.upstream == upstream
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

    /// The entries of the upstreams that can serve the request, as far as the pin allows them. Limits are not considered.
    pub(super) fn eligible<'a>(
        &'a self,
        request: &SelectionRequest<'_>,
    ) -> impl Iterator<Item = &'a PoolEntry> + use<'a> {
        let order = preference_order(self.prefer, request.upstreams);
        self.entries
            .iter()
            .filter(move |entry| order.contains(&entry.account.upstream) && self.allowed_by_pin(entry))
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
            matches!(absent.reason, MissingSecret::OtherHost(_))
                && request.upstreams.contains(&absent.upstream)
        }) {
            return Unavailable::OtherHost;
        }
        if !availabilities.is_empty() || self.entries.is_empty() {
            return Unavailable::NoAccounts;
        }
        let allowed = preference_order(self.prefer, request.upstreams).into_iter().next();
        let wanted = allowed.or_else(|| request.upstreams.first().copied());
        wanted.map_or(Unavailable::NoAccounts, Unavailable::NoneOfUpstream)
    }
}

/// The upstreams that the preference allows, the preferred one first.
fn preference_order(prefer: KindPreference, upstreams: &UpstreamSet) -> Vec<UpstreamId> {
    let allowed = upstreams.iter().copied().filter(|upstream| is_allowed(prefer, *upstream));
    let mut order: Vec<UpstreamId> = allowed.collect();
    order.sort_by_key(|upstream| *upstream != preferred(prefer).0);
    order
}

/// Whether the preference allows an upstream.
pub(super) fn is_allowed(prefer: KindPreference, upstream: UpstreamId) -> bool {
    let (preferred, only) = preferred(prefer);
    !only || upstream == preferred
}

/// The preferred upstream, and whether it is the only one.
fn preferred(prefer: KindPreference) -> (UpstreamId, bool) {
    match prefer {
        KindPreference::Api => (api_key::ID, false),
        KindPreference::Web => (web_session::ID, false),
        KindPreference::OnlyApi => (api_key::ID, true),
        KindPreference::OnlyWeb => (web_session::ID, true),
    }
}

impl PoolEntry {
    pub(super) fn availability(&self, request: &SelectionRequest<'_>, now: Timestamp) -> Availability {
        self.state.availability(self.scope(request), now)
    }

    /// The scope of this account's limits for the request.
    pub(super) fn scope<'a>(&self, request: &SelectionRequest<'a>) -> &'a str {
        request.model.scope_at(self.account.upstream)
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
