//! Compiles the built user interface in.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    embed_ui()
}

/// Writes the list of the files in `ui/dist`. Where nothing was built it is empty, and the program says so at `/`.
fn embed_ui() -> io::Result<()> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default());
    let dist = root.join("../../../ui/dist");
    // Cargo watches only what exists; without this it would run again each time, or not when the interface is built.
    fs::create_dir_all(&dist)?;
    println!("cargo:rerun-if-changed={}", dist.display());
    let mut list = String::from("static FILES: &[File] = &[\n");
    for file in files(&dist)? {
        let name = file.strip_prefix(&dist).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        let path = if name == "index.html" { "/".to_owned() } else { format!("/{name}") };
        let line = writeln!(list, "    File {{ path: {path:?}, bytes: include_bytes!({file:?}) }},");
        line.map_err(io::Error::other)?;
    }
    list.push_str("];\n");
    fs::write(Path::new(&std::env::var("OUT_DIR").unwrap_or_default()).join("ui.rs"), list)
}

/// All files but source maps and hidden ones. A link is not followed.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type()?;
        if name.starts_with('.') || name.ends_with(".map") {
        } else if kind.is_dir() {
            found.extend(files(&entry.path())?);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
