//! `mammouth-proxy-desktop`: the desktop application.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

use std::io::Write;
use std::process::ExitCode;

use mammouth_proxy::desktop::{self, Status};

fn main() -> ExitCode {
    match desktop::run(Status::default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell if stderr is closed too.
            let _ = writeln!(std::io::stderr(), "mammouth-proxy-desktop: {error}");
            ExitCode::FAILURE
        }
    }
}
