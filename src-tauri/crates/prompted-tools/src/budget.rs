//! A bound on the work that text from outside may cause, counted in steps instead of time so that tests can hold it.

/// What may be done at once, on the thread that serves others: a step takes about 100 ns, so this is below 1 ms.
pub(super) const INLINE_STEPS: u64 = 5_000;
/// What may be done on a thread for blocking work.
pub(super) const OFFLOADED_STEPS: u64 = 250_000;
/// The bytes of a text that are read in one step.
const BYTES_PER_STEP: usize = 64;

/// The steps that are left.
#[derive(Debug)]
pub(super) struct StepBudget {
    limit: u64,
    used: u64,
}

impl StepBudget {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, used: 0 }
    }

    /// Takes steps; `false` once there are not enough, and from then on for good.
    pub(super) fn try_consume(&mut self, steps: usize) -> bool {
        self.used = self.used.saturating_add(steps as u64);
        !self.is_exhausted()
    }

    /// Takes the steps for reading so many bytes.
    pub(super) fn try_consume_bytes(&mut self, bytes: usize) -> bool {
        self.try_consume(bytes / BYTES_PER_STEP)
    }

    /// Whether more was asked for than there was.
    pub(super) fn is_exhausted(&self) -> bool {
        self.used > self.limit
    }

    /// What can still be spent.
    pub(super) fn remaining(&self) -> usize {
        usize::try_from(self.limit.saturating_sub(self.used)).unwrap_or(usize::MAX)
    }

    #[cfg(test)]
    pub(super) fn used(&self) -> u64 {
        self.used
    }
}
