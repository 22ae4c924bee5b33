//! Environment variables of this program.

/// Removes variables from the environment, as WebKit's processes, which show pages of other sites, would inherit them.
/// Call it before any other thread exists.
pub fn unset_variables(variables: &[&str]) {
    #[cfg(target_os = "linux")]
    variables.iter().for_each(gtk::glib::unsetenv);
    #[cfg(not(target_os = "linux"))]
    let _ = variables;
}
