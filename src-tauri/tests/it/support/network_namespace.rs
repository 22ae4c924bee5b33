//! Network, mount and process namespaces for one test, which runs itself again inside them.
//!
//! The machine's own network is not changed or reached, and all processes end with the test. The permission
//! to create namespaces is needed. Without it, the tests report that and end.

use std::io::Write;
use std::process::Stdio;

use tokio::process::Command;

/// Variable that is set for the test inside the namespaces.
const INSIDE_VARIABLE: &str = "MAMMOUTH_TEST_IN_OWN_NETWORK";
const UNSHARE_FLAGS: [&str; 6] = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// Whether the test runs inside the namespaces, where the network has only loopback. Outside, runs `test`
/// inside and returns `false` after it passed, or if this machine permits no namespaces. `test` is the
/// caller's path, without the crate.
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

/// Arguments by which this user may create namespaces; `None` if there are none.
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

/// Runs a shell command that must succeed.
pub async fn run_shell(command: &str) {
    let ended = Command::new("sh").args(["-c", command]).output().await.expect("a shell");
    assert!(ended.status.success(), "{command}: {}", String::from_utf8_lossy(&ended.stderr));
}
