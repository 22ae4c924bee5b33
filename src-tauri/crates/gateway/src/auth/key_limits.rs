//! What a client key may ask for and use. Who checks it is `proxy`, once it knows the model.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The limits of one key; none of them by default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeyLimits {
    /// Models by the names that clients send; all where the list is empty.
    pub models: Vec<String>,
    /// Tokens of prompts and replies a day.
    pub daily_tokens: Option<u64>,
    /// US dollars a day.
    pub daily_cost_usd: Option<f64>,
}

/// The limits of all keys by their names. Clones are handles to the same limits.
#[derive(Debug, Clone, Default)]
pub struct KeyLimitTable(Arc<RwLock<BTreeMap<String, Arc<KeyLimits>>>>);

impl KeyLimitTable {
    /// The limits of a key, if it has any.
    pub fn get(&self, name: &str) -> Option<Arc<KeyLimits>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The next request is judged by them.
    pub fn set(&self, name: &str, limits: KeyLimits) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if limits == KeyLimits::default() {
            all.remove(name);
        } else {
            all.insert(name.to_owned(), Arc::new(limits));
        }
    }
}
