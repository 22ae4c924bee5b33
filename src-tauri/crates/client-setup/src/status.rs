//! Detection of a client, the state of its set-up, and the settings that override it.

use std::path::{Path as FilePath, PathBuf};

use secrecy::SecretString;

use crate::change::{Edit, Present};
use crate::client::{Client, FileSetup};
use crate::connection::{Connection, Model};
use crate::document::Document;
use crate::environment::{Environment, System};
use crate::error::Error;
use crate::file::FileSnapshot;
use crate::path::Path;
use crate::plan::drift;
use crate::store::{SetupRecord, StateFile};
use crate::tree;
use crate::value::Value;
use crate::view::{ClientView, SetupState, Shadow, Ways};

/// Maximum number of folders between a program and its `package.json`.
const MAX_PACKAGE_DEPTH: usize = 4;
/// Maximum length of a version, bytes.
const MAX_VERSION_LENGTH: usize = 64;

/// Start-up files of shells, whose variables apply to every program started from the shell.
const SHELL_FILES: &[&str] = &[
    ".bashrc",
    ".bash_profile",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".profile",
    ".config/fish/config.fish",
    ".config/environment.d/envvars.conf",
];

pub(crate) fn view(
    client: &'static Client,
    environment: &Environment,
    port: u16,
    state: &StateFile,
) -> ClientView {
    let set_up = !(client.files)(environment, &placeholder(port)).is_empty();
    let found = found(client, environment);
    ClientView {
        id: client.id,
        name: client.name,
        version: found.as_deref().and_then(version),
        found,
        state: setup_state(client, environment, port, state.clients.get(client.id)),
        shadows: shadows(client, environment),
        ways: Ways::of(client, set_up),
        pick_up: client.pick_up,
        key_place: client.key_place,
        base_url: client.base_url,
        why_not: client.why_not,
        notes: client.notes,
    }
}

fn found(client: &Client, environment: &Environment) -> Option<PathBuf> {
    let program = client.binaries.iter().find_map(|name| environment.find_program(name));
    program.or_else(|| (client.traces)(environment).into_iter().find(|path| path.exists()))
}

/// The version in the `package.json` of a program installed by npm. The program is not started for it: that
/// is slow, and some programs write files when they start.
fn version(program: &FilePath) -> Option<String> {
    let program = std::fs::canonicalize(program).ok().filter(|path| path.is_file())?;
    let package = program.ancestors().skip(1).take(MAX_PACKAGE_DEPTH).find_map(|dir| {
        let text = std::fs::read(dir.join("package.json")).ok()?;
        serde_json::from_slice::<serde_json::Value>(&text).ok()?["version"].as_str().map(str::to_owned)
    });
    package.filter(|version| version.len() <= MAX_VERSION_LENGTH)
}

/// A connection of which only the address is used.
fn placeholder(port: u16) -> Connection {
    Connection::new(port, SecretString::default(), Model::named("-"))
}

fn setup_state(
    client: &Client,
    environment: &Environment,
    port: u16,
    record: Option<&SetupRecord>,
) -> SetupState {
    let state = match record {
        Some(record) => recorded_state(record, port),
        None => unrecorded_state(&(client.files)(environment, &placeholder(port)), port),
    };
    state.unwrap_or_else(|error| SetupState::Unreadable { reason: error.to_string() })
}

fn read(path: &FilePath, format: crate::document::Format) -> Result<Document, Error> {
    let (_, text) = FileSnapshot::read(path)?.text()?;
    Document::parse(format, text).map_err(|problem| Error::Text { path: path.to_owned(), problem })
}

fn recorded_state(record: &SetupRecord, port: u16) -> Result<SetupState, Error> {
    let (mut drifts, mut as_set, mut gone) = (Vec::new(), false, false);
    for file in &record.files {
        let document = read(&file.path, file.format)?;
        for change in &file.changes {
            match change.present(&document) {
                Present::AsSet => as_set = true,
                Present::AsBefore => gone = true,
                Present::Changed => drifts.extend(drift(file, change, &document, record.key.expose())),
            }
        }
    }
    Ok(match () {
        () if !drifts.is_empty() => SetupState::ChangedByHand { drifts },
        () if gone && !as_set => SetupState::NotSetUp,
        () if gone => SetupState::ChangedByHand { drifts },
        () if record.port != port => SetupState::OtherPort { port: record.port },
        () => SetupState::SetUp { by_hand: false },
    })
}

/// State of values that the user wrote: set up if the address is the proxy's; another port if the path names
/// the proxy.
fn unrecorded_state(setups: &[FileSetup], port: u16) -> Result<SetupState, Error> {
    if setups.is_empty() {
        return Ok(SetupState::NotByFile);
    }
    for setup in setups {
        let value = read(&setup.path, setup.format)?.value();
        for Edit { path, value: wanted, .. } in setup.edits.iter().flat_map(Edit::leaves) {
            let Some(now) = tree::lookup(&value, &path.0).and_then(Value::as_str) else { continue };
            let Some(wanted_port) = wanted.as_str().and_then(local_port) else { continue };
            match local_port(now) {
                Some(found) if found == wanted_port => return Ok(SetupState::SetUp { by_hand: true }),
                Some(found) if names_us(&path) && found != port => {
                    return Ok(SetupState::OtherPort { port: found });
                }
                _ => {}
            }
        }
    }
    Ok(SetupState::NotSetUp)
}

fn names_us(path: &Path) -> bool {
    path.to_string().to_lowercase().contains("mammouth")
}

/// The port of a loopback URL.
fn local_port(url: &str) -> Option<u16> {
    let rest = url.strip_prefix("http://")?;
    let rest = ["127.0.0.1:", "localhost:", "[::1]:"].iter().find_map(|host| rest.strip_prefix(host))?;
    rest.split('/').next()?.parse().ok()
}

fn shadows(client: &Client, environment: &Environment) -> Vec<Shadow> {
    let mut shadows = Vec::new();
    for name in client.shadowing_variables {
        if environment.variable(name).is_some() {
            shadows.push(Shadow::Variable { name: (*name).to_owned() });
        }
    }
    if environment.system != System::Windows {
        shadows.extend(SHELL_FILES.iter().flat_map(|file| shell_file(client, &environment.home.join(file))));
    }
    for file in client.project_files {
        shadows.extend(environment.project_dirs().flat_map(|dir| project_file(file, &dir.join(file.path))));
    }
    shadows
}

fn shell_file(client: &Client, path: &FilePath) -> Vec<Shadow> {
    let Ok(text) = std::fs::read_to_string(path) else { return Vec::new() };
    let mut shadows = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start();
        let line = ["export ", "set -gx ", "set -x "]
            .iter()
            .find_map(|word| line.strip_prefix(word))
            .unwrap_or(line);
        let name = line.split(['=', ' ']).next().unwrap_or_default();
        if client.shadowing_variables.contains(&name) {
            shadows.push(Shadow::ShellFile { name: name.to_owned(), path: path.to_owned(), line: index + 1 });
        }
    }
    shadows
}

fn project_file(file: &crate::client::ProjectFile, path: &FilePath) -> Vec<Shadow> {
    let Ok(document) = read(path, file.format) else { return Vec::new() };
    let found = (file.keys)().into_iter().filter_map(|key| {
        let node = document.find(&key.0)?;
        Some(Shadow::ProjectFile {
            key: key.to_string(),
            path: path.to_owned(),
            line: document.line_of(node),
        })
    });
    found.collect()
}
