//! How many calls may be repeated: a tenth of all requests, so that repeats never add to Mammouth's trouble.
//!
//! Only repeats after Mammouth's own faults are counted. Going on to the next account after a refusal is bounded by the
//! number of accounts, since a refused account is not asked again.

use std::sync::Mutex;

/// Repeats that are allowed at once after a quiet time.
const MAX_BALANCE: f64 = 10.0;
const DEPOSIT_PER_REQUEST: f64 = 0.1;

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
    /// A request has come.
    pub(super) fn deposit(&self) {
        let mut balance = self.balance();
        *balance = (*balance + DEPOSIT_PER_REQUEST).min(MAX_BALANCE);
    }

    /// Takes one repeat, if there is one.
    pub(super) fn try_withdraw(&self) -> bool {
        let mut balance = self.balance();
        let enough = *balance >= 1.0;
        if enough {
            *balance -= 1.0;
        }
        enough
    }

    fn balance(&self) -> std::sync::MutexGuard<'_, f64> {
        self.balance.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
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
