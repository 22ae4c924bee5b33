//! The machine and user that clients are set up for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Variables that determine the locations of clients and their files.
pub const LOCATION_VARIABLES: &[&str] = &[
    "APPDATA",
    "CLAUDE_CONFIG_DIR",
    "CLINE_DATA_DIR",
    "CLINE_DIR",
    "CLINE_PROVIDER_SETTINGS_PATH",
    "CODEX_HOME",
    "CONTINUE_GLOBAL_DIR",
    "CRUSH_GLOBAL_CONFIG",
    "FLATPAK_XDG_CONFIG_HOME",
    "GOOSE_PATH_ROOT",
    "GROK_HOME",
    "HERMES_HOME",
    "KILO_CONFIG",
    "KIMI_CODE_HOME",
    "LOCALAPPDATA",
    "OPENCLAW_CONFIG_PATH",
    "OPENCODE_CONFIG",
    "PATH",
    "PI_CODING_AGENT_DIR",
    "XDG_CONFIG_HOME",
];

/// Operating system that determines the paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    Linux,
    MacOs,
    Windows,
}

/// All inputs for paths and states. Only [`Environment::of_this_process`] reads the process; the rest of the
/// crate uses this value.
#[derive(Clone)]
pub struct Environment {
    pub system: System,
    pub home: PathBuf,
    pub variables: BTreeMap<String, String>,
    /// Folder from which project files are searched, upwards.
    pub working_dir: Option<PathBuf>,
    /// User id that files must belong to; `None` disables the check.
    pub user_id: Option<u32>,
    pub now: SystemTime,
}

impl Environment {
    /// The environment of the running process; `None` if there is no home folder.
    pub fn of_this_process() -> Option<Self> {
        Some(Self {
            system: current_system(),
            home: std::env::home_dir()?,
            variables: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            working_dir: std::env::current_dir().ok(),
            user_id: current_user(),
            now: SystemTime::now(),
        })
    }

    /// The same user with another shell's variables and working folder, for a client that was started in that
    /// shell.
    #[must_use]
    pub fn with(self, variables: BTreeMap<String, String>, working_dir: Option<PathBuf>) -> Self {
        Self { variables, working_dir, ..self }
    }

    /// The variables that determine the files' locations.
    pub(crate) fn locations(&self) -> BTreeMap<String, String> {
        let of = |name: &&str| Some(((*name).to_owned(), self.variable(name)?.to_owned()));
        LOCATION_VARIABLES.iter().filter(|name| **name != "PATH").filter_map(of).collect()
    }

    /// The value of a variable, trimmed, because values with a trailing line break occur; `None` if empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    fn dir(&self, variable: &str, default: PathBuf) -> PathBuf {
        self.variable(variable).map_or(default, PathBuf::from)
    }

    /// The folder named by `variable`, otherwise this one below the home folder.
    pub fn dir_or_home(&self, variable: &str, below_home: &str) -> PathBuf {
        self.dir(variable, self.home.join(below_home))
    }

    /// `XDG_CONFIG_HOME`, otherwise `~/.config`, on every system.
    pub fn config_home(&self) -> PathBuf {
        self.dir_or_home("XDG_CONFIG_HOME", ".config")
    }

    /// `%APPDATA%`.
    pub fn app_data(&self) -> PathBuf {
        self.dir_or_home("APPDATA", "AppData/Roaming")
    }

    /// `%LOCALAPPDATA%`.
    pub fn local_app_data(&self) -> PathBuf {
        self.dir_or_home("LOCALAPPDATA", "AppData/Local")
    }

    /// `~/Library/Application Support`.
    pub fn application_support(&self) -> PathBuf {
        self.home.join("Library/Application Support")
    }

    /// Folder of desktop applications' settings: `~/.config`, `Application Support` or `%APPDATA%`.
    pub fn app_settings(&self) -> PathBuf {
        match self.system {
            System::Linux => self.config_home(),
            System::MacOs => self.application_support(),
            System::Windows => self.app_data(),
        }
    }

    /// Finds a program in `PATH`.
    pub fn find_program(&self, name: &str) -> Option<PathBuf> {
        let separator = if self.system == System::Windows { ';' } else { ':' };
        let endings: &[&str] = if self.system == System::Windows { &[".exe", ".cmd", ""] } else { &[""] };
        let dirs = self.variable("PATH")?.split(separator).filter(|dir| !dir.is_empty());
        dirs.flat_map(|dir| endings.iter().map(move |ending| Path::new(dir).join(format!("{name}{ending}"))))
            .find(|path| path.is_file())
    }

    /// The working folder and its parents, up to the home folder, which is excluded.
    pub(crate) fn project_dirs(&self) -> impl Iterator<Item = &Path> {
        let start = self.working_dir.as_deref();
        start.into_iter().flat_map(Path::ancestors).take_while(|dir| *dir != self.home)
    }
}

fn current_system() -> System {
    if cfg!(windows) {
        System::Windows
    } else if cfg!(target_os = "macos") {
        System::MacOs
    } else {
        System::Linux
    }
}

#[cfg(unix)]
fn current_user() -> Option<u32> {
    Some(rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
fn current_user() -> Option<u32> {
    None
}
