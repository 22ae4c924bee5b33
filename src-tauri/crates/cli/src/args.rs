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
}

/// Which installation is meant.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(super) struct GlobalArgs {
    /// Folder of settings, request log and lock (also: DATA_DIR)
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// File to read settings from instead of `.env` in this folder
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) env_file: Option<PathBuf>,
    /// Use the built-in simulator and its accounts: nothing leaves this machine
    #[arg(long, global = true)]
    pub(super) demo: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the proxy until it is told to stop
    Serve(ServeArgs),
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
    /// Switch the running proxy to another port and remember it
    Port { port: u16 },
    /// Show the request log, newest last
    Logs(LogsArgs),
    /// Write the whole request log to stdout
    Export(LogExportArgs),
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
pub(super) enum AccountsCommand {
    /// Show all accounts with their state
    List {
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
    /// Refuse a key from now on
    Revoke { name: String },
    /// Make a new main key; the old one is refused at once
    ReplaceMain,
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
