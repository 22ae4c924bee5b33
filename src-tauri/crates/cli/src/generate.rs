//! Man pages and shell completions, written from the same declarations as `--help`. Packages ship them.

use std::io;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use super::ExitError;
use super::args::{Args, DesktopArgs};

/// Shells with the folder below `/usr/share` and the file name of their completion.
const COMPLETIONS: [(Shell, &str, &str); 3] = [
    (Shell::Bash, "bash-completion/completions", "mammouth-proxy"),
    (Shell::Fish, "fish/vendor_completions.d", "mammouth-proxy.fish"),
    (Shell::Zsh, "zsh/vendor-completions", "_mammouth-proxy"),
];

/// Writes man pages and completions below `share`, laid out as `/usr/share` is.
pub(super) fn generate(share: &Path) -> Result<(), ExitError> {
    man_pages(&share.join("man/man1"))
        .and_then(|()| completions(share))
        .map_err(|error| ExitError::failed(format!("{}: {error}", share.display())))
}

/// Writes a page for each program and command, such as `mammouth-proxy-accounts-add.1`.
fn man_pages(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Args::command(), folder)?;
    clap_mangen::generate_to(DesktopArgs::command(), folder)
}

fn completions(share: &Path) -> io::Result<()> {
    for (shell, folder, name) in COMPLETIONS {
        let folder = share.join(folder);
        std::fs::create_dir_all(&folder)?;
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut Args::command(), "mammouth-proxy", &mut text);
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}
