//! The table of commands, one line each.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{AccountView, CheckView, Control, ControlError, ErrorCode, KeyView, NoArgs, Overview, Status};
use super::{ClientList, ClientOutcome, ClientPlan, LaunchCommand, LinkOpened, RepairPlan};
use super::{Explanation, ExportedLog, ModelView, SavedFile, SecretsView, SettingView, TestResult};
use super::{IssuedKey, PreparedLaunch, UpdateStarted, UpdateStatus};
use super::{
    accounts, clients, desktop_commands, doctor, export, keys, log, models, overview, port, secrets, serving,
    settings, shutdown, status, test_request, updates,
};
use storage::request_log::{Bodies, Query, RequestRecord};

/// Access that a command needs: read access to the stored data, write access, or a running program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CommandAccess {
    Look,
    Change,
    Running,
}
use CommandAccess::{Change, Look, Running};

macro_rules! commands {
    ($($name:literal $needs:ident $args:ty => $answer:ty, $body:path;)*) => {
        /// Runs the command `name`.
        ///
        /// # Errors
        /// The error of the command, `unknown_command`, or `bad_arguments`.
        pub async fn dispatch(control: &Control, name: &str, args: Value) -> Result<Value, ControlError> {
            match name {
                $($name => {
                    let args: $args = parse_args(args)?;
                    // Boxed: an unboxed future would be as large as that of the largest command.
                    let answer: $answer = Box::pin($body(control, args)).await?;
                    to_json(answer)
                })*
                _ => Err(ControlError::new(ErrorCode::UnknownCommand, "there is no such command")),
            }
        }

        const COMMANDS: &[(&str, CommandAccess)] = &[$(($name, $needs)),*];

        /// The commands as a TypeScript interface: name, arguments, result.
        #[cfg(test)]
        pub(super) fn typescript(seen: &mut impl ts_rs::TypeVisitor, config: &ts_rs::Config) -> String {
            use ts_rs::TS;
            let mut lines = String::new();
            $(
                <$args as TS>::visit_dependencies(seen);
                seen.visit::<$answer>();
                let args = <$args as TS>::name(config);
                // Types of arguments that only one command has are written inline.
                let args = if args == "Query" { args } else { <$args as TS>::inline(config) };
                lines.push_str(&format!("  {:?}: [{args}, {}];\n", $name, <$answer as TS>::name(config)));
            )*
            lines
        }
    };
}

commands! {
    "status"               Running NoArgs                => Status,                status::command;
    "overview"             Running NoArgs                => Overview,              overview::overview;
    "accounts.list"        Look    NoArgs                => Vec<AccountView>,      accounts::list;
    "accounts.refresh"     Running NoArgs                => (),                    accounts::refresh;
    "accounts.check"       Look    accounts::CheckArgs    => Vec<CheckView>,        accounts::check;
    "accounts.add"         Change  accounts::AddArgs      => CheckView,             accounts::add;
    "accounts.replace"     Change  accounts::ReplaceArgs  => CheckView,             accounts::replace;
    "accounts.import"      Change  accounts::ImportArgs   => Vec<CheckView>,        accounts::import;
    "accounts.sign_in"     Running accounts::SignInArgs   => CheckView,             accounts::sign_in;
    "accounts.rename"      Change  accounts::RenameArgs   => (),                    accounts::rename;
    "accounts.order"       Change  accounts::OrderArgs    => (),                    accounts::order;
    "accounts.enable"      Change  accounts::EnableArgs   => (),                    accounts::enable;
    "accounts.only"        Change  accounts::OnlyArgs     => (),                    accounts::only;
    "accounts.use_host"    Change  accounts::UseHostArgs  => (),                    accounts::use_host;
    "accounts.remove"      Change  accounts::NameArgs     => (),                    accounts::remove;
    "accounts.explain"     Running accounts::ExplainArgs  => Explanation,             accounts::explain;
    "keys.list"            Look    keys::ListArgs         => Vec<KeyView>,          keys::list;
    "keys.add"             Change  keys::AddArgs          => KeyView,               keys::add;
    "keys.change"          Change  keys::ChangeArgs       => (),                    keys::change;
    "keys.revoke"          Change  keys::NameArgs         => (),                    keys::revoke;
    "keys.replace_main"    Change  NoArgs                => KeyView,               keys::replace_main;
    "keys.issue"           Running keys::IssueArgs        => IssuedKey,             keys::issue;
    "keys.copy"            Running keys::CopyArgs         => (),                    keys::copy;
    "clients.list"         Look    clients::ClientListArgs => ClientList,             clients::list;
    "clients.plan"         Running clients::PlanArgs      => ClientPlan,            clients::plan;
    "clients.apply"        Running clients::ApplyArgs     => ClientOutcome,         clients::apply;
    "clients.undo_plan"    Look    clients::UndoPlanArgs  => ClientPlan,            clients::undo_plan;
    "clients.undo"         Change  clients::UndoArgs      => ClientOutcome,         clients::undo;
    "clients.undo_all"     Change  clients::UndoAllArgs   => Vec<ClientOutcome>,    clients::undo_all;
    "clients.repair_plan"  Running NoArgs                => RepairPlan,             clients::repair_plan;
    "clients.repair"       Running clients::RepairArgs    => Vec<ClientOutcome>,    clients::repair;
    "clients.launch_command" Look  clients::LaunchCommandArgs => LaunchCommand,     clients::launch_command;
    "clients.launch"       Running clients::LaunchArgs    => PreparedLaunch,        clients::launch;
    "clients.link"         Running clients::LinkArgs      => LinkOpened,            clients::link;
    "clipboard.copy"       Running desktop_commands::CopyArgs => (),                desktop_commands::copy;
    "models.list"          Running NoArgs                => Vec<ModelView>,        models::list;
    "models.refresh"       Running NoArgs                => Vec<ModelView>,        models::refresh;
    "models.set_alias"     Change  models::AliasArgs      => (),                    models::set_alias;
    "models.remove_alias"  Change  models::AliasName      => (),                    models::remove_alias;
    "try"                  Running test_request::TestRequestArgs            => TestResult,               test_request::test_request;
    "try.stop"             Running test_request::StopArgs => (),                    test_request::stop;
    "log.latest"           Running Query                  => Vec<RequestRecord>,           log::latest;
    "log.get"              Running log::IdArgs            => RequestRecord,                log::get;
    "log.count"            Running Query                  => u64,                   log::count;
    "log.bodies"           Running log::IdArgs            => Bodies,                log::bodies;
    "log.export"           Running export::ExportArgs     => ExportedLog,              export::export;
    "log.save"             Running export::ExportArgs     => Option<SavedFile>,         export::save;
    "log.show_saved"       Running NoArgs                => (),                    export::show_saved;
    "log.clear"            Running NoArgs                => u64,                   log::clear;
    "port.switch"          Running port::SwitchPortArgs             => port::PortChanged,        port::switch;
    "port.free"            Running NoArgs                => port::FreePort,            port::free;
    "serving.set"          Running serving::ServingArgs          => (),                    serving::set;
    "program.stop"         Running NoArgs                => (),                    shutdown::stop;
    "settings.get"         Look    NoArgs                => Vec<SettingView>,      settings::get;
    "settings.set"         Change  settings::SetArgs      => SettingView,           settings::set;
    "settings.welcomed"    Change  NoArgs                => (),                    settings::welcomed;
    "settings.accept_terms" Change NoArgs                => (),                    settings::accept_terms;
    "secrets.state"        Look    NoArgs                => SecretsView,           secrets::state;
    "secrets.unlock"       Look    NoArgs                => SecretsView,           secrets::unlock;
    "updates.status"       Look    NoArgs                => UpdateStatus,          updates::status;
    "updates.check"        Look    NoArgs                => UpdateStatus,          updates::check;
    "updates.install"      Running NoArgs                => UpdateStarted,         updates::install;
    "window.open"          Running desktop_commands::OpenArgs => (),                desktop_commands::open_window;
    "doctor"               Look    NoArgs                => Vec<doctor::Finding>,  doctor::check_upstream;
}

/// Whether a command changes stored data, so that it needs the lock on the data directory if no program runs.
pub fn changes_state(name: &str) -> bool {
    COMMANDS.contains(&(name, Change))
}

/// The names of all commands.
pub fn command_names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|(name, _)| *name)
}

fn parse_args<T: DeserializeOwned>(args: Value) -> Result<T, ControlError> {
    let args = if args.is_null() { Value::Object(serde_json::Map::new()) } else { args };
    // serde would accept a list of the fields in their order.
    if !args.is_object() {
        return Err(ControlError::new(ErrorCode::BadArguments, "the arguments are not an object"));
    }
    // The error text of serde may quote a value, and a value may be a cookie.
    serde_json::from_value(args)
        .map_err(|_| ControlError::new(ErrorCode::BadArguments, "the arguments do not fit the command"))
}

fn to_json(value: impl Serialize) -> Result<Value, ControlError> {
    serde_json::to_value(value).map_err(|error| ControlError::new(ErrorCode::Internal, error.to_string()))
}
