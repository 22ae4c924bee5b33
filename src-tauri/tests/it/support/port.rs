//! Free ports for settings that need a number.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// First port of the range. Systems assign ports from 32768 on to listeners and connections; below, there are
/// no collisions.
const FIRST_PORT: u16 = 20_000;
const PORT_COUNT: u16 = 10_000;

/// A free port that no other test gets.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    // Concurrent test processes begin at different ports.
    let begin = u16::try_from(std::process::id() * 97 % u32::from(PORT_COUNT)).expect("a small number");
    let candidates = std::iter::repeat_with(|| GIVEN.fetch_add(1, Ordering::Relaxed)).take(PORT_COUNT.into());
    let mut ports = candidates.map(|given| FIRST_PORT + (begin + given) % PORT_COUNT);
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).expect("a free port")
}
