//! Retry budget: limits repeats to a tenth of all requests, so that repeats do not add load while Mammouth is failing.
//!
//! Only repeats after faults of Mammouth are counted. Trying the next account after a refusal is limited by the number
//! of accounts, since an account that refused is not tried again.

use parking_lot::{Mutex, MutexGuard};

/// The largest balance, in repeats: the size of a burst after a time without repeats.
const MAX_BALANCE: f64 = 10.0;
const DEPOSIT_PER_REQUEST: f64 = 0.1;

/// The balance of allowed repeats, as in `tower::retry::budget`.
#[derive(Debug)]
pub(super) struct RetryBudget {
    balance: Mutex<f64>,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { balance: Mutex::new(MAX_BALANCE) }
    }
}

impl RetryBudget {
    /// Adds the share of one request.
    pub(super) fn deposit(&self) {
        let mut balance = self.balance();
        *balance = (*balance + DEPOSIT_PER_REQUEST).min(MAX_BALANCE);
    }

    /// Withdraws one repeat. Returns whether the balance was sufficient.
    pub(super) fn try_withdraw(&self) -> bool {
        let mut balance = self.balance();
        let enough = *balance >= 1.0;
        if enough {
            *balance -= 1.0;
        }
        enough
    }

    fn balance(&self) -> MutexGuard<'_, f64> {
        self.balance.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f08_retries_stay_a_tenth_of_the_requests() {
        let budget = RetryBudget::default();
        let mut withdrawn = 0;
        for _ in 0..1_000 {
            budget.deposit();
            withdrawn += u32::from(budget.try_withdraw());
        }
        assert!((100..=111).contains(&withdrawn), "{withdrawn}");
    }
}
