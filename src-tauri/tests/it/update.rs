//! An update of the real program by itself, from a feed on loopback that is signed with a key of the test.
//!
//! The new version is a script, which runs the same program or fails: what counts is which file is installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use gateway::app::RunningInstance;
use gateway::updates::{self, HELPER_COMMAND, ReleaseSource, Restart, Swap, SwapStep, UpdateError};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use minisign::KeyPair;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::net::TcpListener;
use upstreams::Outbound;
use warp::Filter;

use crate::support::{KEY, stderr_text, wait_until};

const PROGRAM: &str = "mammouth-proxy";
const DESKTOP: &str = "mammouth-proxy-desktop";

/// An installed program with a data directory of its own. Dropping it ends what runs on that.
struct Installation {
    dir: TempDir,
}

impl Installation {
    fn new() -> Self {
        // Beside the program, so that it can be linked: a copy could not be run while another test starts a program.
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let installation = Self { dir };
        for folder in [installation.folder(), installation.data_dir()] {
            std::fs::create_dir(folder).unwrap();
        }
        std::fs::hard_link(env!("CARGO_BIN_EXE_mammouth-proxy"), installation.program()).unwrap();
        installation
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("programs")
    }

    fn program(&self) -> PathBuf {
        self.folder().join(PROGRAM)
    }

    fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn serve_args(&self) -> Vec<String> {
        let data_dir = self.data_dir().display().to_string();
        ["--data-dir", &data_dir, "serve", "--port", "0"].map(str::to_owned).to_vec()
    }

    /// A process in a clean environment, which writes to files of the test.
    fn command(&self, program: &Path) -> Command {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("log.txt"));
        let log = log.unwrap();
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.dir.path()).env("PATH", "/usr/bin:/bin").env("AUTH_TOKEN", KEY);
        command
            .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", self.dir.path().join("no").display()));
        command.env("MAMMOUTH_PROXY_NO_KEYCHAIN", "1").current_dir(self.dir.path());
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        command
    }

    /// A command of the installed program.
    fn cli(&self, args: &[&str]) -> Output {
        let mut command = self.command(&self.program());
        command.arg("--data-dir").arg(self.data_dir()).args(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
    }

    /// The program that serves. The lock is not asked, which would keep one from its start that takes it just then.
    fn running(&self) -> Option<RunningInstance> {
        serde_json::from_slice(&std::fs::read(self.data_dir().join("instance.json")).ok()?).ok()
    }

    fn running_pid(&self) -> Option<u32> {
        self.running().map(|instance| instance.pid)
    }

    /// Waits until another process than `previous` serves, and the helper has finished.
    async fn wait_for_restart(&self, previous: Option<u32>) {
        wait_until("the program serves again", async || {
            let pid = self.running_pid();
            pid.is_some() && pid != previous && !self.data_dir().join("update").exists()
        })
        .await;
        let address = self.running().unwrap().address;
        let asked = reqwest::Client::builder().no_proxy().build().unwrap();
        let asked = asked.get(format!("http://{address}/healthz")).send().await.unwrap();
        assert_eq!(asked.status().as_u16(), 200);
    }

    async fn start(&self) -> u32 {
        let mut child = self.command(&self.program()).args(self.serve_args()).spawn().unwrap();
        std::thread::spawn(move || child.wait());
        wait_until("the program serves", async || self.running_pid().is_some()).await;
        self.running_pid().unwrap()
    }

    /// Does what `updates.install` does: downloads the version, starts the helper, and ends the running program. Returns
    /// the processes of the program and of the helper.
    async fn install(&self, release: &Release) -> (u32, u32) {
        let previous = self.start().await;
        release.prepare(self).await.unwrap();
        let mut helper = self.command(&self.data_dir().join("update/helper"));
        helper.arg(HELPER_COMMAND).arg(self.data_dir()).stdin(Stdio::piped());
        let mut helper = helper.spawn().unwrap();
        let waits_for = helper.stdin.take();
        assert!(self.cli(&["stop"]).status.success());
        drop(waits_for);
        let helper_pid = helper.id();
        std::thread::spawn(move || helper.wait());
        (previous, helper_pid)
    }

    /// Starts the program after an interrupted update: it says so, and ends for a helper that starts it.
    async fn start_again(&self) {
        // One that is killed holds its lock for a moment longer.
        wait_until("the update is found", async || {
            let started = self.command(&self.program()).args(self.serve_args()).status().unwrap();
            assert_eq!(started.code(), Some(1));
            self.log().contains("an update was interrupted")
        })
        .await;
        self.wait_for_restart(None).await;
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log.txt")).unwrap()
    }

    fn installed(&self) -> Vec<u8> {
        std::fs::read(self.program()).unwrap()
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if self.running_pid().is_some() {
            self.cli(&["stop"]);
        }
    }
}

/// A release on loopback.
struct Release {
    source: ReleaseSource,
}

impl Release {
    /// Announces this version with one text for each program, and serves `served` in its place.
    async fn new(version: &str, program: &[u8], served: &[u8]) -> Self {
        let key = KeyPair::generate_unencrypted_keypair().unwrap();
        let sign = |data: &[u8]| minisign::sign(None, &key.sk, data, None, None).unwrap().into_string();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let system = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
        let files = [PROGRAM, DESKTOP].map(|name| {
            serde_json::json!({ "name": name, "system": system, "url": format!("{base}/program"),
                "bytes": program.len(), "sha256": hex::encode(Sha256::digest(program)) })
        });
        let feed = serde_json::json!({ "version": version, "files": files }).to_string();
        let answer = |path: &'static str, body: Vec<u8>| warp::path(path).map(move || body.clone());
        let routes = answer("feed", feed.clone().into_bytes())
            .or(answer("feed.minisig", sign(feed.as_bytes()).into_bytes()))
            .or(answer("program.minisig", sign(program).into_bytes()))
            .or(answer("program", served.to_vec()));
        let service = TowerToHyperService::new(warp::service(routes));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service.clone()));
            }
        });
        Self { source: ReleaseSource::new(&format!("{base}/feed"), &key.pk.to_base64()).unwrap() }
    }

    async fn prepare(&self, installation: &Installation) -> Result<String, UpdateError> {
        let restart = Restart {
            program: installation.program(),
            args: installation.serve_args(),
            working_dir: installation.dir.path().to_owned(),
        };
        updates::prepare(&self.source, &Outbound::default(), &installation.data_dir(), restart).await
    }
}

/// A newer program that runs as the old one does.
fn newer_program() -> Vec<u8> {
    format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_mammouth-proxy")).into_bytes()
}

#[tokio::test]
async fn w11_the_program_replaces_itself_and_serves_as_the_new_version() {
    let installation = Installation::new();
    let newer = newer_program();
    let (previous, _) = installation.install(&Release::new("9.0.0", &newer, &newer).await).await;
    installation.wait_for_restart(Some(previous)).await;
    assert!(installation.installed() == newer);
    assert_eq!(std::fs::read_dir(installation.folder()).unwrap().count(), 1, "nothing is left beside it");
}

#[tokio::test]
async fn w11_a_program_that_crashes_is_replaced_by_the_one_before() {
    let installation = Installation::new();
    let (old, broken) = (installation.installed(), b"#!/bin/sh\nexit 1\n");
    let (previous, _) = installation.install(&Release::new("9.0.0", broken, broken).await).await;
    installation.wait_for_restart(Some(previous)).await;
    assert!(installation.installed() == old);
    let status = installation.cli(&["status"]);
    let said = format!("{}{}", String::from_utf8_lossy(&status.stdout), stderr_text(&status));
    assert!(said.contains("version 9.0.0 was not kept: it ended before it served"), "{said}");
}

#[tokio::test]
async fn w11_a_swap_that_was_interrupted_is_finished_by_the_next_start() {
    let installation = Installation::new();
    std::fs::hard_link(installation.program(), installation.folder().join(DESKTOP)).unwrap();
    let newer = newer_program();
    Release::new("9.0.0", &newer, &newer).await.prepare(&installation).await.unwrap();
    // As a helper leaves it that was killed between the two programs.
    let (data_dir, folder) = (installation.data_dir(), installation.folder());
    std::fs::create_dir(data_dir.join("update/saved")).unwrap();
    for name in [PROGRAM, DESKTOP] {
        std::fs::hard_link(folder.join(name), folder.join(format!("{name}.old"))).unwrap();
    }
    std::fs::rename(folder.join("mammouth-proxy.new"), installation.program()).unwrap();
    let swap = Swap { step: SwapStep::Replacing, ..Swap::load(&data_dir).unwrap() };
    swap.store(&data_dir).unwrap();

    installation.start_again().await;
    assert!(std::fs::read(folder.join(DESKTOP)).unwrap() == newer);
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 2, "nothing is left beside them");
}

#[tokio::test]
async fn w11_a_helper_that_is_killed_while_the_new_version_starts_is_replaced_by_the_next_start() {
    let installation = Installation::new();
    // The first start hangs, and says which process that is.
    let newer = format!(
        "#!/bin/sh\nif mkdir \"$2/first\"; then\n  echo $$ >\"$2/first/new\"\n  mv \"$2/first/new\" \"$2/first/pid\"\n  \
         exec tail -f /dev/null\nfi\n{}",
        String::from_utf8(newer_program()).unwrap()
    );
    let release = Release::new("9.0.0", newer.as_bytes(), newer.as_bytes()).await;
    let (_, helper) = installation.install(&release).await;
    let pid_file = installation.data_dir().join("first/pid");
    wait_until("the new version was started", async || pid_file.exists()).await;
    let pid = std::fs::read_to_string(&pid_file).unwrap();
    let killed = Command::new("kill").args(["-9", &helper.to_string(), pid.trim()]).status();
    assert!(killed.unwrap().success());

    installation.start_again().await;
    assert!(installation.installed() == newer.as_bytes());
}

#[tokio::test]
async fn w11_nothing_is_prepared_but_a_newer_release_as_it_was_announced() {
    let installation = Installation::new();
    let before = installation.installed();
    for version in ["0.0.1", env!("CARGO_PKG_VERSION"), "9.0.0-rc.1"] {
        let refused = Release::new(version, b"new", b"new").await.prepare(&installation).await;
        assert!(matches!(refused, Err(UpdateError::NotNewer)), "{version}: {refused:?}");
    }
    for served in [&b"now"[..], b"ne", b"newer"] {
        let refused = Release::new("9.0.0", b"new", served).await.prepare(&installation).await;
        assert!(refused.is_err(), "{refused:?}");
    }
    assert!(installation.installed() == before);
    assert_eq!(std::fs::read_dir(installation.folder()).unwrap().count(), 1);
    assert!(Swap::load(&installation.data_dir()).is_none());
}
