use std::collections::HashMap;
use std::sync::{Arc, Mutex, mpsc};

use tempfile::TempDir;
use tokio::sync::watch;

use super::*;
use crate::access::PauseSwitch;
use crate::accounts::{AccountKind, KindSet, SelectionRequest, Unavailable};
use crate::config::{self, SettingsFile, Strategy};
use crate::control::{self, ClientKeys, Facts, Reader};
use crate::journal::{self, RequestLog};
use crate::secrets::SecretStore;
use crate::upstreams::ModelRegistry;
use crate::upstreams::api::{self, ApiUpstream};
use crate::upstreams::web::{self, WebUpstream};

/// A keychain that does what a test says, and counts.
#[derive(Default)]
struct Fake {
    values: Mutex<HashMap<String, Result<&'static str, StoreError>>>,
    /// While this holds something, every call is answered with it.
    refusal: Mutex<Option<StoreError>>,
    /// While this holds something, each call waits for a message.
    held: Mutex<Option<mpsc::Receiver<()>>>,
    gets: watch::Sender<usize>,
    peeks: watch::Sender<usize>,
}

impl Fake {
    fn refuse(&self, error: Option<StoreError>) {
        *self.refusal.lock().unwrap() = error;
    }

    fn answer(&self) -> Result<(), StoreError> {
        if let Some(held) = &*self.held.lock().unwrap() {
            let _ = held.recv();
        }
        self.refusal.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    async fn peeked(&self, times: usize) {
        self.peeks.subscribe().wait_for(|count| *count >= times).await.unwrap();
    }
}

impl SecretStore for Fake {
    fn get(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        self.gets.send_modify(|count| *count += 1);
        self.answer()?;
        let found = self.values.lock().unwrap().get(name).cloned().transpose()?;
        Ok(found.map(Secret::from))
    }

    fn set(&self, name: &str, value: &Secret) -> Result<(), StoreError> {
        self.answer()?;
        let value: &'static str = value.expose_secret().to_owned().leak();
        self.values.lock().unwrap().insert(name.to_owned(), Ok(value));
        Ok(())
    }

    fn delete(&self, _name: &str) -> Result<(), StoreError> {
        self.answer()
    }

    fn check_available(&self) -> Result<(), StoreError> {
        self.peeks.send_modify(|count| *count += 1);
        self.answer()
    }
}

struct Bench {
    control: Control,
    store: Arc<Fake>,
    reader: Reader,
    asked: Option<Asked>,
    _dir: TempDir,
}

fn stored_id(secret: &str) -> String {
    Account::new("", AccountKind::Web, AccountOrigin::Stored, secret.into()).id
}

impl Bench {
    /// Accounts whose secrets are their labels, all in the keychain.
    fn new(labels: &[&'static str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Fake::default());
        let clock = Clock::default();
        let accounts = Accounts::new(Vec::new(), Strategy::FillFirst, None, clock.now());
        for label in labels {
            let id = stored_id(label);
            store.values.lock().unwrap().insert(keychain_name(&id), Ok(label));
            accounts.add_pending(id, (*label).to_owned(), AccountKind::Web);
        }
        let journal = RequestLog::open(&dir.path().join("log.db"), journal::LogLimits::default()).log;
        let (reader, asked) = control::reader();
        let vault = AsyncSecretStore::new(Arc::<Fake>::clone(&store));
        let settings = SettingsFile::empty(dir.path());
        let control = Control::new(control::Parts {
            accounts,
            web: Arc::new(WebUpstream::new(web::WebSettings::default()).unwrap()),
            api: Arc::new(ApiUpstream::new(api::ApiSettings::default()).unwrap()),
            names: ModelRegistry::default(),
            journal,
            vault,
            config: Arc::new(config::check(&settings, None).unwrap()),
            settings: Arc::new(Mutex::new(settings)),
            keys: ClientKeys::new(std::collections::BTreeMap::new()),
            serving: PauseSwitch::default(),
            reader: reader.clone(),
            clock,
            facts: Facts::default(),
        });
        Self { control, store, reader, asked: Some(asked), _dir: dir }
    }

    fn run(&mut self) -> tokio::task::JoinHandle<()> {
        let asked = self.asked.take().unwrap();
        tokio::spawn(super::watch(self.control.clone(), asked, CancellationToken::new()))
    }

    fn states(&self) -> Vec<String> {
        let views = self.control.accounts.list(self.control.clock.now());
        views.into_iter().map(|view| format!("{} {}", view.label, view.state)).collect()
    }

    fn refusal(&self) -> Option<Unavailable> {
        let ask = SelectionRequest { kinds: KindSet::ANY, scope: "f", excluded: &[], conversation: None };
        self.control.accounts.acquire(&ask, self.control.clock.now()).err()
    }

    fn main_key(&self) -> Option<String> {
        match self.control.keys.main() {
            MainKey::Kept { key, .. } => Some(key.expose_secret().to_owned()),
            MainKey::ForThisRun { .. } | MainKey::Unread { .. } => None,
        }
    }

    fn gets(&self) -> usize {
        *self.store.gets.borrow()
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_is_read_once() {
    let mut bench = Bench::new(&["a", "b"]);
    assert_eq!(bench.refusal(), Some(Unavailable::Starting));
    bench.run().await.unwrap();
    assert_eq!(bench.states(), ["a ready", "b ready"]);
    assert_eq!((bench.gets(), *bench.store.peeks.borrow()), (3, 0));
    let key = bench.main_key().unwrap();
    let name = bench.control.keys.guard_keys().find(key.as_bytes());
    assert_eq!(name.as_deref(), Some("main"));
    let digests = bench.control.settings.lock().unwrap().texts("client_keys");
    assert_eq!(digests.len(), 1);
    bench.reader.read_again().await;
    assert_eq!(bench.gets(), 3);
}

#[tokio::test(start_paused = true)]
async fn f45_a_locked_keychain_is_asked_once_and_then_only_looked_at() {
    let mut bench = Bench::new(&["a", "b", "c"]);
    bench.store.refuse(Some(StoreError::Locked));
    let task = bench.run();
    bench.store.peeked(30).await;
    assert_eq!(bench.gets(), 1, "each further question would be a password window");
    assert_eq!(bench.states(), ["a locked", "b locked", "c locked"]);
    assert_eq!(bench.refusal(), Some(Unavailable::Unreadable(StoreError::Locked)));
    let MainKey::ForThisRun { key, .. } = bench.control.keys.main() else { panic!("no key to work with") };
    bench.store.refuse(None);
    task.await.unwrap();
    assert_eq!(bench.states(), ["a ready", "b ready", "c ready"]);
    assert_eq!(bench.main_key().as_deref(), Some(key.expose_secret()), "clients may have it already");
}

#[tokio::test(start_paused = true)]
async fn f45_the_user_may_have_it_asked_again() {
    let mut bench = Bench::new(&["a"]);
    bench.store.refuse(Some(StoreError::Locked));
    let task = bench.run();
    bench.store.peeked(1).await;
    bench.reader.read_again().await;
    assert_eq!(bench.gets(), 2);
    bench.store.refuse(None);
    bench.reader.read_again().await;
    assert_eq!(bench.states(), ["a ready"]);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn f46_without_a_keychain_there_is_a_key_for_this_run_and_nothing_to_wait_for() {
    let mut bench = Bench::new(&[]);
    bench.store.refuse(Some(StoreError::Missing));
    let _task = bench.run();
    bench.reader.read_again().await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!((bench.gets(), *bench.store.peeks.borrow()), (2, 0));
    assert!(matches!(bench.control.keys.main(), MainKey::ForThisRun { .. }));
}

#[tokio::test(start_paused = true)]
async fn f47_f60_after_three_seconds_a_hung_keychain_is_named() {
    let mut bench = Bench::new(&["a"]);
    let (release, held) = mpsc::channel();
    *bench.store.held.lock().unwrap() = Some(held);
    let task = bench.run();
    bench.store.gets.subscribe().wait_for(|count| *count == 1).await.unwrap();
    tokio::time::advance(START_READ_TIMEOUT - Duration::from_millis(1)).await;
    assert_eq!(bench.refusal(), Some(Unavailable::Starting));
    tokio::time::advance(Duration::from_millis(2)).await;
    while bench.refusal() == Some(Unavailable::Starting) {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.refusal(), Some(Unavailable::Unreadable(StoreError::Hung)));
    drop(release);
    task.await.unwrap();
    assert_eq!(bench.states(), ["a ready"]);
}

#[tokio::test(start_paused = true)]
async fn f48_what_is_gone_or_not_what_was_stored_is_never_used() {
    let mut bench = Bench::new(&["gone", "other", "garbage", "good"]);
    {
        let mut values = bench.store.values.lock().unwrap();
        values.remove(&keychain_name(&stored_id("gone")));
        values.insert(keychain_name(&stored_id("other")), Ok("somebody else's"));
        values.insert(keychain_name(&stored_id("garbage")), Err(StoreError::Damaged));
        values.insert(MAIN_KEY.to_owned(), Ok("x"));
    }
    bench.run().await.unwrap();
    assert_eq!(
        bench.states(),
        ["good ready", "gone needs login", "other needs login", "garbage needs login"]
    );
    assert!(bench.control.keys.guard_keys().find(b"x").is_none());
    assert!(bench.main_key().is_some());
}

#[tokio::test(start_paused = true)]
async fn f48_the_loss_of_the_file_of_secrets_is_said() {
    let mut bench = Bench::new(&["a"]);
    bench.store.values.lock().unwrap().clear();
    let lost = Err(StoreError::SetAside(".bad-1".to_owned()));
    bench.store.values.lock().unwrap().insert(keychain_name(&stored_id("a")), lost);
    let _task = bench.run();
    bench.reader.read_again().await;
    let notices = bench.control.notices_so_far();
    assert!(notices.iter().any(|notice| notice.to_string().contains("secrets.sealed.bad-1")), "{notices:?}");
}
