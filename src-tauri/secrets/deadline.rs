//! A time limit around a store whose calls may never return.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Secret, SecretStore, StoreError};

/// Runs each call of `store` on a thread of its own and gives up on it after `limit`. Calls go one at a time: while one
/// is overdue, every other answers [`StoreError::Hung`] at once, so at most one thread is ever stuck.
pub(super) struct Deadline<S> {
    store: Arc<S>,
    line: Arc<Line>,
    limit: Duration,
}

impl<S: SecretStore + 'static> Deadline<S> {
    pub(super) fn new(store: S, limit: Duration) -> Self {
        Self { store: Arc::new(store), line: Arc::new(Line::default()), limit }
    }

    fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&S) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let until = Instant::now() + self.limit;
        let turn = Line::enter(&self.line, until)?;
        let (answer, waiting) = mpsc::channel();
        let store = Arc::clone(&self.store);
        thread::Builder::new()
            .name("keychain".to_owned())
            .spawn(move || {
                let result = work(&store);
                // The line moves on before the answer leaves, so that a caller with an answer finds it free.
                drop(turn);
                // Nobody listens any more once the caller has given up.
                let _ = answer.send(result);
            })
            .map_err(|error| StoreError::Other(format!("no thread for it: {}", error.kind())))?;
        self.wait(&waiting, until)
    }

    fn wait<T>(
        &self,
        waiting: &mpsc::Receiver<Result<T, StoreError>>,
        until: Instant,
    ) -> Result<T, StoreError> {
        match waiting.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => {
                self.line.mark_overdue();
                Err(StoreError::Hung)
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(StoreError::Other("its library stopped in the middle of a call".to_owned()))
            }
        }
    }
}

impl<S: SecretStore + 'static> SecretStore for Deadline<S> {
    fn get(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        let name = name.to_owned();
        self.call(move |store| store.get(&name))
    }

    fn set(&self, name: &str, value: &Secret) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.clone());
        self.call(move |store| store.set(&name, &value))
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.call(move |store| store.delete(&name))
    }

    fn peek(&self) -> Result<(), StoreError> {
        self.call(SecretStore::peek)
    }
}

/// Who is being served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Service {
    #[default]
    Free,
    Busy,
    Overdue,
}

#[derive(Default)]
struct Line {
    service: Mutex<Service>,
    changed: Condvar,
}

impl Line {
    fn enter(line: &Arc<Self>, until: Instant) -> Result<Turn, StoreError> {
        let mut service = line.service();
        while *service == Service::Busy {
            let left = until.saturating_duration_since(Instant::now());
            let (next, waited) =
                line.changed.wait_timeout(service, left).unwrap_or_else(PoisonError::into_inner);
            service = next;
            if waited.timed_out() {
                break;
            }
        }
        if *service != Service::Free {
            return Err(StoreError::Hung);
        }
        *service = Service::Busy;
        Ok(Turn(Arc::clone(line)))
    }

    fn mark_overdue(&self) {
        let mut service = self.service();
        if *service == Service::Busy {
            *service = Service::Overdue;
            self.changed.notify_all();
        }
    }

    fn service(&self) -> MutexGuard<'_, Service> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to be served; dropping it, even by a panic, lets the next one in.
struct Turn(Arc<Line>);

impl Drop for Turn {
    fn drop(&mut self) {
        *self.0.service() = Service::Free;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::{ExposeSecret, Memory};
    use super::*;

    /// Answers once a permit arrives.
    struct Stuck {
        entered: mpsc::Sender<()>,
        permits: Mutex<mpsc::Receiver<()>>,
        calls: AtomicUsize,
    }

    impl SecretStore for Stuck {
        fn get(&self, _name: &str) -> Result<Option<Secret>, StoreError> {
            self.calls.fetch_add(1, Ordering::SeqCst);
            let _ = self.entered.send(());
            let _ = self.permits.lock().unwrap().recv();
            Ok(Some(Secret::from("kept")))
        }

        fn set(&self, _name: &str, _value: &Secret) -> Result<(), StoreError> {
            panic!("a library that panics")
        }

        fn delete(&self, _name: &str) -> Result<(), StoreError> {
            Err(StoreError::Denied)
        }
    }

    fn stuck(limit: Duration) -> (Deadline<Stuck>, mpsc::Sender<()>, mpsc::Receiver<()>) {
        let (permit, permits) = mpsc::channel();
        let (entered, seen) = mpsc::channel();
        let store = Stuck { entered, permits: Mutex::new(permits), calls: AtomicUsize::new(0) };
        (Deadline::new(store, limit), permit, seen)
    }

    fn wait_until_free(line: &Line) {
        let service = line.service();
        drop(line.changed.wait_while(service, |service| *service != Service::Free).unwrap());
    }

    #[test]
    fn f47_a_hung_keychain_costs_one_thread_and_one_wait() {
        let (store, permit, seen) = stuck(Duration::from_millis(20));
        assert_eq!(store.get("a").unwrap_err(), StoreError::Hung);
        seen.recv().unwrap();
        for _ in 0..50 {
            assert_eq!(store.get("a").unwrap_err(), StoreError::Hung);
        }
        assert_eq!(store.store.calls.load(Ordering::SeqCst), 1);
        permit.send(()).unwrap();
        wait_until_free(&store.line);
        permit.send(()).unwrap();
        // With a permit waiting, only a machine that stands still for a minute could fail this.
        let patient = Deadline { limit: Duration::from_secs(60), ..store };
        assert_eq!(patient.get("a").unwrap().unwrap().expose_secret(), "kept");
    }

    #[test]
    fn a_library_that_panics_is_an_error_and_blocks_nobody() {
        let (store, _permit, _seen) = stuck(Duration::from_secs(60));
        assert!(matches!(store.set("a", &Secret::from("v")), Err(StoreError::Other(_))));
        assert_eq!(store.delete("a"), Err(StoreError::Denied));
    }

    #[test]
    fn calls_from_many_threads_are_served_one_after_the_other() {
        let store = Deadline::new(Memory::new(), Duration::from_secs(60));
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
