//! Asynchronous access to a secret store.

use std::sync::Arc;

use super::keychain::KEYCHAIN_TIMEOUT;
use super::{Secret, SecretStore, StoreError};

/// A [`SecretStore`] that is called on blocking threads. Every call returns within 5 s, whatever the store
/// does.
#[derive(Clone)]
pub struct AsyncSecretStore(Arc<dyn SecretStore>);

impl AsyncSecretStore {
    pub fn new(store: Arc<dyn SecretStore>) -> Self {
        Self(store)
    }

    /// Returns a value; see [`SecretStore::get`].
    pub async fn get(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        let name = name.to_owned();
        self.run_blocking(move |store| store.get(&name)).await
    }

    /// Stores a value; see [`SecretStore::set`].
    pub async fn set(&self, name: &str, value: &Secret) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.clone());
        self.run_blocking(move |store| store.set(&name, &value)).await
    }

    /// Deletes a value; see [`SecretStore::delete`].
    pub async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.run_blocking(move |store| store.delete(&name)).await
    }

    /// Checks for access without a prompt; see [`SecretStore::check_available`].
    pub async fn check_available(&self) -> Result<(), StoreError> {
        self.run_blocking(|store| store.check_available()).await
    }

    async fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn SecretStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = Arc::clone(&self.0);
        let call = tokio::task::spawn_blocking(move || work(store.as_ref()));
        match tokio::time::timeout(KEYCHAIN_TIMEOUT, call).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::Other("its library stopped in the middle of a call".to_owned())),
            Err(_) => Err(StoreError::Hung),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ExposeSecret, MemoryStore};
    use super::*;

    #[tokio::test]
    async fn an_async_store_forwards_to_its_store() {
        let vault = AsyncSecretStore::new(Arc::new(MemoryStore::new()));
        assert!(vault.get("a").await.unwrap().is_none());
        vault.set("a", &Secret::from("kept")).await.unwrap();
        assert_eq!(vault.clone().get("a").await.unwrap().unwrap().expose_secret(), "kept");
        vault.delete("a").await.unwrap();
        assert!(vault.get("a").await.unwrap().is_none());
    }

    struct Failing;

    impl SecretStore for Failing {
        fn get(&self, _name: &str) -> Result<Option<Secret>, StoreError> {
            Err(StoreError::Locked)
        }

        fn set(&self, _name: &str, _value: &Secret) -> Result<(), StoreError> {
            Err(StoreError::Missing)
        }

        fn delete(&self, _name: &str) -> Result<(), StoreError> {
            panic!("a library that panics")
        }
    }

    #[tokio::test]
    async fn l07_a_failing_store_is_an_error_and_nothing_is_kept_elsewhere() {
        let vault = AsyncSecretStore::new(Arc::new(Failing));
        assert_eq!(vault.set("a", &Secret::from("v")).await, Err(StoreError::Missing));
        assert_eq!(vault.get("a").await.unwrap_err(), StoreError::Locked);
        assert!(matches!(vault.delete("a").await, Err(StoreError::Other(_))));
    }
}
