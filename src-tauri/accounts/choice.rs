//! Which seat gets the next call, or why none does.

use super::absent::Absence;
use super::account::Kind;
use super::ask::{Ask, NoAccount};
use super::book::{Book, Seat};
use super::breaker::{Cause, Gate};
use super::clock::Now;
use super::pick::{self, Candidate};
use super::state::Standing;
use crate::config::Prefer;
use crate::journal::Picked;

/// The scope of an API key's limits.
const BUDGET: &str = "budget";

impl Book {
    /// The seat for the next call, and whether the call tries if Mammouth is back. Where the host of the preferred kind
    /// is down, the other kind's may not be.
    pub(super) fn open_seat(&mut self, ask: &Ask<'_>, now: Now) -> Result<(usize, Picked, bool), NoAccount> {
        let mut down = None;
        for kind in order(self.prefer) {
            let Some((index, mut why)) = self.choose_of(*kind, ask, now) else { continue };
            match self.breakers.of(*kind).gate(now.uptime) {
                Gate::Open => return Ok((index, why, false)),
                Gate::Probe => {
                    why.tries = true;
                    return Ok((index, why, true));
                }
                Gate::Closed { wait, cause: Cause::Failing } => {
                    down.get_or_insert(NoAccount::UpstreamDown { wait });
                }
                Gate::Closed { wait, cause: Cause::Challenge } => {
                    down.get_or_insert(NoAccount::Challenge { wait });
                }
            }
        }
        Err(down.unwrap_or_else(|| self.nobody(ask, now)))
    }

    /// Whether the user lets this account serve: all, unless one is to be used alone.
    fn lets(&self, seat: &Seat) -> bool {
        self.only.as_ref().is_none_or(|only| *only == seat.account.id)
    }

    pub(super) fn is_only(&self, seat: &Seat) -> bool {
        self.only.as_ref() == Some(&seat.account.id)
    }

    pub(super) fn choose(&self, ask: &Ask<'_>, now: Now) -> Result<(usize, Picked), NoAccount> {
        let mut found = order(self.prefer).iter().filter_map(|kind| self.choose_of(*kind, ask, now));
        found.next().ok_or_else(|| self.nobody(ask, now))
    }

    fn choose_of(&self, kind: Kind, ask: &Ask<'_>, now: Now) -> Option<(usize, Picked)> {
        let ready = |index: &usize| {
            let seat = &self.seats[*index];
            seat.account.kind == kind
                && ask.kinds.has(kind)
                && self.lets(seat)
                && !ask.tried.contains(&seat.account.id)
                && seat.standing(ask, now) == Standing::Ready
        };
        let ready: Vec<usize> = (0..self.seats.len()).filter(ready).collect();
        let candidates: Vec<Candidate<'_>> =
            ready.iter().map(|index| self.seats[*index].candidate()).collect();
        let stays = ask.conversation.and_then(|conversation| self.affinity.of(conversation, now.uptime));
        let (chosen, why) = pick::choose(&candidates, self.strategy, stays)?;
        Some((ready[chosen], self.with_left_out(why, ask, now)))
    }

    /// The seats that could serve the request if nothing stood in their way.
    pub(super) fn possible<'a>(&'a self, ask: &Ask<'_>) -> impl Iterator<Item = &'a Seat> + use<'a> {
        let (kinds, order) = (ask.kinds, order(self.prefer));
        self.seats.iter().filter(move |seat| {
            kinds.has(seat.account.kind) && order.contains(&seat.account.kind) && self.lets(seat)
        })
    }

    /// Counts those that were passed over.
    fn with_left_out(&self, mut why: Picked, ask: &Ask<'_>, now: Now) -> Picked {
        for seat in self.possible(ask) {
            match seat.standing(ask, now) {
                Standing::Ready => {}
                Standing::Limited { .. } => why.limited += 1,
                Standing::NeedsLogin => why.needs_login += 1,
                Standing::Disabled => why.disabled += 1,
            }
        }
        why
    }

    pub(super) fn nobody(&self, ask: &Ask<'_>, now: Now) -> NoAccount {
        let standings: Vec<(bool, Standing)> = self
            .possible(ask)
            .map(|seat| (!ask.tried.contains(&seat.account.id), seat.standing(ask, now)))
            .collect();
        let limited = standings.iter().filter_map(|(_, standing)| match standing {
            Standing::Limited { until, reason } => Some((*until, *reason)),
            Standing::Ready | Standing::NeedsLogin | Standing::Disabled => None,
        });
        if standings.iter().any(|(fresh, standing)| !fresh && *standing == Standing::Ready) {
            return NoAccount::AllTried;
        }
        if self.absent.iter().any(|absent| absent.why == Absence::Reading) {
            return NoAccount::Starting;
        }
        if let Some((until, reason)) = limited.min_by_key(|(until, _)| *until) {
            return NoAccount::Limited { wait: until.saturating_sub(now.uptime), reason };
        }
        self.nobody_at_all(ask, &standings)
    }

    fn nobody_at_all(&self, ask: &Ask<'_>, standings: &[(bool, Standing)]) -> NoAccount {
        let unreadable = self.absent.iter().find_map(|absent| match &absent.why {
            Absence::Unreadable(error) => Some(error.clone()),
            Absence::Reading | Absence::Lost | Absence::OtherHost(_) => None,
        });
        if let Some(error) = unreadable {
            return NoAccount::Unreadable(error);
        }
        let lost = self.absent.iter().any(|absent| absent.why == Absence::Lost);
        if lost || standings.iter().any(|(_, standing)| *standing == Standing::NeedsLogin) {
            return NoAccount::LoginRequired;
        }
        if self
            .absent
            .iter()
            .any(|absent| matches!(absent.why, Absence::OtherHost(_)) && ask.kinds.has(absent.kind))
        {
            return NoAccount::OtherHost;
        }
        if !standings.is_empty() || self.seats.is_empty() {
            return NoAccount::None;
        }
        let wanted = order(self.prefer).iter().copied().find(|kind| ask.kinds.has(*kind));
        NoAccount::Missing(wanted.unwrap_or(if ask.kinds.api { Kind::Api } else { Kind::Web }))
    }
}

/// The kinds in the order in which they are asked.
pub(super) fn order(prefer: Prefer) -> &'static [Kind] {
    match prefer {
        Prefer::Api => &[Kind::Api, Kind::Web],
        Prefer::Web => &[Kind::Web, Kind::Api],
        Prefer::OnlyApi => &[Kind::Api],
        Prefer::OnlyWeb => &[Kind::Web],
    }
}

impl Seat {
    pub(super) fn standing(&self, ask: &Ask<'_>, now: Now) -> Standing {
        self.state.standing(self.scope(ask), now)
    }

    /// What a limit of this account applies to.
    pub(super) fn scope<'a>(&self, ask: &Ask<'a>) -> &'a str {
        match self.account.kind {
            Kind::Web => ask.scope,
            Kind::Api => BUDGET,
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
