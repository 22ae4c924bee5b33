//! What the user interface and the command line can ask of a running program.
//!
//! One table of commands with one dispatcher ([`dispatch`]), and thin doors that carry names and JSON: the local HTTP
//! door is [`http`]. Commands answer with plain data and with a typed [`ControlError`]; how that is shown is the door's and the
//! client's business.

mod accounts;
pub mod doctor;
mod error;
pub mod http;
mod keys;
mod log;
pub mod page;
mod port;
mod reader;
mod status;
mod table;

pub use accounts::{CheckView, keychain_name};
pub use error::{ControlError, ErrorCode};
pub use keys::{ClientKeys, KeyView, MainKey};
pub use reader::{Asked, Reader, reader};
pub use status::{Facts, Status};
pub use table::{changes, dispatch};

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};

use crate::accounts::{Accounts, Clock};
use crate::config::SettingsFile;
use crate::journal::Journal;
use crate::secrets::{Secret, Vault};
use crate::server::Server;
use crate::upstreams::web::Web;

/// What the commands work with. A cheap handle.
#[derive(Clone)]
pub struct Control {
    inner: Arc<Inner>,
}

/// The handles of the other rooms.
pub struct Parts {
    pub accounts: Accounts,
    pub web: Arc<Web>,
    pub journal: Journal,
    pub vault: Vault,
    pub settings: Arc<Mutex<SettingsFile>>,
    pub keys: ClientKeys,
    /// Reads what could not be read yet.
    pub reader: Reader,
    pub clock: Clock,
    pub facts: Facts,
}

struct Inner {
    parts: Parts,
    listening: OnceLock<Listening>,
    /// What came up after the start.
    notices: Mutex<Vec<String>>,
}

/// Tells the command line where the proxy listens; the error is a sentence for people.
pub type Announce = Box<dyn Fn(SocketAddr) -> Result<(), String> + Send + Sync>;

/// What exists only once the port is taken.
struct Listening {
    /// Weak, because the server's service holds this control: neither would ever be dropped.
    server: Weak<Server>,
    announce: Announce,
}

impl std::ops::Deref for Control {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.inner.parts
    }
}

impl Control {
    pub fn new(parts: Parts) -> Self {
        let (listening, notices) = (OnceLock::new(), Mutex::default());
        Self { inner: Arc::new(Inner { parts, listening, notices }) }
    }

    /// Hands over the server once it listens: its routes must exist before it does. `announce` is called with the new
    /// address at each change of the port.
    pub fn attach(&self, server: &Arc<Server>, announce: Announce) {
        // A second server would be a mistake of `app`; the first one stays.
        let _ = self.inner.listening.set(Listening { server: Arc::downgrade(server), announce });
    }

    /// Tells the user something that stays true until the program ends.
    pub fn notice(&self, text: String) {
        tracing::warn!("{text}");
        let mut notices = self.inner.notices.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !notices.contains(&text) {
            notices.push(text);
        }
    }

    /// What came up after the start.
    pub fn notices_so_far(&self) -> Vec<String> {
        self.inner.notices.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Notes the digest of the main client key in the settings, so that the next start lets clients in before it has
    /// read the key.
    ///
    /// # Errors
    /// The settings file could not be written.
    pub fn keep_main_digest(&self, key: &Secret) -> Result<(), ControlError> {
        keys::keep_main_digest(self, key)
    }

    /// The server, while it listens.
    ///
    /// # Errors
    /// `starting` before that and after it.
    fn server(&self) -> Result<Arc<Server>, ControlError> {
        let server = self.inner.listening.get().and_then(|listening| listening.server.upgrade());
        server.ok_or_else(|| {
            ControlError::new(ErrorCode::Starting, "the program is still starting, or stopping already")
        })
    }

    /// Tells the command line where the proxy listens.
    ///
    /// # Errors
    /// A sentence for people.
    fn announce(&self, address: SocketAddr) -> Result<(), String> {
        self.inner.listening.get().map_or(Ok(()), |listening| (listening.announce)(address))
    }

    /// Changes the settings file and saves it.
    fn save(
        &self,
        change: impl FnOnce(&mut SettingsFile) -> Result<(), crate::config::SettingsError>,
    ) -> Result<(), ControlError> {
        let mut settings = self.settings();
        change(&mut settings)
            .and_then(|()| settings.save())
            .map_err(|error| ControlError::new(ErrorCode::NotSaved, error.to_string()))
    }

    fn settings(&self) -> MutexGuard<'_, SettingsFile> {
        self.settings.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
