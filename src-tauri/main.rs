//! `mammouth-proxy-desktop`: the desktop application, which runs the proxy in the tray.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

use gateway::app::StartFailure;
use mammouth_proxy as desktop;

struct Desktop;

impl cli::DesktopHooks for Desktop {
    type Error = desktop::Error;

    fn remove_env_variables(&self, names: &[&str]) {
        desktop::unset_variables(names);
        desktop::disable_opengl();
    }

    fn check_display(&self) -> Result<(), desktop::Error> {
        desktop::check_display()
    }

    fn confirm_other_port(&self, why: &str, free: u16) -> bool {
        desktop::confirm_other_port(why, free)
    }

    fn run(&self, proxy: cli::ProxyHandle) -> Result<(), desktop::Error> {
        desktop::run(proxy)
    }

    #[cfg(target_os = "linux")]
    fn run_window_process(&self) -> Result<(), desktop::Error> {
        desktop::run_window_process()
    }

    fn show_start_failure(&self, failure: &StartFailure) {
        desktop::show_start_failure(failure);
    }
}

fn main() -> std::process::ExitCode {
    cli::run_desktop(&Desktop)
}
