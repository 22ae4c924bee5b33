//! `mammouth-proxy-desktop`: the desktop application, the proxy in the tray.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

use mammouth_proxy::{cli, desktop};

fn main() -> std::process::ExitCode {
    let show = |proxy| {
        let cli::Beside { control, data_dir, hidden, moved, runtime, told_to_end } = proxy;
        desktop::run(desktop::Beside { control, data_dir, hidden, moved, runtime }, told_to_end)
    };
    cli::serve_beside(desktop::keep_from_helpers, desktop::check_display, desktop::ask_for_another_port, show)
}
