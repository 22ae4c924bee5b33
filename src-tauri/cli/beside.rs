//! What `mammouth-proxy-desktop` does around its window: it takes the arguments of `serve` and serves in the same way.

use std::fmt::Display;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::args::{DesktopArgs, Place};
use super::serve::{Serving, flags};
use super::{Stop, client, exit, finish, out, parse, serve as serving};
use crate::config::{Flags, SECRET_VARIABLES};
use crate::control::Control;

/// How long a first instance may take until its window can be shown to a second one's user.
const FIRST_STARTS: Duration = Duration::from_secs(5);

/// The running proxy, as a window beside it sees it.
pub struct Beside {
    /// What the user can ask of it.
    pub control: Control,
    /// Its folder.
    pub data_dir: PathBuf,
    /// Whether to begin without a window.
    pub hidden: bool,
    /// Whether another port than the usual one had to be taken.
    pub moved: bool,
    /// Where the proxy runs.
    pub runtime: Handle,
    /// Ends when a signal asks the program to end.
    pub told_to_end: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Serves while `show` has this thread, and drains when it returns. `forget` is to take the variables of these names out of
/// the environment; `able` is asked before anything starts; where the port is taken, `move_to` whether a free one will do
/// this time.
pub fn serve_beside<E: Display>(
    forget: impl FnOnce(&[&str]),
    able: impl FnOnce() -> Result<(), E>,
    move_to: impl FnOnce(&str, u16) -> bool,
    show: impl FnOnce(Beside) -> Result<(), E>,
) -> ExitCode {
    crate::secrets::keep_out_of_crashes();
    serving::environment();
    forget(&SECRET_VARIABLES);
    match parse::<DesktopArgs>() {
        Ok(args) => finish(serve(args, able, move_to, show)),
        Err(code) => code,
    }
}

fn serve<E: Display>(
    args: DesktopArgs,
    able: impl FnOnce() -> Result<(), E>,
    move_to: impl FnOnce(&str, u16) -> bool,
    show: impl FnOnce(Beside) -> Result<(), E>,
) -> Result<(), Stop> {
    let failed = |error: E| Stop::failed(error.to_string());
    let place = args.place.clone();
    let flags = flags(args.place, args.serve);
    let mut moved = false;
    let (serving, mut signals) = match Serving::start(flags.clone(), false) {
        Err(stop) if stop.code == exit::ALREADY_RUNNING => return bring_up(&place, stop),
        Err(stop) if stop.code == exit::PORT_TAKEN => {
            let free = serving::free_port_near(&flags)?;
            // At login nobody waits for a question.
            moved = args.hidden || move_to(&stop.message, free);
            if !moved {
                return Err(stop);
            }
            Serving::start(Flags { port: Some(free.to_string()), ..flags }, false)?
        }
        started => started?,
    };
    let shown = able().and_then(|()| {
        show(Beside {
            control: serving.control().clone(),
            data_dir: serving.data_dir.clone(),
            hidden: args.hidden,
            moved,
            runtime: serving.runtime.handle().clone(),
            told_to_end: Box::pin(async move { signals.next().await }),
        })
    });
    serving.stop()?;
    shown.map_err(failed)
}

/// Shows the window of the instance that runs already; `otherwise` where it has none, as the headless program.
fn bring_up(place: &Place, otherwise: Stop) -> Result<(), Stop> {
    let (config, _) = serving::read(place)?;
    client::block_on(async {
        let mut look = tokio::time::interval(FIRST_STARTS / 50);
        for _ in 0..50 {
            look.tick().await;
            // Only what is known to run is asked, and the first may not have come so far yet.
            if let Ok(Some(first)) = client::connect(&config.data_dir)
                && first.ask::<Value>("window.open", json!({})).await.is_ok()
            {
                out::note("it runs already: its window is shown");
                return Ok(());
            }
        }
        Err(otherwise)
    })
}
