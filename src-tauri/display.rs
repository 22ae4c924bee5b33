//! Whether a window can be shown at all.

use super::Error;

/// Asks before anything starts: where no display answers, GTK would end the program with a panic later. Belongs on the
/// main thread, which is GTK's from then on.
///
/// # Errors
/// There is none.
pub fn check() -> Result<(), Error> {
    #[cfg(target_os = "linux")]
    gtk::init().map_err(|_| Error::NoDisplay)?;
    Ok(())
}
