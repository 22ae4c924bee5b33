//! `port.switch`: another port without losing a running answer.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Control, ControlError, ErrorCode};

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(super) struct Args {
    port: u16,
}

/// Where the proxy listens now.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(super) struct Switched {
    pub(super) address: String,
}

pub(super) async fn switch(control: &Control, args: Args) -> Result<Switched, ControlError> {
    let server = control.server()?;
    let to = SocketAddr::new(server.addr().ip(), args.port);
    let remember = |bound: SocketAddr| control.save(|settings| settings.set_port(bound.port()));
    if to == server.addr() {
        // No move, but the user may have started with a flag and now wants the port to stay.
        remember(to)?;
    }
    // The command line looks for the address while this very command is answered, so it must stand there before.
    let save = |bound: SocketAddr| {
        let old = server.addr();
        control.announce(bound)?;
        remember(bound).map_err(|error| {
            // The port stays. That the address cannot be written back is the smaller trouble of the two.
            let _ = control.announce(old);
            error.message
        })
    };
    let bound = server
        .switch(to, save)
        .await
        .map_err(|error| ControlError::new(ErrorCode::PortTaken, error.to_string()))?;
    Ok(Switched { address: bound.to_string() })
}
