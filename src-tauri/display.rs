//! Check for a display.

use super::Error;

/// Checks for a display before Tauri starts, because GTK panics without one. Call it on the main thread, which belongs
/// to GTK from then on.
///
/// # Errors
/// There is no display.
pub fn check() -> Result<(), Error> {
    #[cfg(target_os = "linux")]
    gtk::init().map_err(|_| Error::NoDisplay)?;
    Ok(())
}
