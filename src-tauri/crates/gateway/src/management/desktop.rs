//! Interface to the desktop program. Without one, the commands that need it fail with `desktop_only`.

use std::path::PathBuf;
use std::pin::Pin;

use super::{ControlError, Page};
use storage::secrets::Secret;

/// A boxed future, for object-safe traits.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Operations of the desktop program.
pub trait Desktop: Send + Sync {
    /// Opens the sign-in window and waits for the session cookie. `label` names the account that signs in again.
    ///
    /// `cancelled`: the window was closed first.
    fn sign_in(&self, label: Option<String>) -> BoxFuture<'_, Result<Secret, ControlError>>;

    /// Whether the program starts at login.
    ///
    /// # Errors
    /// The system does not report it.
    fn autostart(&self) -> Result<bool, ControlError>;

    /// Switches start at login on or off.
    ///
    /// # Errors
    /// The system rejects the change.
    fn set_autostart(&self, on: bool) -> Result<(), ControlError>;

    /// Writes text to the system's clipboard.
    ///
    /// # Errors
    /// `clipboard`: the system's clipboard cannot be reached.
    fn copy(&self, text: String) -> BoxFuture<'_, Result<(), ControlError>>;

    /// Asks the user where to save a file, with `name` as the proposed name. Returns `None` if the user cancels.
    ///
    /// # Errors
    /// The program is about to end.
    fn save_as(&self, name: String) -> BoxFuture<'_, Result<Option<PathBuf>, ControlError>>;

    /// Opens a link of another application with the application that the system has for it. The link may contain a key.
    ///
    /// # Errors
    /// `client_file`: the system has no application for such links.
    fn open_link(&self, link: Secret) -> BoxFuture<'_, Result<(), ControlError>>;

    /// Shows a file in the system's file manager.
    ///
    /// # Errors
    /// There is no file manager that can be started.
    fn show_file(&self, path: PathBuf) -> BoxFuture<'_, Result<(), ControlError>>;

    /// Brings the window to the front, at `page` if it is given. With an activation token, the desktop lets the window
    /// take the focus on behalf of the program that was given the token.
    fn open_window(&self, page: Option<Page>, activation_token: Option<String>);
}
