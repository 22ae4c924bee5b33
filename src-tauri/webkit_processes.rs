//! Cleanup of WebKit's helper processes after the last window is closed.
//!
//! WebKitGTK keeps its network process for good, 60 MB without use. Tauri keeps the process on purpose, to
//! reuse it. Ending it is safe: WebKit starts another one with the next page.

#[cfg(target_os = "linux")]
use tauri::Manager;

use super::context::DesktopContext;

/// Interval between checks for leftover WebKit processes.
#[cfg(target_os = "linux")]
const HELPER_CHECK_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);

/// Removes variables from the environment of this program, as WebKit's processes, which show pages of other sites,
/// would inherit them. Call it before any other thread exists.
pub fn unset_variables(variables: &[&str]) {
    #[cfg(target_os = "linux")]
    variables.iter().for_each(gtk::glib::unsetenv);
    #[cfg(not(target_os = "linux"))]
    let _ = variables;
}

/// Ends the network processes of this program if no window is open or being built. Checks again until no WebKit process
/// is left. Call it on the main thread, which is the one that starts them.
#[cfg(target_os = "linux")]
pub(super) fn end_webkit_helpers(context: &DesktopContext) {
    use rustix::process::{Signal, kill_process};
    let Ok(_guard) = context.window_lock().try_lock() else { return schedule_next_check(context.clone()) };
    if !context.app().webview_windows().is_empty() {
        return;
    }
    // A page's process ends by itself soon after its window. While it runs, it may request another network process in
    // place of an ended one.
    if child_processes(std::process::id(), "WebKitWebProces").is_empty() {
        let helpers = child_processes(std::process::id(), "WebKitNetworkPr");
        if helpers.is_empty() {
            return;
        }
        for helper in helpers.into_iter().filter(|helper| has_reported(*helper)) {
            // The process may have ended by itself in the meantime.
            let _ = kill_process(helper, Signal::TERM);
        }
    }
    schedule_next_check(context.clone());
}

/// Does nothing: on other systems the web view ends its processes itself.
#[cfg(not(target_os = "linux"))]
pub(super) fn end_webkit_helpers(_: &DesktopContext) {}

#[cfg(target_os = "linux")]
fn schedule_next_check(context: DesktopContext) {
    context.clone().spawn(async move {
        tokio::time::sleep(HELPER_CHECK_INTERVAL).await;
        let app = context.app().clone();
        // If the program ends in the meantime, its helpers end with it.
        let _ = app.run_on_main_thread(move || end_webkit_helpers(&context));
    });
}

/// Whether a helper has reported its process id to WebKit. If one ends before, WebKit aborts the whole program. The
/// helper starts a thread of this name for messages only after the report.
#[cfg(target_os = "linux")]
fn has_reported(helper: rustix::process::Pid) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{}/task", helper.as_raw_nonzero())) else {
        return false;
    };
    let name = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("comm"));
    threads.flatten().any(|thread| name(thread).is_ok_and(|name| name.trim_end() == "ReceiveQueue"))
}

/// The children of a process by their name, which the kernel truncates to 15 bytes.
#[cfg(target_os = "linux")]
fn child_processes(parent: u32, name: &str) -> Vec<rustix::process::Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let numbered = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_ours = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        name_and_parent(&stat) == Some((name, parent))
    };
    numbered.filter(is_ours).filter_map(rustix::process::Pid::from_raw).collect()
}

/// The name and the parent process id from a line such as `12 (a name) S 1 …`. The name may contain anything, including
/// brackets.
#[cfg(target_os = "linux")]
fn name_and_parent(stat: &str) -> Option<(&str, u32)> {
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    Some((name, after.split_whitespace().nth(1)?.parse().ok()?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn name_and_parent_are_read_whatever_the_name() {
        assert_eq!(name_and_parent("12 (WebKitNetworkPr) S 7 12 0"), Some(("WebKitNetworkPr", 7)));
        assert_eq!(name_and_parent("12 (a) b (c)) R 8 1"), Some(("a) b (c)", 8)));
        assert_eq!(name_and_parent(""), None);
    }

    #[test]
    fn only_children_of_that_name_are_found() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let id = i32::try_from(child.id()).unwrap();
        // The child has this program's name until it has executed the other one.
        while !child_processes(std::process::id(), "sleep").iter().any(|pid| pid.as_raw_nonzero().get() == id)
        {
            std::thread::yield_now();
        }
        assert!(child_processes(1, "sleep").iter().all(|pid| pid.as_raw_nonzero().get() != id));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
