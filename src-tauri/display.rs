//! Check for a display, and the initialisation of GTK.

use super::Error;

/// Checks for a display before Tauri starts, because GTK panics without one. Call it on the main thread, which belongs
/// to GTK from then on.
///
/// # Errors
/// There is no display.
pub fn check() -> Result<(), Error> {
    #[cfg(target_os = "linux")]
    init_gtk().map_err(|_| Error::NoDisplay)?;
    Ok(())
}

/// Initialises GTK under the name of the desktop entry, by which docks and window switchers find the icon:
/// the name becomes the class of the windows on X11 and their application id on Wayland.
///
/// # Errors
/// There is no display.
#[cfg(target_os = "linux")]
pub(super) fn init_gtk() -> Result<(), gtk::glib::BoolError> {
    gtk::glib::set_prgname(Some(super::application_id::APPLICATION_ID));
    gtk::init()
}

/// Whether the display speaks Wayland's protocol and not X11's. Call it on the main thread.
#[cfg(target_os = "linux")]
pub(super) fn is_wayland() -> bool {
    use gtk::glib::prelude::ObjectExt;
    gtk::gdk::Display::default().is_some_and(|display| display.type_().name() == "GdkWaylandDisplay")
}
