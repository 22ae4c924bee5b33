//! `mammouth-proxy-desktop`: the desktop application, the proxy in the tray.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

use mammouth_proxy::{cli, desktop};

fn main() -> std::process::ExitCode {
    let show = |proxy| {
        let cli::Beside { control, data_dir, hidden, moved, runtime, told_to_end } = proxy;
        desktop::run(desktop::Beside { control, data_dir, hidden, moved, runtime }, told_to_end)
    };
    let forget = |variables: &[&str]| {
        desktop::keep_from_helpers(variables);
        desktop::draw_plainly();
    };
    cli::serve_beside(forget, desktop::check_display, desktop::ask_for_another_port, show)
}
