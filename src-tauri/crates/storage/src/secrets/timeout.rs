//! Time limit for a store whose calls may never return.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::{Secret, SecretStore, StoreError};

/// Store that runs each call of `store` on a thread of its own and abandons it after `timeout`. Calls run one
/// at a time: while one is overdue, every other returns [`StoreError::Hung`] at once, so at most one thread
/// is ever blocked.
pub(super) struct TimeoutStore<S> {
    store: Arc<S>,
    slot: Arc<CallSlot>,
    timeout: Duration,
}

impl<S: SecretStore + 'static> TimeoutStore<S> {
    pub(super) fn new(store: S, limit: Duration) -> Self {
        Self { store: Arc::new(store), slot: Arc::new(CallSlot::default()), timeout: limit }
    }

    fn run_with_timeout<T: Send + 'static>(
        &self,
        work: impl FnOnce(&S) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + self.timeout;
        let slot_guard = CallSlot::acquire(&self.slot, deadline)?;
        let (sender, receiver) = mpsc::channel();
        let store = Arc::clone(&self.store);
        thread::Builder::new()
            .name("keychain".to_owned())
            .spawn(move || {
                let result = work(&store);
                // The slot is released before the result is sent, so that a caller with a result finds it
                // free.
                drop(slot_guard);
                // An error means that the caller has given up.
                let _ = sender.send(result);
            })
            .map_err(|error| StoreError::Other(format!("no thread for it: {}", error.kind())))?;
        self.wait_for_result(&receiver, deadline)
    }

    fn wait_for_result<T>(
        &self,
        receiver: &mpsc::Receiver<Result<T, StoreError>>,
        deadline: Instant,
    ) -> Result<T, StoreError> {
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => {
                self.slot.mark_overdue();
                Err(StoreError::Hung)
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(StoreError::Other("its library stopped in the middle of a call".to_owned()))
            }
        }
    }
}

impl<S: SecretStore + 'static> SecretStore for TimeoutStore<S> {
    fn get(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        let name = name.to_owned();
        self.run_with_timeout(move |store| store.get(&name))
    }

    fn set(&self, name: &str, value: &Secret) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.clone());
        self.run_with_timeout(move |store| store.set(&name, &value))
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.run_with_timeout(move |store| store.delete(&name))
    }

    fn check_available(&self) -> Result<(), StoreError> {
        self.run_with_timeout(SecretStore::check_available)
    }
}

/// State of the slot for calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum SlotState {
    #[default]
    Free,
    Busy,
    Overdue,
}

#[derive(Default)]
struct CallSlot {
    state: Mutex<SlotState>,
    changed: Condvar,
}

impl CallSlot {
    fn acquire(slot: &Arc<Self>, deadline: Instant) -> Result<SlotGuard, StoreError> {
        let mut state = slot.lock_state();
        while *state == SlotState::Busy {
            let left = deadline.saturating_duration_since(Instant::now());
            let waited = slot.changed.wait_for(&mut state, left);
            if waited.timed_out() {
                break;
            }
        }
        if *state != SlotState::Free {
            return Err(StoreError::Hung);
        }
        *state = SlotState::Busy;
        Ok(SlotGuard(Arc::clone(slot)))
    }

    fn mark_overdue(&self) {
        let mut state = self.lock_state();
        if *state == SlotState::Busy {
            *state = SlotState::Overdue;
            self.changed.notify_all();
        }
    }

    fn lock_state(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock()
    }
}

/// Guard of the slot; dropping it, even by a panic, admits the next call.
struct SlotGuard(Arc<CallSlot>);

impl Drop for SlotGuard {
    fn drop(&mut self) {
        *self.0.lock_state() = SlotState::Free;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::{ExposeSecret, MemoryStore};
    use super::*;

    /// Store whose calls return once a permit arrives.
    struct BlockedStore {
        entered: mpsc::Sender<()>,
        permits: Mutex<mpsc::Receiver<()>>,
        calls: AtomicUsize,
    }

    impl SecretStore for BlockedStore {
        fn get(&self, _name: &str) -> Result<Option<Secret>, StoreError> {
            self.calls.fetch_add(1, Ordering::SeqCst);
            let _ = self.entered.send(());
            let _ = self.permits.lock().recv();
            Ok(Some(Secret::from("kept")))
        }

        fn set(&self, _name: &str, _value: &Secret) -> Result<(), StoreError> {
            panic!("a library that panics")
        }

        fn delete(&self, _name: &str) -> Result<(), StoreError> {
            Err(StoreError::Denied)
        }
    }

    fn blocked_store(limit: Duration) -> (TimeoutStore<BlockedStore>, mpsc::Sender<()>, mpsc::Receiver<()>) {
        let (permit, permits) = mpsc::channel();
        let (entered, seen) = mpsc::channel();
        let store = BlockedStore { entered, permits: Mutex::new(permits), calls: AtomicUsize::new(0) };
        (TimeoutStore::new(store, limit), permit, seen)
    }

    fn wait_until_free(line: &CallSlot) {
        let mut service = line.lock_state();
        line.changed.wait_while(&mut service, |service| *service != SlotState::Free);
    }

    #[test]
    fn f47_a_hung_keychain_blocks_one_thread_and_one_caller() {
        let (store, permit, seen) = blocked_store(Duration::from_millis(20));
        assert_eq!(store.get("a").unwrap_err(), StoreError::Hung);
        seen.recv().unwrap();
        for _ in 0..50 {
            assert_eq!(store.get("a").unwrap_err(), StoreError::Hung);
        }
        assert_eq!(store.store.calls.load(Ordering::SeqCst), 1);
        permit.send(()).unwrap();
        wait_until_free(&store.slot);
        permit.send(()).unwrap();
        // With a permit waiting, only a machine that stands still for a minute could fail this.
        let patient = TimeoutStore { timeout: Duration::from_secs(60), ..store };
        assert_eq!(patient.get("a").unwrap().unwrap().expose_secret(), "kept");
    }

    #[test]
    fn a_panicking_library_is_an_error_and_blocks_no_later_call() {
        let (store, _permit, _seen) = blocked_store(Duration::from_secs(60));
        assert!(matches!(store.set("a", &Secret::from("v")), Err(StoreError::Other(_))));
        assert_eq!(store.delete("a"), Err(StoreError::Denied));
    }

    #[test]
    fn calls_from_many_threads_are_served_one_after_the_other() {
        let store = TimeoutStore::new(MemoryStore::new(), Duration::from_secs(60));
        thread::scope(|scope| {
            for n in 0..8 {
                let store = &store;
                scope.spawn(move || store.set(&n.to_string(), &Secret::from("v")).unwrap());
            }
        });
        assert!((0..8).all(|n| store.get(&n.to_string()).unwrap().is_some()));
        store.delete("0").unwrap();
        assert!(store.get("0").unwrap().is_none());
    }
}
