//! How many calls may be repeated: a tenth of all requests, so that repeats never add to Mammouth's trouble.
//!
//! Only repeats after Mammouth's own faults are counted. Going on to the next account after a refusal is bounded by the
//! number of accounts, since a refused account is not asked again.

use std::sync::Mutex;

/// Repeats that are allowed at once after a quiet time.
const RESERVE: f64 = 10.0;
const SHARE: f64 = 0.1;

#[derive(Debug)]
pub(super) struct Retries {
    saved: Mutex<f64>,
}

impl Default for Retries {
    fn default() -> Self {
        Self { saved: Mutex::new(RESERVE) }
    }
}

impl Retries {
    /// A request has come.
    pub(super) fn earn(&self) {
        let mut saved = self.saved();
        *saved = (*saved + SHARE).min(RESERVE);
    }

    /// Takes one repeat, if there is one.
    pub(super) fn spend(&self) -> bool {
        let mut saved = self.saved();
        let enough = *saved >= 1.0;
        if enough {
            *saved -= 1.0;
        }
        enough
    }

    fn saved(&self) -> std::sync::MutexGuard<'_, f64> {
        self.saved.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f08_repeats_stay_a_tenth_of_the_requests() {
        let retries = Retries::default();
        let mut spent = 0;
        for _ in 0..1_000 {
            retries.earn();
            spent += u32::from(retries.spend());
        }
        assert!((100..=111).contains(&spent), "{spent}");
    }
}
