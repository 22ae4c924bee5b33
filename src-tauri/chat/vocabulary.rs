//! The tokenizer's vocabulary: loaded by the first count, given back when nothing was counted for a while.
//!
//! It takes about 20 MB, and about 150 ms to load; callers on an async thread let a blocking thread do that.

use std::fmt;
use std::mem::{replace, take};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use tiktoken::CoreBpe;
use tiktoken::encoding::o200k_base;

use crate::memory;

/// A cheap handle. While one lives, the vocabulary is not given back.
#[derive(Clone, Default)]
pub struct Vocabulary(Arc<OnceLock<CoreBpe>>);

impl Vocabulary {
    /// The one of this process, which need not be loaded yet.
    pub fn hold() -> Self {
        SHELF.hold()
    }

    /// Whether a count would find it loaded.
    pub fn is_loaded(&self) -> bool {
        self.0.get().is_some()
    }

    /// Loads it where that was not done yet.
    pub fn load(&self) {
        self.table();
    }

    pub(super) fn table(&self) -> &CoreBpe {
        self.0.get_or_init(|| {
            let table = o200k_base();
            // Loading takes as much again as what is loaded.
            memory::release_unused();
            table
        })
    }

    fn is_held_elsewhere(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

/// To be called now and then: the second call since the last count gives the vocabulary's memory back to the system, where
/// nobody holds it. Belongs on a thread that may wait some milliseconds. Tells whether it was given back.
pub fn give_back_unused_vocabulary() -> bool {
    SHELF.give_back_unused()
}

impl fmt::Debug for Vocabulary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Vocabulary").field("is_loaded", &self.is_loaded()).finish()
    }
}

static SHELF: LazyLock<Shelf> = LazyLock::new(Shelf::default);

/// A cache and nothing else: whatever it holds can be loaded again.
#[derive(Default)]
struct Shelf(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    vocabulary: Vocabulary,
    /// Since it was last looked at.
    used: bool,
}

impl Shelf {
    fn hold(&self) -> Vocabulary {
        let mut kept = self.lock();
        kept.used = true;
        kept.vocabulary.clone()
    }

    fn give_back_unused(&self) -> bool {
        let mut kept = self.lock();
        let wanted = replace(&mut kept.used, false) || kept.vocabulary.is_held_elsewhere();
        if wanted || !kept.vocabulary.is_loaded() {
            return false;
        }
        let unused = take(&mut kept.vocabulary);
        drop(kept);
        drop(unused);
        memory::release_unused();
        true
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_given_back_once_nobody_counts_or_holds_it_and_loads_again() {
        let shelf = Shelf::default();
        assert!(!shelf.give_back_unused(), "there is nothing yet");
        let held = shelf.hold();
        assert!(!held.is_loaded());
        assert_eq!(held.table().count("hello world"), 2);
        assert!(!shelf.give_back_unused() && !shelf.give_back_unused(), "somebody holds it");
        drop(held);
        assert!(shelf.hold().is_loaded());
        assert!(!shelf.give_back_unused(), "it was used since");
        assert!(shelf.give_back_unused());
        assert!(!shelf.give_back_unused());
        let again = shelf.hold();
        assert!(!again.is_loaded());
        assert_eq!(again.table().count("hello world"), 2);
    }
}
