//! Commands `clients.…`: set-up of the AI clients of this machine for the proxy, and its undo.
//!
//! The crate `client_setup` does the work on files; it runs on blocking threads. These commands add what only the program
//! knows: the port, the models, and a key of its own for each client.

mod apply;
mod client_key;
mod launch;
mod list;
mod models;
mod plan;
mod view;

pub(super) use apply::{
    ApplyArgs, RepairArgs, UndoAllArgs, UndoArgs, UndoPlanArgs, apply, repair, repair_plan, undo, undo_all,
    undo_plan,
};
pub(super) use launch::{LaunchArgs, LaunchCommandArgs, LinkArgs, launch, launch_command, link};
pub(super) use list::{ClientListArgs, list};
pub(super) use plan::{PlanArgs, plan};
pub use view::{
    CallerShell, ClientEntry, ClientList, ClientOutcome, ClientPlan, CopyField, DriftChoice, LaunchCommand,
    LinkOpened, ModelChoice, PreparedLaunch, RepairPlan,
};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::log::internal_error;
use super::{Control, ControlError, ErrorCode};
use client_setup::{Client, ClientSetup, Connection, Environment, LOCATION_VARIABLES};
use storage::secrets::Secret;

/// State that the commands share between two calls.
#[derive(Default)]
pub(super) struct ClientSetups {
    /// Lock that is held while files are read and written, so that only one plan is applied at a time. The
    /// lock on the data directory excludes other processes.
    files: Arc<Mutex<()>>,
    /// Keys of plans, by the id of the client. A key becomes valid when its plan is applied.
    planned_keys: Mutex<BTreeMap<&'static str, Secret>>,
}

/// Runs `work` on a blocking thread, with exclusive access to the clients' files.
async fn on_files<T: Send + 'static>(
    control: &Control,
    work: impl FnOnce(&ClientSetup) -> Result<T, client_setup::Error> + Send + 'static,
) -> Result<T, ControlError> {
    on_caller_files(control, None, work).await
}

/// Runs `work` as [`on_files`] does, with the files that the caller's shell finds.
async fn on_caller_files<T: Send + 'static>(
    control: &Control,
    caller: Option<CallerShell>,
    work: impl FnOnce(&ClientSetup) -> Result<T, client_setup::Error> + Send + 'static,
) -> Result<T, ControlError> {
    let data_dir = control.config.data_dir.clone();
    let files = Arc::clone(&control.inner.clients.files);
    let work = move || {
        let _held = files.lock();
        let environment = Environment::of_this_process()
            .ok_or_else(|| ControlError::new(ErrorCode::Internal, "this user has no home directory"))?;
        let environment = match caller {
            Some(shell) => {
                let variables = shell.variables.into_iter().filter(|(name, value)| is_usable(name, value));
                environment.with(variables.collect(), shell.working_dir.map(PathBuf::from))
            }
            None => environment,
        };
        work(&ClientSetup::new(environment, &data_dir)).map_err(setup_error)
    };
    tokio::task::spawn_blocking(work).await.map_err(internal_error)?
}

/// Whether a variable of the caller can be used. A relative path would be resolved in this program's working
/// directory instead of the caller's.
fn is_usable(name: &str, value: &str) -> bool {
    let is_path = LOCATION_VARIABLES.contains(&name) && name != "PATH";
    !is_path || Path::new(value.trim()).is_absolute()
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn setup_error(error: client_setup::Error) -> ControlError {
    use client_setup::Error;
    let code = if matches!(error, Error::ChangedMeanwhile { .. } | Error::Drifted(_)) {
        ErrorCode::Conflict
    } else if matches!(error, Error::NotSetUp { .. }) {
        ErrorCode::NotFound
    } else if matches!(
        error,
        Error::NotByFile { .. } | Error::NotLaunchable { .. } | Error::CollidingArgument { .. }
    ) {
        ErrorCode::BadArguments
    } else {
        ErrorCode::ClientFile
    };
    ControlError::new(code, error.to_string())
}

/// Finds a client by its id.
///
/// # Errors
/// `not_found`: no client has this id.
fn find_client(id: &str) -> Result<&'static Client, ControlError> {
    client_setup::clients::find(id).ok_or_else(|| {
        let message = "there is no client of this id: 'mammouth-proxy clients' lists them";
        ControlError::new(ErrorCode::NotFound, message)
    })
}

/// Returns the port that clients are to use: that of the server, or the one that it would listen on.
fn port(control: &Control) -> u16 {
    control.server().map_or_else(|_| control.config.listen().port(), |server| server.addr().port())
}

/// Returns the connection that a client was set up with; `None` if it was not set up here.
async fn recorded_connection(
    control: &Control,
    client: &'static Client,
) -> Result<Option<Connection>, ControlError> {
    let set_up = on_files(control, ClientSetup::set_up_clients).await?;
    Ok(set_up.into_iter().find(|(known, _)| known.id == client.id).map(|(_, connection)| connection))
}

/// Returns the command by which a client gets a key from this program: its name if that is in the search
/// path, otherwise its path. The data directory is included if it is not the default one.
fn key_command(data_dir: &Path) -> Vec<String> {
    let name = client_setup::PROVIDER_ID;
    let in_path = Environment::of_this_process().is_some_and(|user| user.find_program(name).is_some());
    let beside = std::env::current_exe()
        .ok()
        .map(|program| program.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX)));
    let beside = beside.filter(|path| !in_path && path.is_file());
    let program = beside.map_or_else(|| name.to_owned(), |path| path.display().to_string());
    let own = storage::config::platform_dir();
    let is_own = own.is_some_and(|own| data_dir == own || data_dir == own.join("demo"));
    let folder = if is_own { vec![] } else { vec!["--data-dir".to_owned(), data_dir.display().to_string()] };
    let words = ["keys", "issue"].map(str::to_owned);
    [program].into_iter().chain(folder).chain(words).collect()
}
