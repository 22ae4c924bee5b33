//! Polls the quota of accounts in use: soon after their first request, then periodically.
//!
//! An account that was not used lately is polled only while the accounts are displayed: its quota renews by itself, and
//! a poll is a call too.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::accounts::{Account, Accounts, Clock, jitter};
use upstreams::{Capability, Credential, Upstream, Upstreams};

/// Minimum time between two polls of the same account.
const QUOTA_MAX_AGE: Duration = Duration::from_secs(5 * 60);
/// Interval between checks for accounts that were used.
const POLL_INTERVAL: Duration = Duration::from_secs(60);
/// The most jitter that is added to an interval, so that several machines do not poll at the same time.
const POLL_JITTER: Duration = Duration::from_secs(10);

/// Polls until `stop`.
pub(super) async fn run(accounts: Accounts, upstreams: Upstreams, clock: Clock, stop: CancellationToken) {
    let mut last_polls = LastPolls::default();
    loop {
        let jitter = jitter();
        let due = tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(poll_delay(jitter)) => accounts.recently_used(QUOTA_MAX_AGE, clock.now()),
            () = accounts.wait_for_refresh_request() => accounts.with_stale_quota(QUOTA_MAX_AGE, clock.now()),
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = poll(&accounts, &upstreams, due, clock, &mut last_polls) => {}
        }
    }
}

/// The time until the next poll. `jitter` is from 0 to 1.
fn poll_delay(jitter: f64) -> Duration {
    POLL_INTERVAL + POLL_JITTER.mul_f64(jitter)
}

/// The uptime at which each account was last polled, by its id.
type LastPolls = HashMap<String, Duration>;

async fn poll(
    accounts: &Accounts,
    upstreams: &Upstreams,
    due: Vec<Arc<Account>>,
    clock: Clock,
    asked: &mut LastPolls,
) {
    let now = clock.now();
    asked.retain(|_, at| *at + QUOTA_MAX_AGE > now.uptime);
    for account in due {
        if asked.contains_key(&account.id) {
            continue;
        }
        asked.insert(account.id.clone(), now.uptime);
        let Ok(upstream) = upstreams.get(account.upstream) else { continue };
        identify(accounts, upstream.as_ref(), &account, clock).await;
        let credential = Credential { account: account.id.clone(), secret: account.secret.clone() };
        match upstream.quota(&credential).await {
            Ok(quota) => accounts.set_quota(&account.id, quota, clock.now()),
            Err(failure) => {
                tracing::debug!(account = ?account.label, kind = ?failure.kind, "the quota could not be read")
            }
        }
    }
}

/// Fetches the identity behind a session if it is not known, as for a session from the environment.
async fn identify(accounts: &Accounts, upstream: &dyn Upstream, account: &Account, clock: Clock) {
    if !account.upstream.can(Capability::Identity) || accounts.knows_identity(&account.id) {
        return;
    }
    let credential = Credential { account: account.id.clone(), secret: account.secret.clone() };
    if let Ok(identity) = upstream.identify(&credential).await {
        accounts.set_identity(&account.id, identity, clock.now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::{AccountOrigin, SelectionRequest, Timestamp};
    use mock_upstream::{MockAccount, MockUpstream, MockUpstreamOptions};
    use storage::config::Strategy;
    use upstreams::{ModelRegistry, web_session};

    #[tokio::test]
    async fn polls_only_accounts_in_use() {
        let simulator = MockUpstream::start(MockUpstreamOptions::instant(vec![
            MockAccount::web("a").with_limit(20),
            MockAccount::web("b"),
        ]));
        let simulator = simulator.await.unwrap();
        let clock = Clock::default();
        let list = simulator.cookies().into_iter();
        let list = list
            .map(|(label, cookie)| Account::new(label, web_session::ID, AccountOrigin::Demo, cookie.into()))
            .collect();
        let accounts = Accounts::new(list, Strategy::FillFirst, None, clock.now());
        let base = url::Url::parse(&simulator.base_url()).unwrap();
        let settings = web_session::WebSettings::new(base);
        let client = web_session::WebUpstream::new(settings).unwrap();
        let upstreams = Upstreams::new(vec![Arc::new(client)]);
        let mut last_polls = LastPolls::default();
        poll(
            &accounts,
            &upstreams,
            accounts.recently_used(QUOTA_MAX_AGE, clock.now()),
            clock,
            &mut last_polls,
        )
        .await;
        assert!(simulator.calls().is_empty(), "nobody was used yet");
        drop(
            accounts
                .acquire(
                    &SelectionRequest {
                        upstreams: &[web_session::ID].into(),
                        model: &ModelRegistry::default().resolve("f"),
                        excluded: &[],
                        conversation: None,
                    },
                    clock.now(),
                )
                .unwrap(),
        );
        poll(
            &accounts,
            &upstreams,
            accounts.recently_used(QUOTA_MAX_AGE, clock.now()),
            clock,
            &mut last_polls,
        )
        .await;
        assert!(simulator.calls().iter().all(|call| call.account.as_deref() == Some("a")));
        let views = accounts.list(clock.now());
        assert_eq!((views[0].quota_percent, views[1].quota_percent), (Some(0.0), None));
        let calls = simulator.calls().len();
        poll(
            &accounts,
            &upstreams,
            accounts.recently_used(QUOTA_MAX_AGE, clock.now()),
            clock,
            &mut last_polls,
        )
        .await;
        assert_eq!(simulator.calls().len(), calls, "it was asked a moment ago");

        let due = accounts.with_stale_quota(QUOTA_MAX_AGE, clock.now());
        assert_eq!(due.iter().map(|account| account.label.as_str()).collect::<Vec<_>>(), ["b"]);
        poll(&accounts, &upstreams, due, clock, &mut last_polls).await;
        let b = &accounts.list(clock.now())[1];
        assert_eq!((b.email.as_deref(), b.plan.as_deref()), (Some("b@simulator.invalid"), Some("Standard")));
        assert!(b.as_of_ms.is_some() && accounts.with_stale_quota(QUOTA_MAX_AGE, clock.now()).is_empty());
        let now = clock.now();
        let later = Timestamp { wall: now.wall + QUOTA_MAX_AGE + POLL_INTERVAL, ..now };
        assert_eq!(accounts.with_stale_quota(QUOTA_MAX_AGE, later).len(), 2, "both are old by then");
    }

    #[test]
    fn poll_delay_is_jittered() {
        assert_eq!(poll_delay(0.0), Duration::from_secs(60));
        assert_eq!(poll_delay(1.0), Duration::from_secs(70));
    }
}
