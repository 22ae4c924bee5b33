//! A session bus with a GNOME Keyring for one test, without a display, without the user's home or keyring,
//! and without services that the bus could start.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use secret_service::{EncryptionType, SecretService};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, MessageStream, message};

use super::{Options, wait_until};

const BUS_NAME: &str = "org.freedesktop.secrets";
const SERVICE_PATH: &str = "/org/freedesktop/secrets";
const LOGIN_COLLECTION: &str = "/org/freedesktop/secrets/collection/login";
const KEYRING_PASSWORD: &[u8] = b"test";

/// Configuration of the bus, without service files: a prompter or a second keyring that the bus starts would
/// outlive the test.
const BUS_CONFIG: &str = r#"<busconfig><type>session</type><listen>unix:path=PATH</listen><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#;

/// A bus and a keyring. [`KeyringSession::end`] ends both; a failing test kills them by dropping this value.
pub struct KeyringSession {
    dir: TempDir,
    bus: Child,
    keyring: Option<Child>,
    connection: Connection,
}

impl KeyringSession {
    /// Starts a session with an unlocked keyring.
    pub async fn start() -> Self {
        let mut session = Self::without_keyring().await;
        session.start_keyring().await;
        session
    }

    /// Starts a bus without a secret service.
    pub async fn without_keyring() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = BUS_CONFIG.replace("PATH", &dir.path().join("bus").display().to_string());
        std::fs::write(dir.path().join("bus.conf"), config).unwrap();
        let mut command = clean("dbus-daemon", dir.path());
        command.arg(format!("--config-file={}", dir.path().join("bus.conf").display()));
        command.args(["--nofork", "--nopidfile", "--print-address"]).stdout(Stdio::piped());
        let mut bus = spawn(command, "dbus");
        let mut address = BufReader::new(bus.stdout.take().unwrap()).lines();
        let address = address.next_line().await.unwrap().expect("the bus says where it is");
        let connection = connect(&address).await;
        Self { dir, bus, keyring: None, connection }
    }

    /// Starts the keyring and waits until it is unlocked.
    pub async fn start_keyring(&mut self) {
        let mut command = clean("gnome-keyring-daemon", self.dir.path());
        command.args(["--foreground", "--components=secrets", "--unlock"]);
        command.arg(format!("--control-directory={}", self.dir.path().join("control").display()));
        command.env("DBUS_SESSION_BUS_ADDRESS", self.address()).env("XDG_RUNTIME_DIR", self.dir.path());
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut keyring = spawn(command, "gnome-keyring");
        let bus = zbus::fdo::DBusProxy::new(&self.connection).await.unwrap();
        let mut owned = bus.receive_name_owner_changed_with_args(&[(0, BUS_NAME)]).await.unwrap();
        let mut stdin = keyring.stdin.take().unwrap();
        stdin.write_all(KEYRING_PASSWORD).await.unwrap();
        drop(stdin);
        while !bus.name_has_owner(BUS_NAME.try_into().unwrap()).await.unwrap() {
            owned.next().await.expect("the bus lives");
        }
        self.keyring = Some(keyring);
        wait_until("an unlocked keyring", async || self.is_locked().await == Some(false)).await;
    }

    /// Options of a program that uses this keyring.
    pub fn options(&self) -> Options {
        Options::default().env("DBUS_SESSION_BUS_ADDRESS", self.address())
    }

    /// Locks the keyring, as `gdbus call … org.freedesktop.Secret.Service.Lock` does.
    pub async fn lock(&self) {
        self.call("org.freedesktop.Secret.Service", "Lock", &(vec![login()],)).await;
        assert_eq!(self.is_locked().await, Some(true));
    }

    /// Unlocks the keyring with the password, as a password dialog does.
    pub async fn unlock(&self) {
        let opened =
            self.call("org.freedesktop.Secret.Service", "OpenSession", &("plain", Value::from(""))).await;
        let (_, session): (OwnedValue, OwnedObjectPath) = opened.body().deserialize().unwrap();
        let password = (session, Vec::<u8>::new(), KEYRING_PASSWORD.to_vec(), "text/plain");
        let interface = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface";
        self.call(interface, "UnlockWithMasterPassword", &(login(), password)).await;
        assert_eq!(self.is_locked().await, Some(false));
    }

    /// Sends the keyring a signal by its name, such as `STOP`.
    pub async fn signal(&self, name: &str) {
        let pid = self.keyring.as_ref().and_then(Child::id).expect("the keyring runs");
        let sent = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().await;
        assert!(sent.unwrap().success());
    }

    /// Kills the keyring as a crash would; its stored entries remain.
    pub async fn kill_keyring(&mut self) {
        self.keyring.take().expect("the keyring runs").kill().await.unwrap();
    }

    /// The program's entries with their values.
    pub async fn entries(&self) -> HashMap<String, Vec<u8>> {
        let service = self.service().await;
        let found = service.search_items(HashMap::from([("service", "mammouth-proxy")])).await.unwrap();
        let mut entries = HashMap::new();
        for item in &found.unlocked {
            let name = item.get_attributes().await.unwrap().remove("username").unwrap();
            entries.insert(name, item.get_secret().await.unwrap());
        }
        entries
    }

    /// Overwrites an entry.
    pub async fn overwrite(&self, name: &str, content: &[u8]) {
        let service = self.service().await;
        let found = service.search_items(HashMap::from([("username", name)])).await.unwrap();
        found.unlocked[0].set_secret(content, "text/plain").await.unwrap();
    }

    /// Adds a second entry of the same name.
    pub async fn duplicate(&self, name: &str, content: &[u8]) {
        let service = self.service().await;
        let collection = service.get_default_collection().await.unwrap();
        let attributes = HashMap::from([("service", "mammouth-proxy"), ("username", name)]);
        collection.create_item("again", attributes, content, false, "text/plain").await.unwrap();
    }

    /// Deletes an entry.
    pub async fn delete(&self, name: &str) {
        let service = self.service().await;
        let found = service.search_items(HashMap::from([("username", name)])).await.unwrap();
        found.unlocked[0].delete().await.unwrap();
    }

    /// Records all calls on the bus from now on.
    pub async fn record_calls(&self) -> RecordedCalls {
        let connection = connect(&self.address()).await;
        let monitor = zbus::fdo::MonitoringProxy::new(&connection).await.unwrap();
        let messages = MessageStream::from(&connection);
        monitor.become_monitor(&[], 0).await.unwrap();
        let seen = Arc::new(Mutex::new(HashMap::new()));
        let counts = Arc::clone(&seen);
        let listening = tokio::spawn(async move {
            let _open = connection;
            let mut messages = std::pin::pin!(messages);
            while let Some(Ok(message)) = messages.next().await {
                let header = message.header();
                if let (message::Type::MethodCall, Some(member)) = (header.message_type(), header.member()) {
                    *counts.lock().unwrap().entry(member.to_string()).or_insert(0) += 1;
                }
            }
        });
        RecordedCalls { seen, listening, marks: Mutex::new(0), connection: self.connection.clone() }
    }

    /// Ends both processes.
    pub async fn end(mut self) {
        if let Some(mut keyring) = self.keyring {
            keyring.kill().await.unwrap();
        }
        self.bus.kill().await.unwrap();
    }

    fn address(&self) -> String {
        format!("unix:path={}", self.dir.path().join("bus").display())
    }

    async fn service(&self) -> SecretService<'_> {
        SecretService::connect_with_existing(EncryptionType::Plain, self.connection.clone()).await.unwrap()
    }

    async fn is_locked(&self) -> Option<bool> {
        self.service().await.get_default_collection().await.ok()?.is_locked().await.ok()
    }

    async fn call<B>(&self, interface: &str, method: &str, body: &B) -> zbus::Message
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let called =
            self.connection.call_method(Some(BUS_NAME), SERVICE_PATH, Some(interface), method, body).await;
        called.unwrap_or_else(|error| panic!("{method}: {error}"))
    }
}

/// Counters of the calls on a bus, by method.
pub struct RecordedCalls {
    seen: Arc<Mutex<HashMap<String, usize>>>,
    listening: tokio::task::JoinHandle<()>,
    marks: Mutex<usize>,
    connection: Connection,
}

impl RecordedCalls {
    /// Number of calls of this method until now. The bus delivers in order: once this call is seen, all
    /// earlier ones are.
    pub async fn count(&self, method: &str) -> usize {
        let mark = {
            let mut marks = self.marks.lock().unwrap();
            *marks += 1;
            *marks
        };
        let bus = zbus::fdo::DBusProxy::new(&self.connection).await.unwrap();
        bus.get_id().await.unwrap();
        let is_seen = || self.seen.lock().unwrap().get("GetId").is_some_and(|seen| *seen >= mark);
        wait_until("our own call", async || is_seen()).await;
        self.seen.lock().unwrap().get(method).copied().unwrap_or(0)
    }
}

impl Drop for RecordedCalls {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

fn login() -> ObjectPath<'static> {
    ObjectPath::try_from(LOGIN_COLLECTION).unwrap()
}

async fn connect(address: &str) -> Connection {
    zbus::connection::Builder::address(address).unwrap().build().await.unwrap()
}

fn clean(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").current_dir(home);
    command.stderr(Stdio::null()).kill_on_drop(true);
    command
}

fn spawn(mut command: Command, package: &str) -> Child {
    command.spawn().unwrap_or_else(|error| {
        let program = command.as_std().get_program().display().to_string();
        panic!("{program} cannot be started ({error}): install the package {package}; script/setup test does")
    })
}
