//! Limits of client keys: allowed models, tokens and cost. `proxy` enforces them, as it knows the model.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;

/// The limits of one key. The default has no limits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeyLimits {
    /// Allowed models, by the names that clients send. Empty: all models.
    pub models: Vec<String>,
    /// Prompt and reply tokens per day (UTC).
    pub daily_tokens: Option<u64>,
    /// US dollars per day (UTC).
    pub daily_cost_usd: Option<f64>,
}

/// The limits of all keys, by key name. Clones share the same limits.
#[derive(Debug, Clone, Default)]
pub struct KeyLimitTable(Arc<RwLock<BTreeMap<String, Arc<KeyLimits>>>>);

impl KeyLimitTable {
    /// The limits of a key, if it has any.
    pub fn get(&self, name: &str) -> Option<Arc<KeyLimits>> {
        self.0.read().get(name).cloned()
    }

    /// Replaces the limits of a key. Applies from the next request on.
    pub fn set(&self, name: &str, limits: KeyLimits) {
        let mut all = self.0.write();
        if limits == KeyLimits::default() {
            all.remove(name);
        } else {
            all.insert(name.to_owned(), Arc::new(limits));
        }
    }
}
