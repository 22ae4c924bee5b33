//! Whether a window can be shown at all.

use super::Error;

/// GTK panics where there is no display, so a Linux program asks before it starts Tauri.
pub(super) fn check() -> Result<(), Error> {
    if !cfg!(target_os = "linux") || has_display(|name| std::env::var_os(name)) {
        return Ok(());
    }
    Err(Error::NoDisplay)
}

fn has_display(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> bool {
    ["WAYLAND_DISPLAY", "DISPLAY"].iter().any(|name| variable(name).is_some_and(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_display_is_none() {
        assert!(!has_display(|_| None));
        assert!(!has_display(|_| Some("".into())));
        assert!(has_display(|name| (name == "DISPLAY").then(|| ":0".into())));
        assert!(has_display(|name| (name == "WAYLAND_DISPLAY").then(|| "wayland-0".into())));
    }
}
