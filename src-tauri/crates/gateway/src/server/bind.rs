//! Binding of listening sockets, with errors that name the cause.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

use super::port_owner::{self, PortOwner};

/// The most connections that the system queues until they are accepted.
const ACCEPT_BACKLOG: u32 = 1024;

/// A bound socket on which nothing is accepted yet.
#[derive(Debug)]
pub struct BoundListener {
    pub(super) listener: TcpListener,
    pub(super) addr: SocketAddr,
}

impl BoundListener {
    /// The bound address, with the port that the system chose if 0 was requested.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// The address at which a listener on `bound` is reached from this machine. For an unspecified address (`0.0.0.0`,
/// `::`) this is the loopback address of its family. Use it for connecting and for display: the Host check rejects
/// `0.0.0.0`, and Windows cannot connect to it.
pub fn dial_addr(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip().to_canonical() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, bound.port())
}

/// The first free port of the address's host among the next `tries` above its port. Another program may take it before
/// it is used.
pub fn next_free_port(addr: SocketAddr, tries: u16) -> Option<u16> {
    let is_free = |port: &u16| std::net::TcpListener::bind((addr.ip(), *port)).is_ok();
    (1..=tries).filter_map(|step| addr.port().checked_add(step)).find(is_free)
}

/// Reason why a port could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program listens on the port.
    #[error("{addr} is already used by {}", .holder.as_ref().map_or("another program".to_owned(), ToString::to_string))]
    Taken {
        /// The requested address.
        addr: SocketAddr,
        /// The other program, if the system reveals it.
        holder: Option<PortOwner>,
    },
    /// The system denies this port to this user, or has reserved it.
    #[error("the system does not allow {0} to this user; ports from 1024 on need no special rights")]
    Denied(SocketAddr),
    /// The address belongs to no network interface of this machine.
    #[error("{} is not an address of this machine", .0.ip())]
    Unavailable(SocketAddr),
    /// Any other error.
    #[error("{addr} cannot be used: {error}")]
    Other {
        /// The requested address.
        addr: SocketAddr,
        /// The error of the system.
        error: io::Error,
    },
}

/// Binds a port; 0 lets the system choose one.
///
/// # Errors
/// The reason why the port could not be bound; the text is meant for users.
pub async fn bind(addr: SocketAddr) -> Result<BoundListener, BindError> {
    match listen(addr) {
        Ok((listener, addr)) => Ok(BoundListener { listener, addr }),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let holder = tokio::task::spawn_blocking(move || port_owner::find_owner(addr)).await;
            Err(BindError::Taken { addr, holder: holder.ok().flatten() })
        }
        Err(error) => Err(bind_error(addr, error)),
    }
}

/// Whether another program uses the same port of the other loopback family.
///
/// One program can listen on `127.0.0.1:3000` and another on `[::1]:3000`, and `localhost` can resolve to either. If
/// this returns true, show the user the IP address instead of `localhost`.
pub fn other_loopback_in_use(address: SocketAddr) -> bool {
    let other = match address.ip() {
        IpAddr::V4(ip) if ip == Ipv4Addr::LOCALHOST || ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V4(_) | IpAddr::V6(_) => return false,
    };
    let result = bind_socket(SocketAddr::new(other, address.port()));
    result.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

fn listen(addr: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = bind_socket(addr)?.listen(ACCEPT_BACKLOG)?;
    let addr = listener.local_addr()?;
    Ok((listener, addr))
}

/// A bound socket that does not listen yet.
fn bind_socket(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // On Windows this option would allow binding a port that another program uses. Elsewhere it only allows a restart
    // while old connections are in TIME_WAIT.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    Ok(socket)
}

fn bind_error(addr: SocketAddr, error: io::Error) -> BindError {
    if error.kind() == io::ErrorKind::PermissionDenied {
        BindError::Denied(addr)
    } else if error.kind() == io::ErrorKind::AddrNotAvailable {
        BindError::Unavailable(addr)
    } else {
        BindError::Other { addr, error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback(port: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    #[test]
    fn an_unspecified_address_is_dialled_at_the_loopback_of_its_family() {
        for (bound, dialled) in [
            ("0.0.0.0:3000", "127.0.0.1:3000"),
            ("[::]:3000", "[::1]:3000"),
            ("[::ffff:0.0.0.0]:3000", "127.0.0.1:3000"),
            ("[::ffff:127.0.0.1]:1", "127.0.0.1:1"),
            ("127.0.0.2:1", "127.0.0.2:1"),
            ("192.168.1.2:1", "192.168.1.2:1"),
            ("[fe80::1]:1", "[fe80::1]:1"),
        ] {
            assert_eq!(dial_addr(bound.parse().unwrap()).to_string(), dialled, "{bound}");
        }
    }

    #[tokio::test]
    async fn f30_a_taken_port_is_reported_with_its_owner() {
        let first = bind(loopback(0)).await.expect("a free port");
        let error = bind(first.addr()).await.expect_err("it is taken");
        let BindError::Taken { addr, holder } = &error else { panic!("{error}") };
        assert_eq!(*addr, first.addr());
        if cfg!(target_os = "linux") {
            assert_eq!(holder.as_ref().map(|holder| holder.pid), Some(std::process::id()));
            assert!(error.to_string().contains("this program itself"), "{error}");
        }
    }

    #[tokio::test]
    async fn f32_an_address_of_another_machine_is_reported() {
        // TEST-NET-1 (RFC 5737) is never assigned to a machine.
        let error = bind(SocketAddr::from(([192, 0, 2, 1], 0))).await.expect_err("not ours");
        assert!(matches!(error, BindError::Unavailable(_)), "{error}");
        let denied = bind_error(loopback(80), io::ErrorKind::PermissionDenied.into());
        assert!(denied.to_string().contains("ports from 1024 on"), "{denied}");
    }

    #[tokio::test]
    async fn n12_the_same_port_in_use_on_the_other_loopback_is_detected() {
        // Without IPv6 there is no other loopback address.
        let Ok(other) = bind(SocketAddr::from((Ipv6Addr::LOCALHOST, 0))).await else { return };
        assert!(other_loopback_in_use(loopback(other.addr().port())));
        assert!(other_loopback_in_use(SocketAddr::from((Ipv4Addr::UNSPECIFIED, other.addr().port()))));
        assert!(!other_loopback_in_use(SocketAddr::from(([127, 0, 0, 9], other.addr().port()))));
    }
}
