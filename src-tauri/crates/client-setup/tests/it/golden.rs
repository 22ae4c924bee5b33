//! Golden files of what is written into an empty home folder for each client. `UPDATE_GOLDEN=1` rewrites
//! them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::TestHome;

#[test]
fn every_client_gets_the_files_that_it_reads() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for client in mammouth_client_setup::clients::all() {
        let home = TestHome::with(client.id);
        if home.set_up(client.id).is_err() {
            continue;
        }
        for (path, bytes) in home.tree().into_iter().filter(|(path, _)| path.is_file()) {
            let expected =
                golden.join(client.id).join(visible(path.strip_prefix(&home.environment.home).unwrap()));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::create_dir_all(expected.parent().unwrap()).unwrap();
                fs::write(&expected, &bytes).unwrap();
            }
            let known = fs::read_to_string(&expected).unwrap_or_default();
            assert_eq!(String::from_utf8(bytes).unwrap(), known, "{}", expected.display());
        }
    }
}

/// The path without the dots that hide files, because ignore rules of git and other tools may exclude hidden
/// files.
fn visible(path: &Path) -> PathBuf {
    path.iter().map(|part| part.to_string_lossy().trim_start_matches('.').to_owned()).collect()
}
