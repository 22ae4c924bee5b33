//! `mammouth-proxy-desktop`: the desktop application, the proxy in the tray.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

use mammouth_proxy::app::StartFailure;
use mammouth_proxy::{cli, desktop};

struct Desktop;

impl cli::DesktopHooks for Desktop {
    type Error = desktop::Error;

    fn forget_variables(&self, names: &[&str]) {
        desktop::keep_from_helpers(names);
        desktop::draw_plainly();
    }

    fn check_display(&self) -> Result<(), desktop::Error> {
        desktop::check_display()
    }

    fn ask_for_another_port(&self, why: &str, free: u16) -> bool {
        desktop::ask_for_another_port(why, free)
    }

    fn run(&self, proxy: cli::Beside) -> Result<(), desktop::Error> {
        let cli::Beside { control, data_dir, hidden, moved, runtime, told_to_end } = proxy;
        desktop::run(desktop::Beside { control, data_dir, hidden, moved, runtime }, told_to_end)
    }

    fn show_start_failure(&self, failure: &StartFailure) {
        desktop::show_start_failure(failure);
    }
}

fn main() -> std::process::ExitCode {
    cli::serve_beside(&Desktop)
}
