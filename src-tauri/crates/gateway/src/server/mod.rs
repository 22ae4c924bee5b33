//! HTTP server: bind, accept, connection limits, port switch and drain.
//!
//! The servers of warp and hyper have no time limits and no connection cap, so this module has its own accept loop.
//! Each connection has limits for reading a head, for being idle and for a peer that does not read. All connections
//! together have a cap. One listener can replace another without cutting running responses.
//!
//! The module does not know routes, keys or accounts: the caller passes a service. The service limits the size and the
//! upload time of bodies, and makes all responses except those of `plain_response`.

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

use http_body::Body;
use tokio_util::sync::CancellationToken;

pub use bind::{BindError, BoundListener, bind, dial_addr, next_free_port, other_loopback_in_use};
pub use fd_limit::raise_fd_limit;
pub use lifecycle::{Drained, Server, SwitchError};
pub use port_owner::PortOwner;

/// The body of a response that the service passed to [`Server::start`] makes. Implemented for every type that can be one.
pub trait ResponseBody:
    Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static
{
}

impl<B> ResponseBody for B where
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static
{
}

/// Limits of each connection and of all connections together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// The longest time from the first byte of a request head to its last.
    pub header_timeout: Duration,
    /// The longest time without a request, on a new connection or between two requests.
    pub idle_timeout: Duration,
    /// The longest time in which the peer reads nothing of a response that waits to be sent.
    pub write_stall_timeout: Duration,
    /// The memory that complete responses may hold. Streams are held back instead.
    pub unread: UnreadLimit,
    /// The most connections at the same time. Half of the descriptors that the system allows is a further bound.
    pub max_connections: usize,
    /// The idle time after which a connection may be evicted for a new one when the cap is reached.
    pub min_idle_before_eviction: Duration,
    /// The longest wait for the peer to read the last response before the socket is closed.
    pub linger_timeout: Duration,
    /// The last part of each grace period, in which running streams send their error event. See [`Server::closing`].
    pub final_error_window: Duration,
    /// The grace period for running responses after a port switch.
    pub switch_grace: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(8),
            idle_timeout: Duration::from_secs(30),
            write_stall_timeout: Duration::from_secs(120),
            unread: UnreadLimit { max_bytes: 64 << 20, min_stall: Duration::from_secs(5) },
            max_connections: 1024,
            min_idle_before_eviction: Duration::from_secs(1),
            linger_timeout: Duration::from_secs(1),
            final_error_window: Duration::from_secs(1),
            switch_grace: Duration::from_secs(30),
        }
    }
}

/// The limit of the memory that complete responses hold while their peers do not read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnreadLimit {
    /// The most bytes of all such responses together, including those that are being read.
    pub max_bytes: u64,
    /// The time without progress after which a connection may be ended when the limit is exceeded.
    pub min_stall: Duration,
}

/// Request extension: the address of the connected peer. Forwarding headers are not considered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Request extension: cancelled shortly before the connection of this request is cut.
///
/// A stream that watches the token can still send an error event and end. The token is cancelled for the connections of
/// a drained listener, and for all connections when the server stops. A token of [`Server::closing`] is only cancelled
/// in the latter case.
#[derive(Debug, Clone)]
pub struct Closing(pub CancellationToken);
