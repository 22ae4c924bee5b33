//! Commands `port.…`: moves the proxy to another port without interrupting replies.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Control, ControlError, ErrorCode, NoArgs};
use crate::server::{dial_addr, next_free_port};

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(super) struct SwitchPortArgs {
    port: u16,
}

/// The address on which the proxy is reached now.
#[derive(Debug, Clone, Serialize, Deserialize, ts_rs::TS)]
pub(super) struct PortChanged {
    pub(super) address: String,
}

/// A port that is free.
#[derive(Debug, Clone, Serialize, Deserialize, ts_rs::TS)]
pub(super) struct FreePort {
    port: u16,
}

/// The most ports that are tried before the system chooses one.
const MAX_PORTS_TRIED: u16 = 50;

/// The next free port above the one in use. Another program may take it before the switch.
pub(super) async fn free(control: &Control, _: NoArgs) -> Result<FreePort, ControlError> {
    let current = control.server().map_or_else(|_| control.config.listen(), |server| server.addr());
    let next = next_free_port(current, MAX_PORTS_TRIED);
    let any = || std::net::TcpListener::bind((current.ip(), 0)).and_then(|listener| listener.local_addr());
    match next.map_or_else(|| any().map(|addr| addr.port()), Ok) {
        Ok(port) => Ok(FreePort { port }),
        Err(error) => Err(ControlError::new(ErrorCode::PortTaken, error.to_string())),
    }
}

pub(super) async fn switch(control: &Control, args: SwitchPortArgs) -> Result<PortChanged, ControlError> {
    switch_to(control, args.port).await
}

pub(super) async fn switch_to(control: &Control, port: u16) -> Result<PortChanged, ControlError> {
    let server = control.server()?;
    let to = SocketAddr::new(server.addr().ip(), port);
    let save_port = |bound: SocketAddr| control.save(|settings| settings.set_port(bound.port()));
    if to == server.addr() {
        // The port stays the same, but the user may have started with a flag and now wants the port to be saved.
        save_port(to)?;
    }
    // The command line looks the address up while this command is being answered, so it is published first.
    let save = |bound: SocketAddr| {
        let old = server.addr();
        control.announce(bound)?;
        save_port(bound).map_err(|error| {
            // The port stays. An error of restoring the published address matters less than the first error.
            let _ = control.announce(old);
            error.message
        })
    };
    let bound = server
        .switch(to, save)
        .await
        .map_err(|error| ControlError::new(ErrorCode::PortTaken, error.to_string()))?;
    control.notify_changed();
    Ok(PortChanged { address: dial_addr(bound).to_string() })
}
