//! Tests of the proxy as a service: notifications to the service manager, credentials from it, and the units.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use tokio::net::UnixDatagram;

use crate::support::{KEY, Options, Program, cli_with, question, simulator, stderr_text, stdout_text};

/// Notification socket of a service manager.
struct ManagerSocket(UnixDatagram);

impl ManagerSocket {
    fn bind(path: &Path) -> Self {
        Self(UnixDatagram::bind(path).unwrap())
    }

    /// Waits for a message that contains this line; other messages are skipped.
    async fn wait_for(&self, line: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let length = self.0.recv(&mut buffer).await.unwrap();
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.lines().any(|found| found == line) {
                return message;
            }
        }
    }
}

#[tokio::test]
async fn a_service_manager_is_told_of_start_life_and_end() {
    let simulator = simulator(&["alice"]).await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify.socket");
    let manager = ManagerSocket::bind(&path);
    let options =
        Options::default().env("NOTIFY_SOCKET", path.display().to_string()).env("WATCHDOG_USEC", "200000");
    let program = Program::start_in(dir, Some(&simulator), options).await;
    let ready = manager.wait_for("READY=1").await;
    assert!(ready.contains(&format!("STATUS=Serving on 127.0.0.1:{}", program.port)), "{ready}");
    // More than the one that follows the start.
    manager.wait_for("WATCHDOG=1").await;
    manager.wait_for("WATCHDOG=1").await;
    program.signal("TERM").await;
    manager.wait_for("STOPPING=1").await;
    assert_eq!(program.wait_for_exit().await.0, Some(0));
}

#[tokio::test]
async fn secrets_come_from_the_credentials_of_a_service() {
    let simulator = simulator(&["alice"]).await;
    let (dir, credentials) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |name: &str, text: &str| std::fs::write(credentials.path().join(name), text).unwrap();
    write("mammouth-proxy.cookies", &simulator.cookies()[0].1);
    write("mammouth-proxy.auth-token", KEY);
    let options = Options::default()
        .without_defaults()
        .env("PORT", "0")
        .env("MAMMOUTH_WEB_URL", simulator.base_url())
        .env("CREDENTIALS_DIRECTORY", credentials.path().display().to_string());
    let program = Program::start_in(dir, None, options).await;
    assert_eq!(program.chat(&question("hi")).await.status, 200);
    program.stop().await;
}

/// Creates a `systemctl` that records its calls. Returns a `PATH` with its folder.
fn fake_manager(dir: &Path) -> String {
    let folder = dir.join("bin");
    std::fs::create_dir(&folder).unwrap();
    let script = format!("#!/bin/sh\necho \"$@\" >>'{}'\n", dir.join("calls").display());
    std::fs::write(folder.join("systemctl"), script).unwrap();
    std::fs::set_permissions(folder.join("systemctl"), std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", folder.display())
}

async fn service(dir: &Path, path: &str, args: &[&str]) -> Output {
    let args = [&["service"], args].concat();
    cli_with(dir, &[("PATH", path)], &args, "").await
}

fn calls(dir: &Path) -> Vec<String> {
    let path = dir.join("calls");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let _ = std::fs::remove_file(path);
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_user_service_is_installed_shown_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let path = fake_manager(dir.path());
    let unit = dir.path().join(".config/systemd/user/mammouth-proxy.service");

    let planned = service(dir.path(), &path, &["install", "--dry-run"]).await;
    assert!(planned.status.success() && !unit.exists() && calls(dir.path()).is_empty());
    assert!(stderr_text(&planned).contains("would run: systemctl --user enable mammouth-proxy.service"));

    let installed = service(dir.path(), &path, &["install"]).await;
    assert!(installed.status.success(), "{}", stderr_text(&installed));
    assert!(stderr_text(&installed).contains("loginctl enable-linger"));
    let text = std::fs::read_to_string(&unit).unwrap();
    assert_eq!(text, stdout_text(&planned).as_str());
    let program = env!("CARGO_BIN_EXE_mammouth-proxy");
    let started = format!("ExecStart={program} serve --data-dir {}\n", dir.path().display());
    assert!(text.contains(&started), "{text}");
    let expected = ["daemon-reload", "enable mammouth-proxy.service", "restart mammouth-proxy.service"];
    assert_eq!(calls(dir.path()), expected.map(|call| format!("--user {call}")));

    let shown = service(dir.path(), &path, &["status"]).await;
    assert!(shown.status.success(), "{}", stderr_text(&shown));
    assert_eq!(calls(dir.path()), ["--user status --no-pager --lines=0 mammouth-proxy.service"]);

    let removed = service(dir.path(), &path, &["remove"]).await;
    assert!(removed.status.success(), "{}", stderr_text(&removed));
    assert!(!unit.exists());
    assert_eq!(calls(dir.path()), ["--user disable --now mammouth-proxy.service", "--user daemon-reload"]);
    let again = service(dir.path(), &path, &["remove"]).await;
    assert!(again.status.success() && stdout_text(&again).contains("no service is installed"));
    assert_eq!(service(dir.path(), &path, &["status"]).await.status.code(), Some(1));
}

#[tokio::test]
async fn a_missing_service_manager_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let output = service(dir.path(), "/nowhere", &["install"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr_text(&output).contains("systemctl cannot be started"), "{}", stderr_text(&output));
    assert!(!dir.path().join(".config/systemd/user/mammouth-proxy.service").exists());
}

#[tokio::test]
async fn the_systems_service_takes_no_options() {
    let dir = tempfile::tempdir().unwrap();
    let output = service(dir.path(), "/nowhere", &["install", "--system"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr_text(&output).contains("/var/lib/mammouth-proxy"), "{}", stderr_text(&output));
}
