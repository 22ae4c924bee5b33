//! The place where the latest catalogue lies for everybody who needs it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Catalogue;

/// No request waits longer for the first catalogue of a run.
const PATIENCE: Duration = Duration::from_secs(2);

/// A handle to the latest catalogue.
#[derive(Debug, Clone)]
pub struct Shelf {
    state: Arc<watch::Sender<State>>,
}

#[derive(Debug, Default)]
struct State {
    catalogue: Arc<Catalogue>,
    /// The first one is on its way.
    awaited: bool,
}

impl Default for Shelf {
    fn default() -> Self {
        Self { state: Arc::new(watch::Sender::new(State::default())) }
    }
}

impl Shelf {
    /// The latest catalogue; an empty one where there is none.
    pub fn latest(&self) -> Arc<Catalogue> {
        Arc::clone(&self.state.borrow().catalogue)
    }

    /// As [`Shelf::latest`], but waits a moment for one that is on its way.
    pub async fn soon(&self) -> Arc<Catalogue> {
        if self.state.borrow().awaited {
            let mut watching = self.state.subscribe();
            let arrived = watching.wait_for(|state| !state.awaited);
            // The time is up: what is there is all we use.
            let _ = tokio::time::timeout(PATIENCE, arrived).await;
        }
        self.latest()
    }

    /// Says that the first catalogue is on its way.
    pub fn expect(&self) {
        self.state.send_modify(|state| state.awaited = state.catalogue.is_empty());
    }

    /// Puts a new catalogue down, or says that none came.
    pub fn put(&self, catalogue: Option<Catalogue>) {
        self.state.send_modify(|state| {
            state.awaited = false;
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
    async fn a_request_waits_for_the_first_catalogue_and_not_for_ever() {
        let shelf = Shelf::default();
        assert!(shelf.soon().await.is_empty(), "nothing is on its way");
        shelf.expect();
        let waiting = tokio::spawn({
            let shelf = shelf.clone();
            async move { shelf.soon().await.fetched }
        });
        tokio::task::yield_now().await;
        shelf.put(Some(Catalogue { fetched: 7, ..Catalogue::default() }));
        assert_eq!(waiting.await.unwrap(), 7);
        shelf.expect();
        assert_eq!(shelf.soon().await.fetched, 7, "the time is up");
    }
}
