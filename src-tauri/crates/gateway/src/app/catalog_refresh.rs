//! Refreshes the model catalog: from the disk at the start, from the API once a day.
//!
//! The catalog is fetched only if there is an API key: a program with web sessions alone calls only the site.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio_util::sync::CancellationToken;

use crate::accounts::Accounts;
use storage::config::Config;
use upstreams::api_key::{CatalogCache, ModelCatalog};
use upstreams::{Capability, Upstreams};

const CATALOG_FILE: &str = "models.json";
/// The largest catalog file that is read. A larger one was not written by this program.
const MAX_CATALOG_BYTES: u64 = 16 * 1024 * 1024;
/// The age at which the catalog is fetched again.
const CATALOG_MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// Interval between checks of the catalog's age. After a failure the fetch is repeated at the next check.
const CATALOG_REFRESH_INTERVAL: Duration = Duration::from_secs(10 * 60);
/// Delay of the check after a change of the accounts, which change with every request.
const ACCOUNT_CHANGE_DELAY: Duration = Duration::from_secs(1);

/// Background task that refreshes the model catalog.
pub(super) struct CatalogRefresher {
    upstreams: Upstreams,
    accounts: Accounts,
    cache: CatalogCache,
    /// The file of the catalog. `None` in a demo, which writes no files.
    file: Option<PathBuf>,
    /// Time at which the catalog on the disk was fetched, Unix seconds.
    saved_at: u64,
}

impl CatalogRefresher {
    /// Loads the catalog from the disk. Without one, marks the cache as loading.
    pub(super) fn new(
        config: &Config,
        upstreams: Upstreams,
        accounts: Accounts,
        cache: CatalogCache,
    ) -> Self {
        let file = (!config.demo).then(|| config.data_dir.join(CATALOG_FILE));
        let mut refresher = Self { upstreams, accounts, cache, file, saved_at: 0 };
        let saved = refresher.read_saved();
        refresher.saved_at = saved.as_ref().map_or(0, |saved| saved.fetched);
        refresher.cache.publish(saved);
        if refresher.is_wanted() {
            refresher.cache.mark_loading();
        }
        refresher
    }

    /// Refreshes the catalog until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut last_failed = false;
        loop {
            // Subscribed before the check, so that a key that is added during the check is not missed.
            let mut changes = self.accounts.subscribe_changes();
            if self.is_wanted() && !self.is_fresh() && !last_failed {
                tokio::select! {
                    () = stop.cancelled() => return,
                    fetched = self.fetch() => last_failed = !fetched,
                }
            }
            // A key may be added at any time; its models are needed at once.
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(CATALOG_REFRESH_INTERVAL) => last_failed = false,
                changed = changes.changed() => if changed.is_err() { return },
            }
            // Each request changes the accounts several times, and a notification costs more than the change.
            drop(changes);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ACCOUNT_CHANGE_DELAY) => {}
            }
            self.save_new();
        }
    }

    async fn fetch(&mut self) -> bool {
        match self.upstreams.fetch_catalog(SystemTime::now()).await {
            Ok(catalog) => {
                self.cache.publish(Some(catalog));
                self.save_new();
                true
            }
            Err(failure) => {
                tracing::debug!(kind = ?failure.kind, "the catalogue of models could not be fetched");
                self.cache.publish(None);
                false
            }
        }
    }

    fn is_wanted(&self) -> bool {
        self.accounts.enabled_upstreams().iter().any(|upstream| upstream.can(Capability::Catalog))
    }

    fn is_fresh(&self) -> bool {
        let fetched = UNIX_EPOCH + Duration::from_secs(self.cache.latest().fetched);
        SystemTime::now().duration_since(fetched).is_ok_and(|age| age < CATALOG_MAX_AGE)
    }

    fn read_saved(&self) -> Option<ModelCatalog> {
        let file = self.file.as_ref()?;
        let is_acceptable =
            std::fs::metadata(file).is_ok_and(|facts| facts.is_file() && facts.len() <= MAX_CATALOG_BYTES);
        is_acceptable
            .then(|| std::fs::read(file).ok())
            .flatten()
            .and_then(|text| ModelCatalog::from_json(&text))
    }

    /// Writes a catalog that is newer than the file to a new file, which then replaces the old one.
    fn save_new(&mut self) {
        let Some(file) = &self.file else { return };
        let catalog = self.cache.latest();
        if catalog.is_empty() || catalog.fetched <= self.saved_at {
            return;
        }
        self.saved_at = catalog.fetched;
        let new = file.with_extension("new");
        let written = std::fs::write(&new, catalog.to_json()).and_then(|()| std::fs::rename(&new, file));
        if let Err(error) = written {
            tracing::debug!(%error, "the catalogue of models could not be kept");
        }
    }
}
