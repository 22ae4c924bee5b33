//! What only the desktop program can do. Its window attaches this; the commands answer `desktop_only` without it.

use std::path::PathBuf;
use std::pin::Pin;

use super::{ControlError, Page};
use storage::secrets::Secret;

/// A future that a trait object can hand out.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The desktop's side of some commands.
pub trait Desktop: Send + Sync {
    /// Opens the login window and waits for the session cookie. `label` names the account that signs in again.
    ///
    /// `cancelled` where the window was closed first.
    fn sign_in(&self, label: Option<String>) -> BoxFuture<'_, Result<Secret, ControlError>>;

    /// Whether the program starts when the user signs in to the system.
    ///
    /// # Errors
    /// The system does not say.
    fn autostart(&self) -> Result<bool, ControlError>;

    /// Switches that on or off.
    ///
    /// # Errors
    /// The system refuses.
    fn set_autostart(&self, on: bool) -> Result<(), ControlError>;

    /// Puts text on the system's clipboard.
    ///
    /// # Errors
    /// `clipboard`: the system's clipboard cannot be reached.
    fn copy(&self, text: String) -> BoxFuture<'_, Result<(), ControlError>>;

    /// Asks the user where to save a file, with `name` as a proposal; `None` where they chose no place.
    ///
    /// # Errors
    /// The program is about to end.
    fn save_as(&self, name: String) -> BoxFuture<'_, Result<Option<PathBuf>, ControlError>>;

    /// Shows a file in the system's file manager.
    ///
    /// # Errors
    /// There is none that can be started.
    fn show_file(&self, path: PathBuf) -> BoxFuture<'_, Result<(), ControlError>>;

    /// Brings the window to the front, at this page where one is named.
    fn open_window(&self, page: Option<Page>);
}
