//! The shared tokenizer: loaded by the first count, unloaded when it is idle.
//!
//! Its vocabulary takes about 20 MB and about 150 ms to load; async callers load it on a blocking thread.

use std::fmt;
use std::mem::{replace, take};
use std::sync::{Arc, LazyLock, OnceLock};

use parking_lot::{Mutex, MutexGuard};
use tiktoken::CoreBpe;
use tiktoken::encoding::o200k_base;

use crate::allocator;

/// Handle of the shared tokenizer, cheap to clone. The tokenizer stays loaded while a handle lives.
#[derive(Clone, Default)]
pub struct Tokenizer(Arc<OnceLock<CoreBpe>>);

impl Tokenizer {
    /// The tokenizer of this process, loaded or not.
    pub fn shared() -> Self {
        SHARED_TOKENIZER.acquire()
    }

    /// Whether the vocabulary is loaded.
    pub fn is_loaded(&self) -> bool {
        self.0.get().is_some()
    }

    /// Loads the vocabulary unless it is loaded already.
    pub fn load(&self) {
        self.bpe();
    }

    pub(super) fn bpe(&self) -> &CoreBpe {
        self.0.get_or_init(|| {
            let table = o200k_base();
            // Loading needs as much temporary memory as the vocabulary.
            allocator::release_unused();
            table
        })
    }

    fn has_other_handles(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

/// Unloads the tokenizer if nothing was counted since the previous call and no handle is held, and returns its memory
/// to the system. To be called periodically, on a blocking thread. Returns whether it was unloaded.
pub fn unload_idle_tokenizer() -> bool {
    SHARED_TOKENIZER.unload_if_idle()
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tokenizer").field("is_loaded", &self.is_loaded()).finish()
    }
}

static SHARED_TOKENIZER: LazyLock<TokenizerCache> = LazyLock::new(TokenizerCache::default);

/// Cache of the vocabulary.
#[derive(Default)]
struct TokenizerCache(Mutex<CachedTokenizer>);

#[derive(Default)]
struct CachedTokenizer {
    tokenizer: Tokenizer,
    /// Whether the tokenizer was used since the last idle check.
    used_since_check: bool,
}

impl TokenizerCache {
    fn acquire(&self) -> Tokenizer {
        let mut cached = self.lock();
        cached.used_since_check = true;
        cached.tokenizer.clone()
    }

    fn unload_if_idle(&self) -> bool {
        let mut cached = self.lock();
        let in_use = replace(&mut cached.used_since_check, false) || cached.tokenizer.has_other_handles();
        if in_use || !cached.tokenizer.is_loaded() {
            return false;
        }
        let unused = take(&mut cached.tokenizer);
        drop(cached);
        drop(unused);
        allocator::release_unused();
        true
    }

    fn lock(&self) -> MutexGuard<'_, CachedTokenizer> {
        self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_unloaded_once_idle_and_loads_again() {
        let cache = TokenizerCache::default();
        assert!(!cache.unload_if_idle(), "there is nothing yet");
        let held = cache.acquire();
        assert!(!held.is_loaded());
        assert_eq!(held.bpe().count("hello world"), 2);
        assert!(!cache.unload_if_idle() && !cache.unload_if_idle(), "somebody holds it");
        drop(held);
        assert!(cache.acquire().is_loaded());
        assert!(!cache.unload_if_idle(), "it was used since");
        assert!(cache.unload_if_idle());
        assert!(!cache.unload_if_idle());
        let again = cache.acquire();
        assert!(!again.is_loaded());
        assert_eq!(again.bpe().count("hello world"), 2);
    }
}
