//! Asks for the quota of accounts in use, now and then.
//!
//! An account that nobody used lately is not asked: its quota is renewing by itself, and asking is a call too.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::accounts::{Accounts, Clock};
use crate::upstreams::Credential;
use crate::upstreams::web::Web;

const EVERY: Duration = Duration::from_secs(5 * 60);
/// The pause is spread by up to this, so that several machines do not ask at the same time.
const JITTER: Duration = Duration::from_secs(60);

/// Runs until `stop`.
pub(super) async fn watch(accounts: Accounts, web: Arc<Web>, clock: Clock, stop: CancellationToken) {
    loop {
        let chance = getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY + JITTER.mul_f64(chance)) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = ask(&accounts, &web, clock) => {}
        }
    }
}

async fn ask(accounts: &Accounts, web: &Web, clock: Clock) {
    for account in accounts.in_use(EVERY + JITTER, clock.now()) {
        let credential = Credential { account: account.id.clone(), secret: account.secret.clone() };
        match web.quota(&credential).await {
            Ok(quota) => accounts.set_quota(&account.id, quota),
            Err(failure) => {
                tracing::debug!(account = %account.label, kind = ?failure.kind, "the quota could not be read")
            }
        }
    }
}
