//! Random parts of waiting times, so that several clients or machines do not repeat a call at the same moment.

/// A random number in 0..1; 0.5 if the system has no entropy.
pub fn jitter() -> f64 {
    getrandom::u32().map_or(0.5, |random| f64::from(random) / (f64::from(u32::MAX) + 1.0))
}
