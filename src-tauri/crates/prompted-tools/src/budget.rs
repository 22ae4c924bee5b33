//! Limit on the work that untrusted text may cause, in steps instead of time so that tests are deterministic.

/// Steps allowed on an async thread. A step takes about 100 ns, so this is below 1 ms.
pub(super) const INLINE_STEPS: u64 = 5_000;
/// Steps allowed on a blocking thread.
pub(super) const OFFLOADED_STEPS: u64 = 250_000;
/// Bytes of text that count as one step.
const BYTES_PER_STEP: usize = 64;

/// Remaining steps of a computation.
#[derive(Debug)]
pub(super) struct StepBudget {
    limit: u64,
    used: u64,
}

impl StepBudget {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, used: 0 }
    }

    /// Consumes steps. `false` if fewer are left; the budget is then exhausted for good.
    pub(super) fn try_consume(&mut self, steps: usize) -> bool {
        self.used = self.used.saturating_add(steps as u64);
        !self.is_exhausted()
    }

    /// Consumes the steps for reading `bytes` bytes.
    pub(super) fn try_consume_bytes(&mut self, bytes: usize) -> bool {
        self.try_consume(bytes / BYTES_PER_STEP)
    }

    /// Whether a request for steps was denied.
    pub(super) fn is_exhausted(&self) -> bool {
        self.used > self.limit
    }

    /// The number of steps left.
    pub(super) fn remaining(&self) -> usize {
        usize::try_from(self.limit.saturating_sub(self.used)).unwrap_or(usize::MAX)
    }

    #[cfg(test)]
    pub(super) fn used(&self) -> u64 {
        self.used
    }
}
