//! What `mammouth-proxy-desktop` does around its window: it takes the arguments of `serve` and serves in the same way.

use std::fmt::Display;
use std::pin::Pin;
use std::process::ExitCode;

use tokio::runtime::Handle;

use super::args::DesktopArgs;
use super::serve::{Serving, flags};
use super::{Stop, finish, parse};

/// The running proxy, as a window beside it sees it.
pub struct Beside {
    /// What clients are given, such as `http://127.0.0.1:3000/v1`.
    pub base_url: String,
    /// Whether the simulator answers instead of Mammouth.
    pub demo: bool,
    /// Where the proxy runs.
    pub runtime: Handle,
    /// Ends when a signal asks the program to end.
    pub told_to_end: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Serves while `show` has this thread, and drains when it returns. `able` is asked before anything starts.
pub fn serve_beside<E: Display>(
    able: impl FnOnce() -> Result<(), E>,
    show: impl FnOnce(Beside) -> Result<(), E>,
) -> ExitCode {
    crate::secrets::keep_out_of_crashes();
    match parse::<DesktopArgs>() {
        Ok(args) => finish(serve(args, able, show)),
        Err(code) => code,
    }
}

fn serve<E: Display>(
    args: DesktopArgs,
    able: impl FnOnce() -> Result<(), E>,
    show: impl FnOnce(Beside) -> Result<(), E>,
) -> Result<(), Stop> {
    let failed = |error: E| Stop::failed(error.to_string());
    able().map_err(failed)?;
    let (serving, mut signals) = Serving::start(flags(args.place, args.serve), false)?;
    let shown = show(Beside {
        base_url: serving.base_url(),
        demo: serving.demo,
        runtime: serving.runtime.handle().clone(),
        told_to_end: Box::pin(async move { signals.next().await }),
    });
    serving.stop()?;
    shown.map_err(failed)
}
