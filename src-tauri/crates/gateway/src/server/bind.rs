//! Taking a port, and saying in plain words why it could not be taken.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

use super::port_owner::{self, PortOwner};

/// Connections that the system keeps waiting until they are accepted.
const ACCEPT_BACKLOG: u32 = 1024;

/// A port that is ours, before anything is accepted on it.
#[derive(Debug)]
pub struct BoundListener {
    pub(super) listener: TcpListener,
    pub(super) addr: SocketAddr,
}

impl BoundListener {
    /// The address, with the port that the system chose if 0 was asked for.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// The address at which a listener on `bound` is reached from this machine: an unspecified one (`0.0.0.0`, `::`) is the
/// loopback of its family. It is what is dialled and shown, because the Host check refuses `0.0.0.0` and Windows cannot
/// dial it.
pub fn dial_addr(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip().to_canonical() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, bound.port())
}

/// Why a port could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program listens there.
    #[error("{addr} is already used by {}", .holder.as_ref().map_or("another program".to_owned(), ToString::to_string))]
    Taken {
        /// What was asked for.
        addr: SocketAddr,
        /// The other program, where the system tells.
        holder: Option<PortOwner>,
    },
    /// The system does not allow this port to this user, or has reserved it.
    #[error("the system does not allow {0} to this user; ports from 1024 on need no special rights")]
    Denied(SocketAddr),
    /// The address belongs to no network interface of this machine.
    #[error("{} is not an address of this machine", .0.ip())]
    Unavailable(SocketAddr),
    /// Something else.
    #[error("{addr} cannot be used: {error}")]
    Other {
        /// What was asked for.
        addr: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
}

/// Takes a port; 0 lets the system choose one.
///
/// # Errors
/// Says why it could not be taken, for people.
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

/// Whether the same port of the other loopback family is in other hands.
///
/// Systems let one program hold `127.0.0.1:3000` and another `[::1]:3000`, and `localhost` can mean either: when this
/// is true, only the address itself may be shown to the user.
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

/// The port is ours, but nobody can connect yet.
fn bind_socket(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // On Windows this option would let us take a port that another program uses; elsewhere it only means that a
    // restart need not wait for old connections to be forgotten.
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
        // TEST-NET-1 (RFC 5737) is no machine's address.
        let error = bind(SocketAddr::from(([192, 0, 2, 1], 0))).await.expect_err("not ours");
        assert!(matches!(error, BindError::Unavailable(_)), "{error}");
        let denied = bind_error(loopback(80), io::ErrorKind::PermissionDenied.into());
        assert!(denied.to_string().contains("ports from 1024 on"), "{denied}");
    }

    #[tokio::test]
    async fn n12_the_same_port_in_use_on_the_other_loopback_is_detected() {
        // Without IPv6 there is no twin that could be taken.
        let Ok(other) = bind(SocketAddr::from((Ipv6Addr::LOCALHOST, 0))).await else { return };
        assert!(other_loopback_in_use(loopback(other.addr().port())));
        assert!(other_loopback_in_use(SocketAddr::from((Ipv4Addr::UNSPECIFIED, other.addr().port()))));
        assert!(!other_loopback_in_use(SocketAddr::from(([127, 0, 0, 9], other.addr().port()))));
    }
}
