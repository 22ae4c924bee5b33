//! Shared cache of the latest model catalog.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::ModelCatalog;

/// Time limit for a request that waits for the first catalog of a run.
const FIRST_CATALOG_TIMEOUT: Duration = Duration::from_secs(2);

/// Handle of the latest catalog, cheap to clone.
#[derive(Debug, Clone)]
pub struct CatalogCache {
    state: Arc<watch::Sender<CatalogState>>,
}

#[derive(Debug, Default)]
struct CatalogState {
    catalogue: Arc<ModelCatalog>,
    /// Whether the first catalog is being fetched.
    loading: bool,
}

impl Default for CatalogCache {
    fn default() -> Self {
        Self { state: Arc::new(watch::Sender::new(CatalogState::default())) }
    }
}

impl CatalogCache {
    /// Returns the latest catalog; an empty one if there is none.
    pub fn latest(&self) -> Arc<ModelCatalog> {
        Arc::clone(&self.state.borrow().catalogue)
    }

    /// Returns the latest catalog. Waits up to 2 s for the first one if it is being fetched.
    pub async fn wait_for_first(&self) -> Arc<ModelCatalog> {
        if self.state.borrow().loading {
            let mut watching = self.state.subscribe();
            let arrived = watching.wait_for(|state| !state.loading);
            // After the timeout, the current state is used.
            let _ = tokio::time::timeout(FIRST_CATALOG_TIMEOUT, arrived).await;
        }
        self.latest()
    }

    /// Records that the first catalog is being fetched.
    pub fn mark_loading(&self) {
        self.state.send_modify(|state| state.loading = state.catalogue.is_empty());
    }

    /// Publishes a new catalog; `None` records that the fetch failed.
    pub fn publish(&self, catalogue: Option<ModelCatalog>) {
        self.state.send_modify(|state| {
            state.loading = false;
            if let Some(catalogue) = catalogue {
                state.catalogue = Arc::new(catalogue);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_for_the_first_catalogue_up_to_a_timeout() {
        let shelf = CatalogCache::default();
        assert!(shelf.wait_for_first().await.is_empty(), "nothing is on its way");
        shelf.mark_loading();
        let waiting = tokio::spawn({
            let shelf = shelf.clone();
            async move { shelf.wait_for_first().await.fetched }
        });
        tokio::task::yield_now().await;
        shelf.publish(Some(ModelCatalog { fetched: 7, ..ModelCatalog::default() }));
        assert_eq!(waiting.await.unwrap(), 7);
        shelf.mark_loading();
        assert_eq!(shelf.wait_for_first().await.fetched, 7, "the time is up");
    }
}
