//! Disabling of OpenGL for the windows.
//!
//! GDK loads a driver as soon as it connects to an X11 display, and WebKit loads one for each page. Measured: 50 MB in
//! this process without any window, and 85 MB in the page's process, for pages of text with almost no animation.
//! Without OpenGL, driver bugs that make WebKit show an empty window do not occur either.

/// Environment variables that keep GDK and WebKit from OpenGL, with their values. Older WebKits need the second: they
/// abort if GDK offers no OpenGL.
#[cfg(target_os = "linux")]
const NO_OPENGL_VARIABLES: [(&str, &str); 2] =
    [("GDK_GL", "disable"), ("WEBKIT_DISABLE_COMPOSITING_MODE", "1")];

/// The variables that were set in this program's environment.
#[cfg(target_os = "linux")]
static SET_VARIABLES: std::sync::OnceLock<&[(&str, &str)]> = std::sync::OnceLock::new();

/// Sets the variables, unless the user has set them. Call it before any other thread exists.
pub fn disable_opengl() {
    #[cfg(target_os = "linux")]
    if NO_OPENGL_VARIABLES.iter().all(|(name, _)| std::env::var_os(name).is_none()) {
        let set =
            NO_OPENGL_VARIABLES.iter().all(|(name, value)| gtk::glib::setenv(name, value, true).is_ok());
        debug_assert!(set, "names have no '='");
        // Set once per program; a second call changes nothing.
        let _ = SET_VARIABLES.set(&NO_OPENGL_VARIABLES);
    }
}

/// The names of the variables that were set. Other programs must not inherit them.
pub(super) fn set_variables() -> impl Iterator<Item = &'static str> {
    #[cfg(target_os = "linux")]
    let ours = SET_VARIABLES.get().copied().unwrap_or_default();
    #[cfg(not(target_os = "linux"))]
    let ours: &[(&str, &str)] = &[];
    ours.iter().map(|(name, _)| *name)
}
