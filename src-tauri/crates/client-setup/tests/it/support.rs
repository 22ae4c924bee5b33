//! Temporary home folders with a client's files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use mammouth_client_setup::{
    Client, ClientSetup, Connection, DriftChoice, Environment, Error, Model, Plan, System, clients,
};
use secrecy::SecretString;

pub const PORT: u16 = 8787;
pub const KEY: &str = "mp-0123456789abcdefghijklmnop";

pub struct TestHome {
    dir: tempfile::TempDir,
    pub environment: Environment,
}

impl TestHome {
    pub fn new() -> Self {
        Self::on(System::Linux)
    }

    /// A home folder on a system that the client supports.
    pub fn with(id: &str) -> Self {
        Self::on(if id == "raycast" { System::MacOs } else { System::Linux })
    }

    pub fn on(system: System) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        fs::create_dir(&home).unwrap();
        let environment = Environment {
            system,
            home,
            variables: BTreeMap::new(),
            working_dir: None,
            user_id: None,
            now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_870_800),
        };
        Self { dir, environment }
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.environment.home.join(below)
    }

    pub fn write(&self, below: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn setup(&self) -> ClientSetup {
        ClientSetup::new(self.environment.clone(), &self.data_dir())
    }

    pub fn plan(&self, id: &str) -> Result<Plan, Error> {
        self.setup().plan(client(id), &connection())
    }

    pub fn set_up(&self, id: &str) -> Result<(), Error> {
        self.set_up_for(id, &connection())
    }

    pub fn set_up_for(&self, id: &str, connection: &Connection) -> Result<(), Error> {
        let setup = self.setup();
        setup.apply(setup.plan(client(id), connection)?)
    }

    pub fn undo(&self, id: &str) -> Result<(), Error> {
        self.undo_with(id, DriftChoice::Ask)
    }

    pub fn undo_with(&self, id: &str, choice: DriftChoice) -> Result<(), Error> {
        let setup = self.setup();
        setup.apply(setup.plan_undo(client(id), choice)?)
    }

    /// All files and folders below the home folder, with their content.
    pub fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut tree = BTreeMap::new();
        walk(&self.environment.home, &mut tree);
        tree
    }
}

fn walk(dir: &Path, tree: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tree.insert(path.clone(), Vec::new());
            walk(&path, tree);
        } else {
            tree.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
}

pub fn client(id: &str) -> &'static Client {
    clients::find(id).unwrap()
}

pub fn connection() -> Connection {
    connection_at(PORT)
}

pub fn connection_at(port: u16) -> Connection {
    let mut model = Model::named("gpt-6-sol");
    model.images = true;
    let mut connection = Connection::new(port, SecretString::from(KEY), model);
    connection.small_model = Some(Model::named("claude-haiku-5"));
    connection
}
