//! Replacement of the installed programs by a helper process, which restores the old ones unless the new one serves.
//!
//! Each step is written to the disk before it is carried out. A program's file is never missing: it is replaced by a
//! rename over it. A helper that was killed is started again by the next start of the program, and continues with its
//! step.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

#[cfg(test)]
#[cfg(unix)]
mod tests;

use super::saved_data;
use storage::secrets::{atomic_write, create_private_dir, with_suffix};

/// Environment variable of a new version that the helper starts: it must confirm that it serves.
pub const CONFIRM_VARIABLE: &str = "MAMMOUTH_PROXY_CONFIRM_UPDATE";
/// File suffix of a downloaded program, beside the one that it replaces.
pub(super) const NEW_SUFFIX: &str = ".new";
/// File suffix of a replaced program until the new one serves.
const OLD_SUFFIX: &str = ".old";
/// Maximum number of helpers that are started for one update. After that the program starts in the installed version.
const MAX_HELPER_STARTS: u32 = 3;
/// Interval between two checks whether the new program has confirmed.
const CONFIRMATION_POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Time limit for the replacement of a file on Windows.
const FILE_REPLACE_TIMEOUT: Duration = Duration::from_secs(10);
/// Interval between two attempts to replace a file.
const FILE_REPLACE_INTERVAL: Duration = Duration::from_millis(100);

/// Step of the helper. The stored step has begun and may be incomplete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwapStep {
    /// The new programs are beside the old ones.
    Downloaded,
    /// The data is saved, and the programs are being replaced.
    Replacing,
    /// The new program was started and has to confirm.
    Confirming,
    /// The old programs and the saved data are being restored.
    Reverting { reason: String },
    /// The old version is installed again, and the user is not informed yet.
    Reverted { reason: String },
}

/// Program and arguments of a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restart {
    pub program: PathBuf,
    pub args: Vec<String>,
    pub working_dir: PathBuf,
}

/// Update that is being installed, as it is stored in the data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap {
    pub version: String,
    pub step: SwapStep,
    /// Number of helpers that were started for it.
    pub helper_starts: u32,
    /// Folder of the installed programs.
    pub folder: PathBuf,
    /// Names of the files that are replaced. Programs exist in the folder, a library may be new.
    pub files: Vec<String>,
    pub restart: Restart,
    /// Time limit for the confirmation of the new program.
    pub confirmation_timeout: Duration,
}

/// Action that a start of the program takes about an update.
#[derive(Debug, PartialEq, Eq)]
pub enum StartCheck {
    /// Start as usual.
    Start,
    /// Start, and inform the user that the new version did not serve and was reverted.
    StartReverted { version: String, reason: String },
    /// A helper works on the update, and starts the program itself.
    Busy,
    /// The helper was killed, and must be started again.
    Interrupted,
}

impl Swap {
    /// Reads the unfinished update of a data directory.
    pub fn load(data_dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(state_path(data_dir)).ok()?).ok()
    }

    /// Writes the state.
    ///
    /// # Errors
    /// The data directory cannot be written.
    pub fn store(&self, data_dir: &Path) -> io::Result<()> {
        create_private_dir(&update_dir(data_dir))?;
        atomic_write(&state_path(data_dir), &serde_json::to_vec(self)?)
    }

    fn begin(&mut self, step: SwapStep, data_dir: &Path) -> io::Result<()> {
        self.step = step;
        self.store(data_dir)
    }

    fn paths(&self, suffix: &'static str) -> impl Iterator<Item = (PathBuf, PathBuf)> {
        let installed = self.files.iter().map(|name| self.folder.join(name));
        installed.map(move |file| (with_suffix(&file, suffix), file))
    }

    /// Links or copies the installed files to their names with [`OLD_SUFFIX`].
    fn keep_old_files(&self) -> io::Result<()> {
        for (old, file) in self.paths(OLD_SUFFIX) {
            remove_if_exists(&old)?;
            if file.try_exists()? {
                // Not every file system supports hard links.
                fs::hard_link(&file, &old).or_else(|_| fs::copy(&file, &old).map(drop))?;
            }
        }
        Ok(())
    }

    /// Renames the files with this suffix over the installed ones. A second call finds none.
    fn install_files(&self, suffix: &'static str) -> io::Result<()> {
        for (from, file) in self.paths(suffix) {
            if from.try_exists()? {
                replace_file(&from, &file)?;
            }
        }
        Ok(())
    }

    fn remove_files(&self, suffix: &'static str) {
        for (leftover, _) in self.paths(suffix) {
            // The next update replaces the files that are left.
            let _ = remove_if_exists(&leftover);
        }
    }

    fn start_program(&self, must_confirm: bool) -> io::Result<Child> {
        let Restart { program, args, working_dir } = &self.restart;
        let mut command = Command::new(program);
        command.args(args).current_dir(working_dir).stdin(Stdio::null());
        if must_confirm {
            command.env(CONFIRM_VARIABLE, &self.version);
        }
        command.spawn()
    }
}

/// Returns the action for a start of the program. `must_confirm` is whether the helper started it.
pub fn check_start(data_dir: &Path, must_confirm: bool) -> StartCheck {
    if must_confirm {
        return StartCheck::Start;
    }
    let Some(swap) = Swap::load(data_dir) else {
        if !state_path(data_dir).exists() {
            // A helper on Windows cannot remove its own file.
            let _ = fs::remove_dir_all(update_dir(data_dir));
        }
        return StartCheck::Start;
    };
    let Ok(lock) = lock_helper(data_dir) else { return StartCheck::Start };
    if lock.is_none() {
        return StartCheck::Busy;
    }
    match swap.step {
        SwapStep::Reverted { reason } => {
            discard(data_dir);
            StartCheck::StartReverted { version: swap.version, reason }
        }
        SwapStep::Confirming if is_confirmed(data_dir) => {
            finish(&swap, data_dir);
            StartCheck::Start
        }
        _ if swap.helper_starts >= MAX_HELPER_STARTS => {
            discard(data_dir);
            let reason = "its installation was interrupted too often".to_owned();
            StartCheck::StartReverted { version: swap.version, reason }
        }
        SwapStep::Downloaded | SwapStep::Replacing | SwapStep::Confirming | SwapStep::Reverting { .. } => {
            StartCheck::Interrupted
        }
    }
}

/// Confirms that this program serves, for the helper that started it.
///
/// # Errors
/// The data directory cannot be written.
pub fn confirm(data_dir: &Path) -> io::Result<()> {
    atomic_write(&confirmation_path(data_dir), b"serving")
}

/// Runs the helper's steps, after the program has ended. Returns the program that it started and that serves.
///
/// # Errors
/// Another helper works, the step cannot be stored, or the program cannot be started.
pub fn run_helper(data_dir: &Path) -> io::Result<Child> {
    let Some(lock) = lock_helper(data_dir)? else { return Err(io::ErrorKind::WouldBlock.into()) };
    let mut swap = Swap::load(data_dir).ok_or(io::ErrorKind::NotFound)?;
    swap.helper_starts += 1;
    swap.store(data_dir)?;
    let reason = match &swap.step {
        SwapStep::Reverting { reason } | SwapStep::Reverted { reason } => reason.clone(),
        SwapStep::Downloaded | SwapStep::Replacing | SwapStep::Confirming => {
            match replace(&mut swap, data_dir) {
                Ok(child) => {
                    finish(&swap, data_dir);
                    return Ok(child);
                }
                Err(reason) => reason,
            }
        }
    };
    if !matches!(swap.step, SwapStep::Reverted { .. }) {
        revert(&mut swap, data_dir, reason)?;
    }
    // The lock is released first, so that the old program does not find the helper still running.
    drop(lock);
    swap.start_program(false)
}

/// Replaces the programs and waits until the new one serves. The error is the reason for restoring the old ones.
fn replace(swap: &mut Swap, data_dir: &Path) -> Result<Child, String> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: io::Error| format!("{what}: {error}")
    };
    if swap.step == SwapStep::Downloaded {
        saved_data::save(data_dir, &saved_data_dir(data_dir))
            .map_err(failed("the data could not be saved"))?;
        swap.keep_old_files().map_err(failed("the old program could not be kept"))?;
        swap.begin(SwapStep::Replacing, data_dir).map_err(failed("the step could not be stored"))?;
    }
    if swap.step == SwapStep::Replacing {
        swap.install_files(NEW_SUFFIX).map_err(failed("the program could not be replaced"))?;
        remove_if_exists(&confirmation_path(data_dir)).map_err(failed("the step could not be stored"))?;
        swap.begin(SwapStep::Confirming, data_dir).map_err(failed("the step could not be stored"))?;
    }
    let mut child = swap.start_program(true).map_err(failed("it could not be started"))?;
    wait_for_confirmation(&mut child, data_dir, swap.confirmation_timeout)?;
    Ok(child)
}

/// Waits until the new program confirms. A program that does not is killed.
fn wait_for_confirmation(child: &mut Child, data_dir: &Path, timeout: Duration) -> Result<(), String> {
    let started = Instant::now();
    loop {
        let ended = child.try_wait();
        if is_confirmed(data_dir) {
            return Ok(());
        }
        if let Ok(Some(status)) = ended {
            return Err(format!("it ended before it served: {status}"));
        }
        if started.elapsed() >= timeout {
            // A program that has ended meanwhile cannot be killed. It is waited for in either case.
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("it did not serve within {} s", timeout.as_secs()));
        }
        std::thread::sleep(CONFIRMATION_POLL_INTERVAL);
    }
}

/// Restores the old programs and the saved data.
fn revert(swap: &mut Swap, data_dir: &Path, mut reason: String) -> io::Result<()> {
    // In step `Downloaded` nothing was replaced, and the saved data may be incomplete.
    if swap.step != SwapStep::Downloaded {
        swap.begin(SwapStep::Reverting { reason: reason.clone() }, data_dir)?;
        let taken_back = swap.install_files(OLD_SUFFIX);
        let taken_back = taken_back.and_then(|()| saved_data::restore(data_dir, &saved_data_dir(data_dir)));
        if let Err(error) = taken_back {
            reason = format!("{reason}; and the earlier version could not be taken back: {error}");
        }
    }
    swap.remove_files(NEW_SUFFIX);
    swap.begin(SwapStep::Reverted { reason }, data_dir)
}

/// Removes the files of an update that serves. The saved data is removed too: it may contain data that the user deletes
/// from now on.
fn finish(swap: &Swap, data_dir: &Path) {
    swap.remove_files(OLD_SUFFIX);
    // A portable installation has no entry there.
    #[cfg(windows)]
    let _ = super::installed_apps::set_version(&swap.folder, &swap.version);
    discard(data_dir);
}

/// Discards an update of which nothing was installed.
pub(super) fn cancel(swap: &Swap, data_dir: &Path) {
    swap.remove_files(NEW_SUFFIX);
    discard(data_dir);
}

/// Removes the state, then the other files, which have no effect without it. A file that cannot be removed, such as a
/// running helper on Windows, is removed by the next start.
fn discard(data_dir: &Path) {
    let _ = remove_if_exists(&state_path(data_dir));
    let _ = fs::remove_dir_all(saved_data_dir(data_dir));
    let _ = fs::remove_dir_all(update_dir(data_dir));
}

fn is_confirmed(data_dir: &Path) -> bool {
    confirmation_path(data_dir).exists()
}

/// Lock that a helper holds as long as it runs.
struct HelperLock(File);

impl Drop for HelperLock {
    fn drop(&mut self) {
        // Closing the file would not be enough: a process that is just being started has a copy until it runs its program.
        let _ = self.0.unlock();
    }
}

/// Acquires the lock. `None` if another helper holds it.
fn lock_helper(data_dir: &Path) -> io::Result<Option<HelperLock>> {
    create_private_dir(&update_dir(data_dir))?;
    let path = update_dir(data_dir).join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(HelperLock(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

pub(super) fn update_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("update")
}

fn saved_data_dir(data_dir: &Path) -> PathBuf {
    update_dir(data_dir).join("saved")
}

fn state_path(data_dir: &Path) -> PathBuf {
    update_dir(data_dir).join("state.json")
}

fn confirmation_path(data_dir: &Path) -> PathBuf {
    update_dir(data_dir).join("confirmed")
}

/// Renames `from` over `file`. On Windows that is refused while another program, such as a virus scanner, reads `file`, and
/// for a moment after a program has ended.
fn replace_file(from: &Path, file: &Path) -> io::Result<()> {
    let started = Instant::now();
    loop {
        match fs::rename(from, file) {
            Err(_) if cfg!(windows) && started.elapsed() < FILE_REPLACE_TIMEOUT => {
                std::thread::sleep(FILE_REPLACE_INTERVAL);
            }
            replaced => return replaced,
        }
    }
}

pub(super) fn remove_if_exists(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
