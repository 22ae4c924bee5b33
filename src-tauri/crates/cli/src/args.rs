//! The arguments, as `--help` shows them. Secrets are never among them: arguments can be read by every local user.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

/// A local OpenAI-compatible proxy, answered by your own Mammouth AI accounts. Unofficial.
#[derive(Debug, Parser)]
#[command(name = "mammouth-proxy", version, propagate_version = true)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) global: GlobalArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The arguments of the desktop program, which has no other commands.
#[derive(Debug, Parser)]
#[command(
    name = "mammouth-proxy-desktop",
    version,
    about = "The proxy in the tray: serves as 'mammouth-proxy serve' does, until you quit"
)]
pub(super) struct DesktopArgs {
    #[command(flatten)]
    pub(super) global: GlobalArgs,
    #[command(flatten)]
    pub(super) serve: ServeArgs,
    /// Begin without a window, as at login
    #[arg(long)]
    pub(super) hidden: bool,
    /// Whether this is the process of the windows, which the program itself starts.
    #[cfg(target_os = "linux")]
    #[arg(long, hide = true)]
    pub(super) window_process: bool,
}

/// Options that select the installation.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(super) struct GlobalArgs {
    /// Folder of settings, request log and lock (also: DATA_DIR)
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// File to read settings from instead of `.env` in this folder
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) env_file: Option<PathBuf>,
    /// Whether the command runs in the folder of another project, whose `.env` is not read.
    #[arg(skip)]
    pub(super) in_project: bool,
    /// Use the built-in simulator and its accounts: nothing leaves this machine
    #[arg(long, global = true)]
    pub(super) demo: bool,
}

impl GlobalArgs {
    /// Returns these options for a command that runs in the folder of another project.
    #[must_use]
    pub(super) fn in_project(&self) -> Self {
        Self { in_project: true, ..self.clone() }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the proxy until it is told to stop
    Serve(ServeArgs),
    /// End the running proxy, and wait until it has ended
    Stop,
    /// Say whether the proxy runs, where, and how its accounts are
    Status,
    /// Check settings, port, keychain, accounts, Mammouth and the clock, and say what to do
    Doctor,
    /// List, check, add or remove accounts
    #[command(subcommand)]
    Accounts(AccountsCommand),
    /// List, add or revoke the keys that clients send
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Show the AI clients of this machine, and whether they use the proxy
    Clients {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a client use the proxy by its settings file, or take that back
    Setup(SetupArgs),
    /// Start a client for the proxy without writing anything
    Launch(LaunchArgs),
    /// Run any program with the variables that OpenAI's and Anthropic's libraries read
    Run(RunArgs),
    /// Switch the running proxy to another port and remember it
    Port { port: u16 },
    /// Show the request log, newest last
    Logs(LogsArgs),
    /// Write the whole request log to stdout
    Export(LogExportArgs),
    /// Have the system start the proxy by itself, at log-on or with the machine
    #[command(subcommand)]
    Service(ServiceCommand),
    /// Say where this installation gets its updates, and whether a newer version was found
    Update {
        /// Ask for the newest version now
        #[arg(long)]
        check: bool,
        /// Download the newest version, and start it in place of the running one
        #[arg(long, conflicts_with = "check")]
        install: bool,
    },
    /// Write man pages and shell completions below a folder laid out as /usr/share
    Generate { share: PathBuf },
}

#[derive(Debug, Default, ClapArgs)]
pub(super) struct ServeArgs {
    /// Address to listen on (also: HOST)
    #[arg(long, value_name = "ADDRESS")]
    pub(super) host: Option<String>,
    /// Port to listen on, 0 for any free one (also: PORT)
    #[arg(long)]
    pub(super) port: Option<String>,
    /// Do not serve the page at `/`
    #[arg(long)]
    pub(super) no_ui: bool,
    /// Another Host name that may be used to reach the proxy (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(super) allow_host: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum ServiceCommand {
    /// Install the service and start it
    Install {
        #[command(flatten)]
        scope: ServiceScope,
        /// Only show what would be written and run
        #[arg(long)]
        dry_run: bool,
    },
    /// Stop the service and remove it; settings, accounts and the request log stay
    Remove {
        #[command(flatten)]
        scope: ServiceScope,
    },
    /// Show whether the service runs
    Status {
        #[command(flatten)]
        scope: ServiceScope,
    },
}

/// Option that selects the owner of a service.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub(super) struct ServiceScope {
    /// The machine's, with a system user of its own, not yours (Linux, as root)
    #[arg(long)]
    pub(super) system: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum AccountsCommand {
    /// Show all accounts with their state
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask Mammouth whether the accounts' sessions are valid, and for their quota
    Check {
        /// Only this account
        label: Option<String>,
    },
    /// Add an account; its cookie or key is read from stdin and kept in the keychain
    Add {
        /// The name of the account in lists and logs
        #[arg(long)]
        label: String,
        /// An account of the official API: what is read is its key
        #[arg(long)]
        api: bool,
        /// The notice about web sessions was read and is accepted
        #[arg(long)]
        accept_terms: bool,
    },
    /// Give an account another name, in the request log too
    Rename { label: String, to: String },
    /// Use one account and no other; without a name all again
    Only { label: Option<String> },
    /// Leave an account unused until it is resumed
    Pause { label: String },
    /// Use a paused account again
    Resume { label: String },
    /// Send an account's secret to another address than it was added for (MAMMOUTH_WEB_URL, MAMMOUTH_API_URL)
    UseHost {
        label: String,
        /// The address, as 'accounts list' shows it
        host: String,
    },
    /// Remove an account that was added by hand
    Remove { label: String },
}

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Show the names of all keys
    List {
        /// Show a key itself, the main one where no name is given
        #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "main")]
        reveal: Option<String>,
    },
    /// Make a key for one client; without a keychain it is shown only now
    Add { name: String },
    /// Print a key that is valid for a short time; nothing stores it
    Issue {
        /// What the request log calls the client
        name: String,
        /// How long it is valid: 90s, 30m, 12h or 7d
        #[arg(long, value_name = "TIME", default_value = "24h")]
        ttl: String,
    },
    /// Refuse a key from now on
    Revoke { name: String },
    /// Make a new main key; the old one is refused at once
    ReplaceMain,
}

#[derive(Debug, ClapArgs)]
pub(super) struct SetupArgs {
    /// The client, as 'mammouth-proxy clients' names it
    #[arg(required_unless_present_any = ["repair", "undo_all"], conflicts_with_all = ["repair", "undo_all"])]
    pub(super) client: Option<String>,
    /// The model that the client uses
    #[arg(long, conflicts_with_all = ["undo", "repair", "undo_all"])]
    pub(super) model: Option<String>,
    /// The model for titles and summaries
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["undo", "repair", "undo_all"])]
    pub(super) small_model: Option<String>,
    /// Take the set-up back
    #[arg(long)]
    pub(super) undo: bool,
    /// Bring every client that was set up to the port and key of today
    #[arg(long, conflicts_with_all = ["undo", "undo_all"])]
    pub(super) repair: bool,
    /// Take every set-up back
    #[arg(long, conflicts_with = "undo")]
    pub(super) undo_all: bool,
    /// What to do with values that were changed since set-up
    #[arg(long, value_enum, value_name = "CHOICE")]
    pub(super) drift: Option<DriftArg>,
    /// Show what would be written, and write nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Write without a question
    #[arg(long, short)]
    pub(super) yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum DriftArg {
    /// Leave them as they are now
    Keep,
    /// Put back what stood there before set-up
    Restore,
}

#[derive(Debug, ClapArgs)]
pub(super) struct LaunchArgs {
    /// The client, as 'mammouth-proxy clients' names it
    pub(super) client: String,
    /// The model that the client uses
    #[arg(long)]
    pub(super) model: Option<String>,
    /// The model for titles and summaries
    #[arg(long, value_name = "MODEL")]
    pub(super) small_model: Option<String>,
    /// Show what would be started, and start nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Arguments for the client, after '--'
    #[arg(last = true, value_name = "ARGS")]
    pub(super) arguments: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct RunArgs {
    /// The program and its arguments, after '--'
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(super) command: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct LogsArgs {
    /// Go on showing requests as they end
    #[arg(long, short)]
    pub(super) follow: bool,
    /// One JSON object a line
    #[arg(long)]
    pub(super) json: bool,
    /// How many of the newest to begin with
    #[arg(long, short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub(super) lines: u32,
    /// Only requests that failed
    #[arg(long)]
    pub(super) failed: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct LogExportArgs {
    /// The form of the export
    #[arg(long, value_enum, default_value_t = ExportFormatArg::Jsonl)]
    pub(super) format: ExportFormatArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ExportFormatArg {
    Jsonl,
    Csv,
    Har,
}
