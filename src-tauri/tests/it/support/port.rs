//! A port for what must be told a number.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Systems give ports from 32768 on to whoever asks for any, and to each connection; below, nobody comes in between.
const FIRST_PORT: u16 = 20_000;
const PORT_COUNT: u16 = 10_000;

/// A port that is free, and that no other test is given.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    // Runs beside each other begin at different places.
    let begin = u16::try_from(std::process::id() * 97 % u32::from(PORT_COUNT)).expect("a small number");
    let candidates = std::iter::repeat_with(|| GIVEN.fetch_add(1, Ordering::Relaxed)).take(PORT_COUNT.into());
    let mut ports = candidates.map(|given| FIRST_PORT + (begin + given) % PORT_COUNT);
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).expect("a free port")
}
