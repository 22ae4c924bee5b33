//! Commands `updates.…`: the source of this installation's updates, the check for a newer version, its installation.

use std::path::Path;
use std::process::ChildStdin;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::doctor::Finding;
use super::settings::outbound;
use super::{Control, ControlError, ErrorCode, NoArgs, UserMessage};
use crate::updates::{
    Installation, Owner, ReleaseSource, StartFacts, UpdateError, UpdateRecord, check_feed, detect, is_due,
    newer_version, prepare, query_system, running_version, start_helper,
};

/// Interval at which the time since the last check is compared with a day.
const UPDATE_SCHEDULE_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// Source of this installation's updates, and the result of the last check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct UpdateStatus {
    /// The running version.
    pub version: String,
    pub owner: Owner,
    /// The command that updates this installation. `None` where its files are replaced.
    pub command: Option<String>,
    /// Whether the program can replace the files itself.
    pub installable: bool,
    /// Whether this build has an address for updates.
    pub configured: bool,
    /// Whether the program checks once a day.
    pub automatic: bool,
    /// Unix milliseconds of the last check.
    pub checked_ms: Option<u64>,
    /// The newer version that the last check found.
    pub available: Option<String>,
}

/// Response of `updates.install`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct UpdateStarted {
    /// The version that is being installed.
    pub version: String,
}

/// Returns the stored status, without a request to any host.
pub(super) async fn status(control: &Control, _: NoArgs) -> Result<UpdateStatus, ControlError> {
    let installation = installation().await?;
    let record = record(control);
    Ok(UpdateStatus {
        version: running_version().to_string(),
        owner: installation.owner,
        installable: control.inner.updates.can_replace(&installation),
        command: installation.command,
        configured: ReleaseSource::built_in().is_some(),
        automatic: control.saved_config().update_check,
        checked_ms: record.checked_ms,
        available: newer_version(&record, &running_version()),
    })
}

/// Checks for the newest version now, whatever the setting.
pub(super) async fn check(control: &Control, args: NoArgs) -> Result<UpdateStatus, ControlError> {
    check_now(control, ReleaseSource::built_in()).await?;
    status(control, args).await
}

async fn check_now(control: &Control, source: Option<ReleaseSource>) -> Result<(), ControlError> {
    let source = source.filter(|_| !control.config.demo);
    let source = source
        .ok_or_else(|| ControlError::with_message(ErrorCode::NotFound, UserMessage::UpdatesNotConfigured))?;
    let outbound = outbound::current(control).await;
    let checked = check_feed(&source, &outbound, data_dir(control), now_ms(control)).await;
    checked.map_err(update_error)?;
    if let Some(version) = newer_version(&record(control), &running_version()) {
        let installation = installation().await?;
        let message = match installation.command {
            Some(command) => UserMessage::UpdateByCommand { version, command },
            None if control.inner.updates.can_replace(&installation) => {
                UserMessage::UpdateByProgram { version }
            }
            None => UserMessage::UpdateByHand { version },
        };
        control.add_notice(message);
    }
    Ok(())
}

/// Downloads the newest version and ends the program, which a helper replaces and starts again.
pub(super) async fn install(control: &Control, _: NoArgs) -> Result<UpdateStarted, ControlError> {
    control.server()?;
    let source = ReleaseSource::built_in().filter(|_| !control.config.demo);
    let source = source
        .ok_or_else(|| ControlError::with_message(ErrorCode::NotFound, UserMessage::UpdatesNotConfigured))?;
    if !control.inner.updates.can_replace(&installation().await?) {
        return Err(ControlError::with_message(ErrorCode::Conflict, UserMessage::UpdateNotInstallable));
    }
    // A client that leaves does not end the download.
    let installed = tokio::spawn(install_from(control.clone(), source)).await;
    installed.map_err(|error| ControlError::new(ErrorCode::Internal, error.to_string()))?
}

async fn install_from(control: Control, source: ReleaseSource) -> Result<UpdateStarted, ControlError> {
    let updates = &control.inner.updates;
    let in_progress = || ControlError::new(ErrorCode::Conflict, "an update is being installed already");
    let mut helper = updates.helper.try_lock().map_err(|_| in_progress())?;
    let facts = updates.facts.get().filter(|_| helper.is_none()).ok_or_else(in_progress)?;
    let outbound = outbound::current(&control).await;
    let data_dir = &control.config.data_dir;
    let version = prepare(&source, &outbound, data_dir, facts.restart.clone()).await.map_err(update_error)?;
    *helper = start_helper(data_dir, &facts.environment)
        .map_err(|error| update_error(UpdateError::Write { what: "the helper of the update", error }))?;
    control.request_stop();
    Ok(UpdateStarted { version })
}

/// Parts of this process that `updates.install` uses.
#[derive(Default)]
pub(super) struct UpdateInstaller {
    facts: OnceLock<StartFacts>,
    /// Pipe that the end of this process closes. The helper waits for it.
    helper: tokio::sync::Mutex<Option<ChildStdin>>,
}

impl UpdateInstaller {
    pub(super) fn attach(&self, facts: StartFacts) {
        let _ = self.facts.set(facts);
    }

    /// Whether the program may replace the files of this installation.
    fn can_replace(&self, installation: &Installation) -> bool {
        let is_own = matches!(installation.owner, Owner::Portable | Owner::Installer);
        is_own && self.facts.get().is_some_and(|facts| !facts.is_service)
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn update_error(error: UpdateError) -> ControlError {
    let message = UserMessage::UpdateCheckFailed { detail: error.to_string() };
    ControlError::with_message(ErrorCode::Upstream, message)
}

/// Checks once a day while the setting is on, until `stop`.
pub async fn check_daily(control: Control, stop: CancellationToken) {
    let Some(source) = ReleaseSource::built_in() else { return };
    loop {
        if control.saved_config().update_check && is_due(record(&control).checked_ms, now_ms(&control)) {
            tokio::select! {
                () = stop.cancelled() => return,
                checked = check_now(&control, Some(source.clone())) => if let Err(error) = checked {
                    tracing::info!("the daily check for updates failed: {error}");
                },
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(UPDATE_SCHEDULE_INTERVAL) => {}
        }
    }
}

/// Returns the finding of `doctor` about updates.
pub(super) async fn finding(control: &Control) -> Result<Finding, ControlError> {
    let installation = installation().await?;
    let message = match installation.command {
        Some(command) => UserMessage::UpdatedByCommand { command },
        None if ReleaseSource::built_in().is_some() && control.inner.updates.can_replace(&installation) => {
            UserMessage::UpdatedByProgram
        }
        None if ReleaseSource::built_in().is_some() => UserMessage::UpdatedByHand,
        None => UserMessage::UpdatesNotConfigured,
    };
    Ok(Finding::good("updates", "").with_message(message))
}

/// Returns the owner of this installation. The package managers of this machine may take some tenths of a second to
/// answer.
async fn installation() -> Result<Installation, ControlError> {
    let program = std::env::current_exe().and_then(std::fs::canonicalize).unwrap_or_default();
    let detected = tokio::task::spawn_blocking(move || detect(&program, &query_system, &Path::exists)).await;
    detected.map_err(|error| ControlError::new(ErrorCode::Internal, error.to_string()))
}

fn record(control: &Control) -> UpdateRecord {
    data_dir(control).map(UpdateRecord::load).unwrap_or_default()
}

/// Returns the data directory. `None` in a demo, which writes no files.
fn data_dir(control: &Control) -> Option<&Path> {
    (!control.config.demo).then_some(control.config.data_dir.as_path())
}

fn now_ms(control: &Control) -> u64 {
    let now: SystemTime = control.clock.now().wall;
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
