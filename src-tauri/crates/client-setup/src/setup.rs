//! Entry points of the crate: detection, planning, applying and undoing.

use std::path::Path;

use crate::client::Client;
use crate::clients;
use crate::connection::Connection;
use crate::environment::Environment;
use crate::error::Error;
use crate::file;
use crate::launch::Launch;
use crate::plan::{DriftChoice, FilePlan, Outcome, Plan, Scope};
use crate::status;
use crate::store::{SetupRecord, StateFile, Store};
use crate::view::ClientView;

/// A client with the result of an operation on it.
pub type ClientResult = (&'static Client, Result<(), Error>);

/// Setup and undo of clients for one user on one machine.
///
/// Two instances with the same data folder must not apply plans at the same time.
pub struct ClientSetup {
    environment: Environment,
    store: Store,
}

impl ClientSetup {
    /// An instance with its state below `data_dir`, which is created when it is first needed.
    pub fn new(environment: Environment, data_dir: &Path) -> Self {
        Self { environment, store: Store::new(data_dir) }
    }

    /// The state of every known client, for a proxy at `port`.
    ///
    /// # Errors
    /// The record of former set-ups cannot be read. A client's own unreadable file is a state of that client.
    pub fn clients(&self, port: u16) -> Result<Vec<ClientView>, Error> {
        let state = self.store.load()?;
        Ok(clients::all()
            .iter()
            .map(|client| status::view(client, &self.environment, port, &state))
            .collect())
    }

    /// The state of one client, for a proxy at `port`.
    ///
    /// # Errors
    /// As for [`clients`](Self::clients).
    pub fn client(&self, client: &'static Client, port: u16) -> Result<ClientView, Error> {
        Ok(status::view(client, &self.environment, port, &self.store.load()?))
    }

    /// Plans the set-up of `client`.
    ///
    /// # Errors
    /// A file cannot be read, parsed or written. No file has changed.
    pub fn plan(&self, client: &'static Client, connection: &Connection) -> Result<Plan, Error> {
        let state = self.store.load()?;
        Plan::set_up(client, &self.environment, connection, state.clients.get(client.id), Scope::Everything)
    }

    /// Plans the undo of `client`'s set-up.
    ///
    /// # Errors
    /// [`Error::NotSetUp`], [`Error::Drifted`] with [`DriftChoice::Ask`], or as for [`plan`](Self::plan).
    pub fn plan_undo(&self, client: &'static Client, choice: DriftChoice) -> Result<Plan, Error> {
        let state = self.store.load()?;
        let record = state.clients.get(client.id).ok_or(Error::NotSetUp { client: client.name })?;
        Plan::undo(client, &self.environment, record, choice, &self.store)
    }

    /// The clients that were set up by this program, each with its connection.
    ///
    /// # Errors
    /// The record of former set-ups cannot be read.
    pub fn set_up_clients(&self) -> Result<Vec<(&'static Client, Connection)>, Error> {
        let state = self.store.load()?;
        let known = |(id, record): (&String, &SetupRecord)| Some((clients::find(id)?, record.connection()));
        Ok(state.clients.iter().filter_map(known).collect())
    }

    /// Undoes every set-up. Each client has its own result, because one failure must not prevent the others.
    ///
    /// # Errors
    /// The record of former set-ups cannot be read.
    pub fn undo_all(&self, choice: DriftChoice) -> Result<Vec<ClientResult>, Error> {
        let undo = |client| self.plan_undo(client, choice).and_then(|plan| self.apply(plan));
        Ok(self.set_up_clients()?.into_iter().map(|(client, _)| (client, undo(client))).collect())
    }

    /// Plans the change of `client`'s set-up to a new port or key. Values that were changed by hand since are
    /// kept.
    ///
    /// # Errors
    /// [`Error::NotSetUp`], or as for [`plan`](Self::plan).
    pub fn plan_repair(&self, client: &'static Client, connection: &Connection) -> Result<Plan, Error> {
        let state = self.store.load()?;
        let record = state.clients.get(client.id).ok_or(Error::NotSetUp { client: client.name })?;
        let environment = self.environment.clone().with(record.locations.clone(), None);
        Plan::set_up(client, &environment, connection, Some(record), Scope::WhatIsNew)
    }

    /// Changes every set-up to a new port or key. `connection` returns the connection of each client, or
    /// `None` to skip it.
    ///
    /// # Errors
    /// The record of former set-ups cannot be read.
    pub fn repair(
        &self,
        mut connection: impl FnMut(&'static Client) -> Option<Connection>,
    ) -> Result<Vec<ClientResult>, Error> {
        let repair =
            |client, connection| self.plan_repair(client, &connection).and_then(|plan| self.apply(plan));
        let set_up = self.set_up_clients()?.into_iter();
        Ok(set_up
            .filter_map(|(client, _)| {
                connection(client).map(|connection| (client, repair(client, connection)))
            })
            .collect())
    }

    /// The launch of `client` for the proxy, without writing a file. `arguments` are the user's own.
    ///
    /// # Errors
    /// As for [`Launch::of`].
    pub fn launch(
        &self,
        client: &'static Client,
        connection: &Connection,
        arguments: &[String],
    ) -> Result<Launch, Error> {
        Launch::of(client, connection, arguments)
    }

    /// Writes the plan: backups first, then the files, all or none.
    ///
    /// # Errors
    /// A file has changed since the plan, or cannot be written. Files that were already written are restored.
    pub fn apply(&self, plan: Plan) -> Result<(), Error> {
        let mut state = self.store.load()?;
        let before = state.clients.get(plan.client.id).cloned();
        if let Some(mut record) = plan.record.clone() {
            for (file, record) in plan.files.iter().zip(&mut record.files) {
                self.back_up(plan.client.id, file, &mut record.original)?;
            }
            state.clients.insert(plan.client.id.to_owned(), record);
            self.store.save(&state)?;
        } else {
            for file in &plan.files {
                self.back_up(plan.client.id, file, &mut None)?;
            }
        }
        if let Err(error) = write_all(&plan.files) {
            self.restore_record(state, plan.client.id, before)?;
            return Err(error);
        }
        if plan.record.is_none() {
            state.clients.remove(plan.client.id);
            self.store.save(&state)?;
        }
        Ok(())
    }

    fn back_up(&self, client: &str, file: &FilePlan, original: &mut Option<String>) -> Result<(), Error> {
        let (Some(bytes), false) = (&file.snapshot.bytes, matches!(file.outcome, Outcome::Nothing)) else {
            return Ok(());
        };
        let name = self.store.back_up(client, &file.snapshot.path, bytes, original.as_deref())?;
        original.get_or_insert(name);
        Ok(())
    }

    fn restore_record(
        &self,
        mut state: StateFile,
        client: &str,
        before: Option<SetupRecord>,
    ) -> Result<(), Error> {
        match before {
            Some(record) => state.clients.insert(client.to_owned(), record),
            None => state.clients.remove(client),
        };
        self.store.save(&state)
    }
}

fn write_all(files: &[FilePlan]) -> Result<(), Error> {
    for (index, plan) in files.iter().enumerate() {
        if let Err(error) = write(plan) {
            for written in files[..index].iter().rev() {
                put_back(written);
            }
            return Err(error);
        }
    }
    Ok(())
}

fn write(plan: &FilePlan) -> Result<(), Error> {
    match &plan.outcome {
        Outcome::Nothing => Ok(()),
        Outcome::Delete => {
            file::remove(&plan.snapshot)?;
            file::remove_folders(&plan.folders);
            Ok(())
        }
        Outcome::Write { bytes, mode } => {
            let created = file::create_folders(&plan.snapshot.target)?;
            file::replace(&plan.snapshot, bytes, *mode).inspect_err(|_| file::remove_folders(&created))
        }
    }
}

/// Restores a file that a plan has written, unless another program has written it since.
fn put_back(plan: &FilePlan) {
    let Ok(now) = file::FileSnapshot::read(&plan.snapshot.path) else { return };
    let written = match &plan.outcome {
        Outcome::Nothing => return,
        Outcome::Delete => None,
        Outcome::Write { bytes, .. } => Some(bytes),
    };
    if now.bytes.as_ref() != written {
        return;
    }
    let _ = match &plan.snapshot.bytes {
        Some(bytes) => {
            file::create_folders(&now.target).and_then(|_| file::replace(&now, bytes, plan.snapshot.mode()))
        }
        None => file::remove(&now).inspect(|()| file::remove_folders(&plan.folders)),
    };
}
