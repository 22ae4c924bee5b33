//! What the user interface and the command line can ask of a running program.
//!
//! One table of commands ([`table`]), one dispatcher, and thin doors that carry names and JSON: the local HTTP door is
//! [`http`]. Commands answer with plain data and with a typed [`ControlError`]; how that is shown is the door's and the
//! client's business.

mod accounts;
pub mod doctor;
mod error;
pub mod http;
mod keys;
mod log;
pub mod page;
mod port;
mod status;
mod table;

pub use accounts::{CheckView, check_account, keychain_name};
pub use error::{ControlError, ErrorCode};
pub use keys::{ClientKeys, KeyView};
pub use status::{Facts, Status};
pub use table::dispatch;

use std::sync::{Arc, Mutex, OnceLock};

use crate::accounts::{Accounts, Clock};
use crate::config::SettingsFile;
use crate::journal::Journal;
use crate::secrets::Vault;
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
    pub clock: Clock,
    pub facts: Facts,
}

struct Inner {
    parts: Parts,
    server: OnceLock<Arc<Server>>,
}

impl std::ops::Deref for Control {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.inner.parts
    }
}

impl Control {
    pub fn new(parts: Parts) -> Self {
        Self { inner: Arc::new(Inner { parts, server: OnceLock::new() }) }
    }

    /// Hands over the server once it listens: its routes must exist before it does.
    pub fn attach(&self, server: Arc<Server>) {
        // A second server would be a mistake of `app`; the first one stays.
        let _ = self.inner.server.set(server);
    }

    /// The server, once it listens.
    ///
    /// # Errors
    /// `starting` before that.
    fn server(&self) -> Result<&Arc<Server>, ControlError> {
        self.inner
            .server
            .get()
            .ok_or_else(|| ControlError::new(ErrorCode::Starting, "the program is still starting"))
    }

    /// Changes the settings file and saves it.
    fn save(
        &self,
        change: impl FnOnce(&mut SettingsFile) -> Result<(), crate::config::SettingsError>,
    ) -> Result<(), ControlError> {
        let mut settings = self.settings.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut settings)
            .and_then(|()| settings.save())
            .map_err(|error| ControlError::new(ErrorCode::NotSaved, error.to_string()))
    }
}
