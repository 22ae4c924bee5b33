//! Whether clients are served at all: the user can stop that without ending the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// On until it is switched off. Clones are handles to the same switch.
#[derive(Debug, Clone)]
pub struct Serving(Arc<AtomicBool>);

impl Default for Serving {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Serving {
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The next request is judged by it; replies that run go on to their end.
    pub fn set(&self, on: bool) {
        self.0.store(on, Ordering::Relaxed);
    }
}
