//! Build script that lets Tauri read `tauri.conf.json` at compile time.

fn main() {
    // Tauri watches only its default folder; this one is beside the sources.
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    // Commands that a manifest names are denied to every window without a capability for them.
    let commands =
        tauri_build::AppManifest::new().permissions_path_pattern("src-tauri/capabilities/permissions/*.toml");
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("src-tauri/capabilities/*.json")
        .app_manifest(commands);
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo::error=tauri-build: {error:#}");
    }
}
