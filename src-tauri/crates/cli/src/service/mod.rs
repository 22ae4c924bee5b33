//! Command `service`: registration of the proxy with the system's service manager, which starts it at log-on or with the
//! machine.

// Its paths are joined as the system that runs the tests joins them, which on Windows is not as macOS does.
#[cfg(any(target_os = "macos", all(test, unix)))]
mod launchd;
pub(super) mod notify;
#[cfg(any(target_os = "linux", test))]
mod systemd;
#[cfg(any(windows, test))]
mod task_scheduler;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::args::{GlobalArgs, ServiceCommand, ServiceScope};
use super::{ExitError, exit, output};

/// A service in the terms of the system's service manager.
#[derive(Debug)]
struct Service {
    /// The file that declares the service; `None` if it belongs to an installed package.
    definition: Option<Definition>,
    /// Commands that enable and start the service, after its definition was written.
    start: Vec<Step>,
    /// Commands that stop and disable the service, before its definition is deleted.
    stop: Vec<Step>,
    /// Commands that make the manager forget the deleted definition.
    forget: Vec<Step>,
    /// Command that prints the state of the service and succeeds if it runs.
    state: Step,
    /// Notes for the user after the installation.
    notes: Vec<String>,
}

/// A file that declares a service.
#[derive(Debug)]
struct Definition {
    path: PathBuf,
    text: String,
    /// Whether the file is written in UTF-16 with a byte order mark; otherwise in UTF-8.
    is_utf16: bool,
}

/// A command of the service manager.
#[derive(Debug)]
struct Step {
    program: &'static str,
    args: Vec<String>,
    /// Whether a failure only means that there was nothing to do.
    may_fail: bool,
}

impl Step {
    fn new(program: &'static str, args: &[&str]) -> Self {
        Self { program, args: args.iter().map(|arg| (*arg).to_owned()).collect(), may_fail: false }
    }

    #[cfg(any(target_os = "macos", windows, test))]
    fn may_fail(self) -> Self {
        Self { may_fail: true, ..self }
    }

    fn run(&self) -> Result<(), ExitError> {
        let done = Command::new(self.program).args(&self.args).stdin(Stdio::null()).output();
        let done = done.map_err(|error| self.missing(&error))?;
        if done.status.success() || self.may_fail {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&done.stderr);
        Err(ExitError::failed(format!("'{self}' failed: {}", said.trim())))
    }

    /// Runs the command with its output shown. Returns whether it succeeded.
    fn show(&self) -> Result<bool, ExitError> {
        let done = Command::new(self.program).args(&self.args).stdin(Stdio::null()).status();
        Ok(done.map_err(|error| self.missing(&error))?.success())
    }

    fn missing(&self, error: &std::io::Error) -> ExitError {
        ExitError::failed(format!(
            "{} cannot be started ({error}): this system has no such service manager",
            self.program
        ))
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.program)?;
        self.args
            .iter()
            .try_for_each(|arg| if arg.contains(' ') { write!(f, " \"{arg}\"") } else { write!(f, " {arg}") })
    }
}

impl Definition {
    fn write(&self) -> std::io::Result<()> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&self.path, self.bytes())
    }

    fn bytes(&self) -> Vec<u8> {
        if !self.is_utf16 {
            return self.text.clone().into_bytes();
        }
        let units = std::iter::once(0xFEFF).chain(self.text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    }
}

/// Program and arguments that a service starts.
#[derive(Debug)]
struct Invocation {
    program: PathBuf,
    args: Vec<String>,
}

impl Invocation {
    /// Returns `serve` of this program, with the given options. Paths are made absolute.
    fn of_this_program(global: &GlobalArgs) -> Result<Self, ExitError> {
        let program = std::env::current_exe()
            .map_err(|error| ExitError::failed(format!("the path of this program is unknown: {error}")))?;
        let mut args = vec!["serve".to_owned()];
        for (option, path) in [("--data-dir", &global.data_dir), ("--env-file", &global.env_file)] {
            if let Some(path) = path {
                args.extend([option.to_owned(), absolute(option, path)?]);
            }
        }
        if global.demo {
            args.push("--demo".to_owned());
        }
        Ok(Self { program, args })
    }
}

/// Whether systemd or launchd runs this process as the service: both end its other processes with it.
pub(crate) fn is_managed() -> bool {
    #[cfg(target_os = "macos")]
    return std::env::var_os("XPC_SERVICE_NAME").is_some_and(|name| name == launchd::LABEL);
    #[cfg(not(target_os = "macos"))]
    return std::env::var_os("NOTIFY_SOCKET").is_some();
}

fn absolute(option: &str, path: &Path) -> Result<String, ExitError> {
    let path = std::path::absolute(path)
        .map_err(|error| ExitError::new(exit::USAGE, format!("{option} cannot be used: {error}")))?;
    path.into_os_string().into_string().map_err(|_| {
        ExitError::new(exit::USAGE, format!("{option} cannot be used by a service: its path is not UTF-8"))
    })
}

pub(super) fn service(global: &GlobalArgs, command: ServiceCommand) -> Result<(), ExitError> {
    match command {
        ServiceCommand::Install { scope, dry_run } => {
            let service = find(global, scope)?;
            if dry_run { show_plan(&service) } else { install(&service, scope)? }
        }
        ServiceCommand::Remove { scope } => remove(&find(global, scope)?, scope)?,
        ServiceCommand::Status { scope } => status(&find(global, scope)?)?,
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn find(global: &GlobalArgs, scope: ServiceScope) -> Result<Service, ExitError> {
    let invocation = Invocation::of_this_program(global)?;
    if scope.system {
        if global.data_dir.is_some() || global.env_file.is_some() || global.demo {
            let message = "the system's service has its data in /var/lib/mammouth-proxy and takes no options; \
                           'systemctl edit mammouth-proxy' is the place for settings";
            return Err(ExitError::new(exit::USAGE, message));
        }
        return Ok(systemd::system_service(&invocation));
    }
    Ok(systemd::user_service(&invocation, base_dirs()?.config_dir()))
}

#[cfg(target_os = "macos")]
fn find(global: &GlobalArgs, scope: ServiceScope) -> Result<Service, ExitError> {
    refuse_system(scope)?;
    let uid = rustix::process::getuid().as_raw();
    Ok(launchd::agent(&Invocation::of_this_program(global)?, base_dirs()?.home_dir(), uid))
}

#[cfg(windows)]
fn find(global: &GlobalArgs, scope: ServiceScope) -> Result<Service, ExitError> {
    refuse_system(scope)?;
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let user = format!("{}\\{}", variable("USERDOMAIN"), variable("USERNAME"));
    let folder = base_dirs()?.data_local_dir().join("mammouth-proxy");
    Ok(task_scheduler::task(&Invocation::of_this_program(global)?, &user, &folder))
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn find(_: &GlobalArgs, _: ServiceScope) -> Result<Service, ExitError> {
    Err(ExitError::failed("no service manager of this system is known"))
}

#[cfg(any(target_os = "macos", windows))]
fn refuse_system(scope: ServiceScope) -> Result<(), ExitError> {
    if scope.system {
        return Err(ExitError::new(exit::USAGE, "'--system' is for Linux; here a service belongs to a user"));
    }
    Ok(())
}

#[cfg(any(target_os = "linux", target_os = "macos", windows))]
fn base_dirs() -> Result<directories::BaseDirs, ExitError> {
    directories::BaseDirs::new().ok_or_else(|| ExitError::failed("this user has no home directory"))
}

fn show_plan(service: &Service) {
    if let Some(definition) = &service.definition {
        output::note(format_args!("would write {}:", definition.path.display()));
        output::text(&definition.text);
    }
    service.start.iter().for_each(|step| output::note(format_args!("would run: {step}")));
}

/// Writes the definition and starts the service. A new definition is deleted if the start fails.
fn install(service: &Service, scope: ServiceScope) -> Result<(), ExitError> {
    let mut is_new = false;
    if let Some(definition) = &service.definition {
        is_new = !definition.path.exists();
        definition.write().map_err(|error| file_error("written", definition, &error, scope))?;
        output::line(format_args!("written: {}", definition.path.display()));
    }
    if let Err(error) = service.start.iter().try_for_each(Step::run) {
        if is_new {
            let _ = delete(service, scope);
            output::note("it was removed again");
        }
        return Err(error);
    }
    output::line("the service is installed and started");
    service.notes.iter().for_each(output::note);
    Ok(())
}

fn remove(service: &Service, scope: ServiceScope) -> Result<(), ExitError> {
    if service.definition.as_ref().is_some_and(|definition| !definition.path.exists()) {
        output::line("no service is installed");
        return Ok(());
    }
    delete(service, scope)?;
    output::line("the service is removed; settings, accounts and the request log are kept");
    Ok(())
}

/// Deletes the definition even if the manager refuses to stop the service.
fn delete(service: &Service, scope: ServiceScope) -> Result<(), ExitError> {
    let stopped = service.stop.iter().try_for_each(Step::run);
    if let Some(definition) = &service.definition {
        std::fs::remove_file(&definition.path)
            .map_err(|error| file_error("deleted", definition, &error, scope))?;
    }
    stopped?;
    service.forget.iter().try_for_each(Step::run)
}

fn status(service: &Service) -> Result<(), ExitError> {
    if service.definition.as_ref().is_some_and(|definition| !definition.path.exists()) {
        return Err(ExitError::failed("no service is installed"));
    }
    if service.state.show()? { Ok(()) } else { Err(ExitError::failed("the service does not run")) }
}

fn file_error(what: &str, definition: &Definition, error: &std::io::Error, scope: ServiceScope) -> ExitError {
    let needs_root = scope.system && error.kind() == ErrorKind::PermissionDenied;
    let advice = if needs_root { "; run the command as root" } else { "" };
    ExitError::failed(format!("{} cannot be {what}: {error}{advice}", definition.path.display()))
}

/// Escapes text for use between XML tags.
#[cfg(any(target_os = "macos", windows, test))]
fn xml_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn invocation(program: &str, args: &[&str]) -> Invocation {
        Invocation { program: program.into(), args: args.iter().map(|arg| (*arg).to_owned()).collect() }
    }

    #[test]
    fn a_definition_in_utf_16_begins_with_its_mark() {
        let definition = Definition { path: "x".into(), text: "é<".into(), is_utf16: true };
        assert_eq!(definition.bytes(), [0xFF, 0xFE, 0xE9, 0, b'<', 0]);
    }
}
