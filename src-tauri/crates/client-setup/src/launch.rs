//! Launch of a client for the proxy without writing a file.

use std::fmt;

use secrecy::ExposeSecret;

use crate::client::{Client, LaunchSetup, Launcher};
use crate::connection::Connection;
use crate::error::Error;
use crate::mask;
use crate::view::LaunchView;

/// A program with the variables and arguments for the proxy. Contains the key; `Debug` masks it.
#[derive(Clone)]
pub struct Launch {
    pub program: &'static str,
    /// Variables to set.
    pub variables: Vec<(&'static str, String)>,
    /// Variables to unset.
    pub removed: &'static [&'static str],
    /// All arguments, the user's own last.
    pub arguments: Vec<String>,
    key: String,
}

impl Launch {
    /// The launch of `client`. `own` are the user's arguments.
    ///
    /// # Errors
    /// The client cannot be launched, or an argument conflicts with those of the launch.
    pub fn of(client: &'static Client, connection: &Connection, own: &[String]) -> Result<Self, Error> {
        let launcher = client.launch.as_ref().ok_or(Error::NotLaunchable { client: client.name })?;
        if let Some(argument) = collision(launcher, own) {
            return Err(Error::CollidingArgument { client: client.name, argument });
        }
        let LaunchSetup { variables, removed, mut arguments } = (launcher.setup)(connection);
        arguments.extend_from_slice(own);
        let key = connection.key.expose_secret().to_owned();
        Ok(Self { program: launcher.program, variables, removed, arguments, key })
    }

    /// The launch of a program that is not a known client; its arguments are unchanged.
    pub fn of_any_program(connection: &Connection, own: &[String]) -> Self {
        Self {
            program: "",
            variables: Self::variables_for_any_program(connection),
            removed: &[],
            arguments: own.to_vec(),
            key: connection.key.expose_secret().to_owned(),
        }
    }

    /// Variables that OpenAI's and Anthropic's libraries read, for any program.
    pub fn variables_for_any_program(connection: &Connection) -> Vec<(&'static str, String)> {
        let key = || connection.key.expose_secret().to_owned();
        vec![
            ("OPENAI_BASE_URL", connection.base()),
            ("OPENAI_API_BASE", connection.base()),
            ("OPENAI_API_KEY", key()),
            ("ANTHROPIC_BASE_URL", connection.root()),
            ("ANTHROPIC_AUTH_TOKEN", key()),
        ]
    }

    /// The launch with the key masked, for `--dry-run`.
    pub fn view(&self) -> LaunchView {
        LaunchView {
            program: self.program,
            variables: self.variables.iter().map(|(name, value)| (*name, self.masked(value))).collect(),
            removed: self.removed,
            arguments: self.arguments.iter().map(|argument| self.masked(argument)).collect(),
        }
    }

    fn masked(&self, text: &str) -> String {
        text.replace(&self.key, &mask::value(&self.key))
    }
}

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Launch").field(&self.view()).finish()
    }
}

/// The first of the user's arguments that conflicts with the launcher's. Arguments after `--` are ignored.
fn collision(launcher: &Launcher, own: &[String]) -> Option<String> {
    let own: Vec<_> = own.iter().take_while(|argument| *argument != "--").collect();
    let collides = |index: usize, flag: &str| match flag.split_once(' ') {
        Some((flag, value)) => {
            let next = own.get(index + 1).is_some_and(|next| own[index] == flag && next.starts_with(value));
            next || own[index]
                .strip_prefix(flag)
                .is_some_and(|rest| rest.trim_start_matches('=').starts_with(value))
        }
        None => own[index] == flag || own[index].strip_prefix(flag).is_some_and(|rest| rest.starts_with('=')),
    };
    let index = (0..own.len()).find(|index| launcher.colliding.iter().any(|flag| collides(*index, flag)))?;
    Some(own[index].clone())
}
