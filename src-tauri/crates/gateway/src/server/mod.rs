//! Connections: bind, accept, limits, switching the port, and the orderly end.
//!
//! warp's and hyper's own servers have no time limits and no cap on connections, so the loop is ours: every
//! connection has a time for its head, for being idle and for a peer that does not read, all connections together
//! have a cap, and one listener can be replaced by another without cutting running answers.
//!
//! The module knows nothing of routes, keys or accounts: it is given a service. Limits on bodies and the time for their
//! upload are the service's, and so is every answer but one: the short 503 beyond the cap.

mod accept;
mod bind;
mod connection;
mod connection_state;
mod fd_limit;
mod lifecycle;
mod plain_response;
mod port_owner;
mod socket;
#[cfg(test)]
mod tests;
mod tracked_body;

use std::net::SocketAddr;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use bind::{BindError, BoundListener, bind, dial_addr, other_loopback_in_use};
pub use fd_limit::raise_fd_limit;
pub use lifecycle::{Drained, Server, SwitchError};
pub use port_owner::PortOwner;

/// Limits on every connection and on all together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// From the first byte of a request's head to its last.
    pub header_timeout: Duration,
    /// Without a request, both on a new connection and between two.
    pub idle_timeout: Duration,
    /// While the peer takes nothing of an answer that waits to be sent.
    pub write_stall_timeout: Duration,
    /// Connections at the same time. Half of the open files that the system allows are the other bound.
    pub max_connections: usize,
    /// At the cap, a connection that was idle for at least this long makes room for a new one.
    pub min_idle_before_eviction: Duration,
    /// After an answer that ends the connection, for the peer to take it in before the socket is gone.
    pub linger_timeout: Duration,
    /// The last part of every grace, in which streams still running say that they end. See [`Server::closing`].
    pub final_error_window: Duration,
    /// How long running answers may go on after the port was switched.
    pub switch_grace: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(8),
            idle_timeout: Duration::from_secs(30),
            write_stall_timeout: Duration::from_secs(120),
            max_connections: 1024,
            min_idle_before_eviction: Duration::from_secs(1),
            linger_timeout: Duration::from_secs(1),
            final_error_window: Duration::from_secs(1),
            switch_grace: Duration::from_secs(30),
        }
    }
}

/// Request extension: the address of the peer of the connection, whatever forwarding headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Request extension: cancelled shortly before the connection of this request is cut.
///
/// A stream that watches it can still send an error event and end. It fires for the connections of a port that was
/// left as well as for all when the server stops; a token taken from [`Server::closing`] fires for the latter only.
#[derive(Debug, Clone)]
pub struct Closing(pub CancellationToken);
