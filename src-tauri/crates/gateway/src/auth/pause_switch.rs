//! Whether clients are served at all: the user can stop that without ending the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// On until it is switched off. Clones are handles to the same switch.
#[derive(Debug, Clone)]
pub struct PauseSwitch(Arc<AtomicBool>);

impl Default for PauseSwitch {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl PauseSwitch {
    pub fn is_serving(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The next request is judged by it; replies that run go on to their end.
    pub fn set_serving(&self, on: bool) {
        self.0.store(on, Ordering::Relaxed);
    }
}
