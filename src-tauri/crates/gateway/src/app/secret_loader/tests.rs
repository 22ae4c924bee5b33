use std::collections::HashMap;
use std::sync::{Arc, mpsc};

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::watch;

use super::*;
use crate::accounts::{SelectionRequest, Unavailable};
use crate::auth::PauseSwitch;
use crate::management::{self, ClientKeys, InstanceInfo, SecretReload};
use storage::config::{self, SettingsFile, Strategy};
use storage::request_log::{self, RequestLog};
use storage::secrets::SecretStore;
use upstreams::{ModelRegistry, Upstreams, web_session};

/// A secret store with scripted errors that counts its calls.
#[derive(Default)]
struct FakeStore {
    values: Mutex<HashMap<String, Result<&'static str, StoreError>>>,
    /// Error with which every call fails, if set.
    forced_error: Mutex<Option<StoreError>>,
    /// Channel on which each call waits for a message, if set.
    blocker: Mutex<Option<mpsc::Receiver<()>>>,
    get_calls: watch::Sender<usize>,
    availability_checks: watch::Sender<usize>,
}

impl FakeStore {
    fn set_forced_error(&self, error: Option<StoreError>) {
        *self.forced_error.lock() = error;
    }

    fn result(&self) -> Result<(), StoreError> {
        if let Some(blocker) = &*self.blocker.lock() {
            let _ = blocker.recv();
        }
        self.forced_error.lock().clone().map_or(Ok(()), Err)
    }

    async fn wait_for_availability_checks(&self, times: usize) {
        self.availability_checks.subscribe().wait_for(|count| *count >= times).await.unwrap();
    }
}

impl SecretStore for FakeStore {
    fn get(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        self.get_calls.send_modify(|count| *count += 1);
        self.result()?;
        let found = self.values.lock().get(name).cloned().transpose()?;
        Ok(found.map(Secret::from))
    }

    fn set(&self, name: &str, value: &Secret) -> Result<(), StoreError> {
        self.result()?;
        let value: &'static str = value.expose_secret().to_owned().leak();
        self.values.lock().insert(name.to_owned(), Ok(value));
        Ok(())
    }

    fn delete(&self, _name: &str) -> Result<(), StoreError> {
        self.result()
    }

    fn check_available(&self) -> Result<(), StoreError> {
        self.availability_checks.send_modify(|count| *count += 1);
        self.result()
    }
}

struct TestSetup {
    control: Control,
    store: Arc<FakeStore>,
    reader: SecretReload,
    requests: Option<ReloadRequests>,
    _dir: TempDir,
}

fn stored_id(secret: &str) -> String {
    Account::new("", web_session::ID, AccountOrigin::Stored, secret.into()).id
}

impl TestSetup {
    /// Accounts whose secrets equal their labels, all in the store.
    fn new(labels: &[&'static str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(FakeStore::default());
        let clock = Clock::default();
        let accounts = Accounts::new(Vec::new(), Strategy::FillFirst, None, clock.now());
        for label in labels {
            let id = stored_id(label);
            store.values.lock().insert(keychain_entry_name(&id), Ok(label));
            accounts.add_pending(id, (*label).to_owned(), web_session::ID);
        }
        let journal = RequestLog::open(&dir.path().join("log.db"), request_log::LogLimits::default()).log;
        let (reader, requests) = management::reload_channel();
        let vault = AsyncSecretStore::new(Arc::<FakeStore>::clone(&store));
        let settings = SettingsFile::empty(dir.path());
        let control = Control::new(management::ControlParts {
            accounts,
            upstreams: Upstreams::new(Vec::new()),
            models: ModelRegistry::default(),
            journal,
            vault,
            config: Arc::new(config::resolve_file_only(&settings, None).unwrap()),
            settings: Arc::new(Mutex::new(settings)),
            keys: ClientKeys::new(std::collections::BTreeMap::new()),
            serving: PauseSwitch::default(),
            secret_reload: reader.clone(),
            clock,
            instance: InstanceInfo::default(),
        });
        Self { control, store, reader, requests: Some(requests), _dir: dir }
    }

    fn spawn_loader(&mut self) -> tokio::task::JoinHandle<()> {
        let requests = self.requests.take().unwrap();
        tokio::spawn(super::run(self.control.clone(), requests, CancellationToken::new()))
    }

    fn states(&self) -> Vec<String> {
        let views = self.control.accounts.list(self.control.clock.now());
        views.into_iter().map(|view| format!("{} {}", view.label, view.state)).collect()
    }

    fn unavailable(&self) -> Option<Unavailable> {
        let upstreams = [web_session::ID].into();
        let model = ModelRegistry::default().resolve("f");
        let ask =
            SelectionRequest { upstreams: &upstreams, model: &model, excluded: &[], conversation: None };
        self.control.accounts.acquire(&ask, self.control.clock.now()).err()
    }

    fn main_key(&self) -> Option<String> {
        match self.control.keys.main() {
            MainKey::Kept { key, .. } => Some(key.expose_secret().to_owned()),
            MainKey::ForThisRun { .. } | MainKey::Unread { .. } => None,
        }
    }

    fn get_calls(&self) -> usize {
        *self.store.get_calls.borrow()
    }
}

#[tokio::test(start_paused = true)]
async fn stored_secrets_are_read_once() {
    let mut setup = TestSetup::new(&["a", "b"]);
    assert_eq!(setup.unavailable(), Some(Unavailable::Starting));
    setup.spawn_loader().await.unwrap();
    assert_eq!(setup.states(), ["a ready", "b ready"]);
    assert_eq!((setup.get_calls(), *setup.store.availability_checks.borrow()), (3, 0));
    let key = setup.main_key().unwrap();
    let name = setup.control.keys.guard_keys().find(key.as_bytes());
    assert_eq!(name.as_deref(), Some("main"));
    let digests = setup.control.settings.lock().string_table("client_keys");
    assert_eq!(digests.len(), 1);
    setup.reader.reload().await;
    assert_eq!(setup.get_calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn f45_a_locked_keychain_is_read_once_and_then_only_checked() {
    let mut setup = TestSetup::new(&["a", "b", "c"]);
    setup.store.set_forced_error(Some(StoreError::Locked));
    let task = setup.spawn_loader();
    setup.store.wait_for_availability_checks(30).await;
    assert_eq!(setup.get_calls(), 1, "each further question would be a password window");
    assert_eq!(setup.states(), ["a locked", "b locked", "c locked"]);
    assert_eq!(setup.unavailable(), Some(Unavailable::Unreadable(StoreError::Locked)));
    let MainKey::ForThisRun { key, .. } = setup.control.keys.main() else { panic!("no key to work with") };
    setup.store.set_forced_error(None);
    task.await.unwrap();
    assert_eq!(setup.states(), ["a ready", "b ready", "c ready"]);
    assert_eq!(setup.main_key().as_deref(), Some(key.expose_secret()), "clients may have it already");
}

#[tokio::test(start_paused = true)]
async fn f45_a_reload_reads_a_locked_keychain_again() {
    let mut setup = TestSetup::new(&["a"]);
    setup.store.set_forced_error(Some(StoreError::Locked));
    let task = setup.spawn_loader();
    setup.store.wait_for_availability_checks(1).await;
    setup.reader.reload().await;
    assert_eq!(setup.get_calls(), 2);
    setup.store.set_forced_error(None);
    setup.reader.reload().await;
    assert_eq!(setup.states(), ["a ready"]);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn f46_without_a_keychain_a_temporary_key_is_used_and_nothing_retried() {
    let mut setup = TestSetup::new(&[]);
    setup.store.set_forced_error(Some(StoreError::Missing));
    let _task = setup.spawn_loader();
    setup.reader.reload().await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!((setup.get_calls(), *setup.store.availability_checks.borrow()), (2, 0));
    assert!(matches!(setup.control.keys.main(), MainKey::ForThisRun { .. }));
}

#[tokio::test(start_paused = true)]
async fn f47_f60_a_hung_keychain_is_reported_after_three_seconds() {
    let mut setup = TestSetup::new(&["a"]);
    let (release, held) = mpsc::channel();
    *setup.store.blocker.lock() = Some(held);
    let task = setup.spawn_loader();
    setup.store.get_calls.subscribe().wait_for(|count| *count == 1).await.unwrap();
    tokio::time::advance(START_READ_TIMEOUT - Duration::from_millis(1)).await;
    assert_eq!(setup.unavailable(), Some(Unavailable::Starting));
    tokio::time::advance(Duration::from_millis(2)).await;
    while setup.unavailable() == Some(Unavailable::Starting) {
        tokio::task::yield_now().await;
    }
    assert_eq!(setup.unavailable(), Some(Unavailable::Unreadable(StoreError::Hung)));
    drop(release);
    task.await.unwrap();
    assert_eq!(setup.states(), ["a ready"]);
}

#[tokio::test(start_paused = true)]
async fn f48_missing_or_altered_secrets_are_never_used() {
    let mut setup = TestSetup::new(&["gone", "other", "garbage", "good"]);
    {
        let mut values = setup.store.values.lock();
        values.remove(&keychain_entry_name(&stored_id("gone")));
        values.insert(keychain_entry_name(&stored_id("other")), Ok("somebody else's"));
        values.insert(keychain_entry_name(&stored_id("garbage")), Err(StoreError::Damaged));
        values.insert(MAIN_KEY_ENTRY.to_owned(), Ok("x"));
    }
    setup.spawn_loader().await.unwrap();
    assert_eq!(
        setup.states(),
        ["good ready", "gone needs login", "other needs login", "garbage needs login"]
    );
    assert!(setup.control.keys.guard_keys().find(b"x").is_none());
    assert!(setup.main_key().is_some());
}

#[tokio::test(start_paused = true)]
async fn f48_a_lost_secrets_file_is_reported() {
    let mut setup = TestSetup::new(&["a"]);
    setup.store.values.lock().clear();
    let lost = Err(StoreError::SetAside("secrets.sealed.bad-1".to_owned()));
    setup.store.values.lock().insert(keychain_entry_name(&stored_id("a")), lost);
    let _task = setup.spawn_loader();
    setup.reader.reload().await;
    let notices = setup.control.runtime_notices();
    assert!(notices.iter().any(|notice| notice.to_string().contains("secrets.sealed.bad-1")), "{notices:?}");
}
