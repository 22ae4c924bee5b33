//! Strategies that choose among usable accounts. Pure: a list in, an index and the reason out.

use std::cmp::Ordering;
use std::time::Duration;

use storage::config::Strategy;
use storage::request_log::{AccountSelection, SelectionRule};

/// A usable account with the properties that strategies compare.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate<'a> {
    pub(super) id: &'a str,
    pub(super) running: u32,
    /// Used share of the quota, percent.
    pub(super) used: f64,
    pub(super) last_used: Option<Duration>,
    /// Start of the account's current quota window, as an uptime.
    pub(super) window_began: Option<Duration>,
}

/// Chooses among candidates in the user's order. Returns `None` only for an empty list.
pub(super) fn select(
    candidates: &[Candidate<'_>],
    strategy: Strategy,
    preferred: Option<&str>,
) -> Option<(usize, AccountSelection)> {
    if let Some(index) = preferred.and_then(|id| candidates.iter().position(|candidate| candidate.id == id)) {
        return Some((index, AccountSelection::new(SelectionRule::Conversation)));
    }
    let best = (0..candidates.len()).min_by(|a, b| compare(strategy, &candidates[*a], &candidates[*b]))?;
    Some((best, selection_of(strategy, candidates.len(), candidates[best].running)))
}

/// Orders two candidates by the strategy. `min_by` keeps the first of equals, so the user's order decides last.
fn compare(strategy: Strategy, a: &Candidate<'_>, b: &Candidate<'_>) -> Ordering {
    let busy = a.running.cmp(&b.running);
    match strategy {
        Strategy::FillFirst => Ordering::Equal,
        Strategy::Balance => busy.then(a.used.total_cmp(&b.used)).then(a.last_used.cmp(&b.last_used)),
        Strategy::ResetSoonest => {
            let soonest = |candidate: &Candidate<'_>| candidate.window_began.unwrap_or(Duration::MAX);
            soonest(a).cmp(&soonest(b)).then(busy)
        }
    }
}

fn selection_of(strategy: Strategy, ready: usize, running: u32) -> AccountSelection {
    let by = match strategy {
        _ if ready == 1 => SelectionRule::Alone,
        Strategy::Balance => SelectionRule::Balance,
        Strategy::FillFirst => SelectionRule::FillFirst,
        Strategy::ResetSoonest => SelectionRule::ResetSoonest,
    };
    AccountSelection { ready: u32::try_from(ready).unwrap_or(u32::MAX), running, ..AccountSelection::new(by) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: &str) -> Candidate<'_> {
        Candidate { id, running: 0, used: 0.0, last_used: None, window_began: None }
    }

    fn chosen(candidates: &[Candidate<'_>], strategy: Strategy, preferred: Option<&str>) -> String {
        candidates[select(candidates, strategy, preferred).unwrap().0].id.to_owned()
    }

    #[test]
    fn strategies() {
        let busy = Candidate { running: 2, ..candidate("busy") };
        let used = Candidate { used: 80.0, window_began: Some(Duration::from_secs(5)), ..candidate("used") };
        let fresh = candidate("fresh");
        let all = [busy, used, fresh];
        assert_eq!(chosen(&all, Strategy::Balance, None), "fresh");
        assert_eq!(chosen(&all, Strategy::FillFirst, None), "busy");
        assert_eq!(chosen(&all, Strategy::ResetSoonest, None), "used");
        assert_eq!(chosen(&all, Strategy::Balance, Some("used")), "used");
        assert_eq!(chosen(&all, Strategy::Balance, Some("gone")), "fresh");
        assert_eq!(select(&[], Strategy::Balance, None), None);
    }

    #[test]
    fn balance_prefers_the_least_recently_used_among_equals() {
        let earlier = Candidate { last_used: Some(Duration::from_secs(1)), ..candidate("earlier") };
        let later = Candidate { last_used: Some(Duration::from_secs(2)), ..candidate("later") };
        assert_eq!(chosen(&[later, earlier], Strategy::Balance, None), "earlier");
    }
}
