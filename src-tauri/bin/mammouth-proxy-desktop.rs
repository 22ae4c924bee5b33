//! `mammouth-proxy-desktop`: the desktop application, the proxy with a window.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

use mammouth_proxy::{cli, desktop};

fn main() -> std::process::ExitCode {
    cli::serve_beside(desktop::check_display, |proxy| {
        let status = desktop::Status { base_url: proxy.base_url, demo: proxy.demo };
        desktop::run(&status, &proxy.runtime, proxy.told_to_end)
    })
}
