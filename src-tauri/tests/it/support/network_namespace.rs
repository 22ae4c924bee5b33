//! A network, mounts and processes of a test's own: the test runs itself again inside them.
//!
//! Nothing of the machine's is changed or reached, and whatever was started ends with the test. It takes the right to
//! make namespaces. Where the tests do not have it, they say so and end.

use std::io::Write;
use std::process::Stdio;

use tokio::process::Command;

/// Set for the test that runs inside.
const INSIDE_VARIABLE: &str = "MAMMOUTH_TEST_IN_OWN_NETWORK";
const UNSHARE_FLAGS: [&str; 6] = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// `true` inside the test's own network, where only loopback is. `false` outside, when `test` has passed inside or
/// cannot run on this machine; `test` is the caller's path, without the crate.
pub async fn in_network_namespace(test: &str) -> bool {
    if std::env::var_os(INSIDE_VARIABLE).is_some() {
        return true;
    }
    let Some(unshare) = unshare().await else {
        let _ = writeln!(
            std::io::stderr(),
            "not shown here: this machine gives tests no network of their own ({test})"
        );
        return false;
    };
    let mut command = Command::new("unshare");
    command.args(unshare).args(["sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]);
    command.arg(std::env::current_exe().expect("a path")).args(["--exact", test, "--nocapture"]);
    let ended = command.env(INSIDE_VARIABLE, "1").kill_on_drop(true).output().await.expect("unshare runs");
    let said = [ended.stdout, ended.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(ended.status.success() && said.contains("1 passed"), "{test}, inside: {said}");
    false
}

/// The arguments with which this user may have namespaces.
async fn unshare() -> Option<Vec<&'static str>> {
    for root in [&[][..], &["--map-root-user"]] {
        let arguments = [root, &UNSHARE_FLAGS].concat();
        let mut tried = Command::new("unshare");
        tried.args(&arguments).args(["ip", "link", "set", "lo", "up"]);
        tried.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if tried.status().await.is_ok_and(|status| status.success()) {
            return Some(arguments);
        }
    }
    None
}

/// Runs a command of the system that has to succeed.
pub async fn run_shell(command: &str) {
    let ended = Command::new("sh").args(["-c", command]).output().await.expect("a shell");
    assert!(ended.status.success(), "{command}: {}", String::from_utf8_lossy(&ended.stderr));
}
