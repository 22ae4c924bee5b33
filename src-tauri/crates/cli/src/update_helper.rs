//! Updates of the program by itself: the helper process, and the check for an unfinished update at a start.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{ExitError, serve, service};
use gateway::management::{Control, UserMessage};
use gateway::updates::{self, CONFIRM_VARIABLE, HELPER_COMMAND, Restart, StartCheck, StartFacts};

/// Returns the data directory, if this process was started as a helper. The command is hidden: only the program runs
/// it.
pub(super) fn helper_data_dir() -> Option<PathBuf> {
    let mut args = std::env::args_os().skip(1);
    args.next()
        .filter(|command| command == OsStr::new(HELPER_COMMAND))
        .and_then(|_| args.next())
        .map(PathBuf::from)
}

/// Waits for the end of the program that started this process, then installs the update.
pub(super) fn run(data_dir: &Path) -> Result<(), ExitError> {
    // Nothing is written: the read ends when the other process ends.
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())
        .and_then(|_| updates::run_helper(data_dir))
        .map(drop)
        .map_err(|error| ExitError::failed(format!("the update cannot be installed: {error}")))
}

/// Report about an update that the start makes once the proxy serves.
pub(super) struct UpdateAtStart {
    must_confirm: bool,
    reverted: Option<UserMessage>,
}

/// Checks for an unfinished update before anything of the data directory is used.
///
/// # Errors
/// A helper installs an update, or continues with one. It starts the program itself.
pub(super) fn before_start(data_dir: &Path) -> Result<UpdateAtStart, ExitError> {
    let must_confirm = std::env::var_os(CONFIRM_VARIABLE).is_some();
    let reverted = match updates::check_start(data_dir, must_confirm) {
        StartCheck::Start => None,
        StartCheck::StartReverted { version, reason } => {
            Some(UserMessage::UpdateReverted { version, reason })
        }
        StartCheck::Busy => {
            return Err(ExitError::failed("an update is being installed, which starts the program itself"));
        }
        StartCheck::Interrupted => {
            let helper = updates::start_helper(data_dir, &serve::initial_environment());
            let helper = helper
                .map_err(|error| ExitError::failed(format!("an update cannot be finished: {error}")))?;
            // Closed by the end of this process, for which the helper waits.
            Box::leak(Box::new(helper));
            return Err(ExitError::failed(
                "an update was interrupted; it is finished now, and starts the program itself",
            ));
        }
    };
    Ok(UpdateAtStart { must_confirm, reverted })
}

impl UpdateAtStart {
    /// Confirms to the helper that this program serves, and passes on the facts that the next update needs.
    pub(super) fn serving(self, control: &Control, data_dir: &Path) {
        if self.must_confirm
            && let Err(error) = updates::confirm(data_dir)
        {
            tracing::warn!("the update cannot be confirmed: {error}");
        }
        if let Some(reverted) = self.reverted {
            control.add_notice(reverted);
        }
        match start_facts() {
            Ok(facts) => control.attach_start_facts(facts),
            Err(error) => tracing::info!("updates are not installed by the program: {error}"),
        }
    }
}

fn start_facts() -> std::io::Result<StartFacts> {
    let args = std::env::args_os().skip(1).map(|arg| arg.into_string());
    let args = args.collect::<Result<_, _>>().map_err(|_| std::io::ErrorKind::InvalidInput)?;
    let program = std::env::current_exe()?.canonicalize()?;
    let restart = Restart { program, args, working_dir: std::env::current_dir()? };
    Ok(StartFacts { restart, environment: serve::initial_environment(), is_service: service::is_managed() })
}
