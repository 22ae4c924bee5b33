//! Finds the process that listens on a port, if the system reveals it.

use std::fmt;
use std::net::SocketAddr;

/// The process that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortOwner {
    /// The process id.
    pub pid: u32,
    /// The short name of the process, without control characters.
    pub name: String,
}

impl fmt::Display for PortOwner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = if self.pid == std::process::id() { ", this program itself" } else { "" };
        write!(out, "{} (process {}{suffix})", self.name, self.pid)
    }
}

/// Finds the process that listens on this address. `None` on systems without `/proc`, and for processes of other users.
#[cfg(target_os = "linux")]
pub(super) fn find_owner(addr: SocketAddr) -> Option<PortOwner> {
    let tables =
        ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| std::fs::read_to_string(table).unwrap_or_default());
    let inodes: Vec<&str> = tables.iter().flat_map(|table| listening_inodes(table, addr.port())).collect();
    let links: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    if links.is_empty() { None } else { process_ids().find_map(|pid| owner_if_listening(pid, &links)) }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn find_owner(_addr: SocketAddr) -> Option<PortOwner> {
    None
}

/// The inodes of sockets in state LISTEN (`0A`) on this port, from the text of `/proc/net/tcp` (proc_net_tcp.txt).
#[cfg(target_os = "linux")]
fn listening_inodes(table: &str, port: u16) -> impl Iterator<Item = &str> {
    let port = format!(":{port:04X}");
    table.lines().skip(1).filter_map(move |line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let local = fields.next()?;
        let state = fields.nth(1)?;
        let inode = fields.nth(5)?;
        (state == "0A" && local.ends_with(&port)).then_some(inode)
    })
}

#[cfg(target_os = "linux")]
fn process_ids() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(target_os = "linux")]
fn owner_if_listening(pid: u32, links: &[String]) -> Option<PortOwner> {
    let mut descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    let is_owner = descriptors.any(|descriptor| {
        let target = std::fs::read_link(descriptor.path()).unwrap_or_default();
        links.iter().any(|link| target.as_os_str() == link.as_str())
    });
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    is_owner.then(|| PortOwner { pid, name: name.chars().filter(|c| !c.is_control()).collect() })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_listening_sockets_of_the_port_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0\n\
            1: 0100007F:0BB8 0100007F:C000 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0 20 4 30 10 -1\n\
            2: 0100007F:1BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4713 1 0 100 0 0 10 0\n\
            3: broken\n";
        assert_eq!(listening_inodes(table, 3000).collect::<Vec<_>>(), ["4711"]);
    }
}
