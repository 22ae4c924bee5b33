//! Windows are drawn without OpenGL.
//!
//! GDK loads a driver as soon as it meets an X11 display, and WebKit has one for each page: 50 MB here without any window,
//! and 85 MB in the page's process, for pages of text in which next to nothing moves. It also spares users the drivers with
//! which WebKit shows an empty window.

/// What GDK and WebKit read, and the value that keeps them from it. Older WebKits need the second: they end the program
/// where GDK has no OpenGL to give.
#[cfg(target_os = "linux")]
const NO_OPENGL_VARIABLES: [(&str, &str); 2] =
    [("GDK_GL", "disable"), ("WEBKIT_DISABLE_COMPOSITING_MODE", "1")];

/// What was put into this program's environment.
#[cfg(target_os = "linux")]
static SET_VARIABLES: std::sync::OnceLock<&[(&str, &str)]> = std::sync::OnceLock::new();

/// Decides it, unless the user has. Only before any other thread is there.
pub fn disable_opengl() {
    #[cfg(target_os = "linux")]
    if NO_OPENGL_VARIABLES.iter().all(|(name, _)| std::env::var_os(name).is_none()) {
        let set =
            NO_OPENGL_VARIABLES.iter().all(|(name, value)| gtk::glib::setenv(name, value, true).is_ok());
        debug_assert!(set, "names have no '='");
        // Once in a program; a second time there is nothing to decide.
        let _ = SET_VARIABLES.set(&NO_OPENGL_VARIABLES);
    }
}

/// The variables that are nothing to other programs.
pub(super) fn set_variables() -> impl Iterator<Item = &'static str> {
    #[cfg(target_os = "linux")]
    let ours = SET_VARIABLES.get().copied().unwrap_or_default();
    #[cfg(not(target_os = "linux"))]
    let ours: &[(&str, &str)] = &[];
    ours.iter().map(|(name, _)| *name)
}
