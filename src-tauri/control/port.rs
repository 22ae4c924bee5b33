//! `port.switch`: another port without losing a running answer.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Control, ControlError, ErrorCode};

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    port: u16,
}

/// Where the proxy listens now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Switched {
    pub(super) address: String,
}

pub(super) async fn switch(control: &Control, args: Args) -> Result<Switched, ControlError> {
    let server = control.server()?;
    let to = SocketAddr::new(server.addr().ip(), args.port);
    let save = |bound: SocketAddr| {
        control.save(|settings| settings.set_port(bound.port())).map_err(|error| error.message)
    };
    let bound = server
        .switch(to, save)
        .await
        .map_err(|error| ControlError::new(ErrorCode::PortTaken, error.to_string()))?;
    Ok(Switched { address: bound.to_string() })
}
