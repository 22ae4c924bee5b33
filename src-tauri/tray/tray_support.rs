//! Detection of support for tray icons on this desktop.

/// Whether the library can be loaded that Tauri needs for the icon. Tauri panics without it.
#[cfg(target_os = "linux")]
pub(super) fn is_library_available() -> bool {
    const NAMES: [&str; 4] = [
        "libayatana-appindicator3.so.1",
        "libappindicator3.so.1",
        "libayatana-appindicator3.so",
        "libappindicator3.so",
    ];
    NAMES.into_iter().any(can_be_loaded)
}

#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "loading a library runs its initialisers; Tauri loads this very one a moment later"
)]
fn can_be_loaded(name: &str) -> bool {
    // SAFETY: the library's initialisers are those of GObject, and nothing of the library is called through this
    // handle.
    unsafe { libloading::Library::new(name) }.is_ok()
}

/// Always `true`: trays are part of the system here.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_library_available() -> bool {
    true
}

/// Whether a panel shows tray icons in this session now. Panels may start later, so `false` may change.
#[cfg(target_os = "linux")]
pub(crate) async fn shows_icons() -> bool {
    let on_bus = has_watcher().await.unwrap_or(false);
    on_bus || tokio::task::spawn_blocking(|| has_x11_tray().unwrap_or(false)).await.unwrap_or(false)
}

/// Bus name of the watcher that hosts of StatusNotifierItem icons register with.
#[cfg(target_os = "linux")]
const WATCHER_NAME: &str = "org.kde.StatusNotifierWatcher";

/// Whether there is a host of StatusNotifierItem icons.
#[cfg(target_os = "linux")]
async fn has_watcher() -> zbus::Result<bool> {
    let bus = zbus::Connection::session().await?;
    let watcher: zbus::Proxy<'_> = zbus::proxy::Builder::new(&bus)
        .destination(WATCHER_NAME)?
        .path("/StatusNotifierWatcher")?
        .interface(WATCHER_NAME)?
        // Read once, so nothing needs caching. A missing watcher is not an error.
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?;
    watcher.get_property("IsStatusNotifierHostRegistered").await
}

/// Whether there is a host of XEmbed icons, which owns a selection of the X11 screen.
#[cfg(target_os = "linux")]
fn has_x11_tray() -> Result<bool, Box<dyn std::error::Error>> {
    use x11rb::protocol::xproto::ConnectionExt;
    let (connection, screen) = x11rb::connect(None)?;
    let name = format!("_NET_SYSTEM_TRAY_S{screen}");
    let atom = connection.intern_atom(false, name.as_bytes())?.reply()?.atom;
    Ok(connection.get_selection_owner(atom)?.reply()?.owner != x11rb::NONE)
}

#[cfg(not(target_os = "linux"))]
pub(crate) async fn shows_icons() -> bool {
    true
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_not_there_is_no_panic() {
        assert!(!can_be_loaded("libthis-is-not-there.so.1"));
        assert!(can_be_loaded("libc.so.6"));
    }
}
