//! The switch with which the user stops serving clients without ending the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Switch that is on at first. Clones share the same state.
#[derive(Debug, Clone)]
pub struct PauseSwitch(Arc<AtomicBool>);

impl Default for PauseSwitch {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl PauseSwitch {
    /// Whether clients are served.
    pub fn is_serving(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Turns serving on or off. Applies from the next request on; running replies are not cancelled.
    pub fn set_serving(&self, on: bool) {
        self.0.store(on, Ordering::Relaxed);
    }
}
