//! Preparation of an update: the new programs are downloaded beside the old ones, then a helper is started that waits for
//! the end of this program.

use std::collections::BTreeMap;
use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use super::swap::{NEW_SUFFIX, cancel, update_dir};
use super::{
    Feed, ReleaseSource, Restart, Swap, SwapStep, UpdateError, VersionOffer, fetch_files, running_system,
    running_version,
};
use storage::secrets::{create_private_dir, with_suffix};
use upstreams::Outbound;

/// Hidden command of the helper. Its argument is the data directory.
pub const HELPER_COMMAND: &str = "update-helper";
/// Programs of a release. The helper is a copy of the first, which every installation has.
const PROGRAM_NAMES: [&str; 2] = ["mammouth-proxy", "mammouth-proxy-desktop"];
/// Library of the desktop program on Windows. Only releases that were built with MinGW have it.
const WEBVIEW_LOADER: &str = "WebView2Loader.dll";
/// Time limit for a new version to confirm that it serves.
const CONFIRMATION_TIMEOUT: Duration = Duration::from_secs(60);

/// Facts about the start of this program that cannot be read from the process later.
pub struct StartFacts {
    pub restart: Restart,
    /// Environment variables for the next start: the desktop program removes secrets from its own environment.
    pub environment: BTreeMap<String, String>,
    /// Whether a service manager starts and ends the program. It would end the helper too.
    pub is_service: bool,
}

/// Downloads the files of the newest version beside the programs in the folder of `restart.program`, and stores the state
/// for the helper. Installed files are not changed. Returns the version.
///
/// # Errors
/// [`UpdateError`]. The downloads are removed then.
pub async fn prepare(
    source: &ReleaseSource,
    outbound: &Outbound,
    data_dir: &Path,
    restart: Restart,
) -> Result<String, UpdateError> {
    let feed = Feed::fetch(source, outbound).await?;
    if super::feed::offer(&feed.version, &running_version()) != VersionOffer::Newer {
        return Err(UpdateError::NotNewer);
    }
    let folder = restart.program.parent().unwrap_or(Path::new("")).to_owned();
    let names = PROGRAM_NAMES.map(|name| format!("{name}{EXE_SUFFIX}"));
    let installed = names.iter().filter(|name| folder.join(name).is_file());
    let system = running_system();
    let files: Result<Vec<_>, _> = installed.map(|name| feed.file(name, &system)).collect();
    let mut files = files?;
    files.extend(feed.file(WEBVIEW_LOADER, &system));
    fetch_files(&files, &folder, &source.key, outbound).await?;
    let swap = Swap {
        version: feed.version.to_string(),
        step: SwapStep::Downloaded,
        helper_starts: 0,
        folder,
        files: files.iter().map(|file| file.name.clone()).collect(),
        restart,
        confirmation_timeout: CONFIRMATION_TIMEOUT,
    };
    if let Err(error) = make_ready(&swap, data_dir) {
        cancel(&swap, data_dir);
        return Err(UpdateError::Write { what: "the update", error });
    }
    Ok(swap.version)
}

/// Gives the new files the permissions of the old ones, copies the helper and stores the state.
fn make_ready(swap: &Swap, data_dir: &Path) -> std::io::Result<()> {
    for name in &swap.files {
        let installed = swap.folder.join(name);
        if installed.try_exists()? {
            fs::set_permissions(
                with_suffix(&installed, NEW_SUFFIX),
                fs::metadata(&installed)?.permissions(),
            )?;
        }
    }
    create_private_dir(&update_dir(data_dir))?;
    let [helper_name, _] = PROGRAM_NAMES;
    fs::copy(swap.folder.join(format!("{helper_name}{EXE_SUFFIX}")), helper_path(data_dir))?;
    swap.store(data_dir)
}

/// Starts the helper of a stored update. The helper waits until the returned handle is closed, at the latest by the end
/// of this process.
///
/// # Errors
/// The helper cannot be started. An update of which nothing was installed is discarded then.
pub fn start_helper(
    data_dir: &Path,
    environment: &BTreeMap<String, String>,
) -> std::io::Result<Option<ChildStdin>> {
    let mut command = Command::new(helper_path(data_dir));
    command.arg(HELPER_COMMAND).arg(data_dir).envs(environment).stdin(Stdio::piped());
    detach(&mut command);
    let started = command.spawn();
    if started.is_err()
        && let Some(swap) = Swap::load(data_dir).filter(|swap| swap.step == SwapStep::Downloaded)
    {
        cancel(&swap, data_dir);
    }
    Ok(started?.stdin.take())
}

/// Puts the helper into a process group of its own, so that the terminal's Ctrl-C does not end it.
#[cfg(unix)]
fn detach(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// Starts the helper with a hidden console.
#[cfg(windows)]
fn detach(command: &mut Command) {
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    std::os::windows::process::CommandExt::creation_flags(command, CREATE_NO_WINDOW);
}

fn helper_path(data_dir: &Path) -> PathBuf {
    update_dir(data_dir).join(format!("helper{EXE_SUFFIX}"))
}
