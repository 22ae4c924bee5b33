//! Lets Tauri read `tauri.conf.json` at compile time; the headless build has nothing to prepare.
fn main() {
    #[cfg(feature = "desktop")]
    tauri_build::build();
}
