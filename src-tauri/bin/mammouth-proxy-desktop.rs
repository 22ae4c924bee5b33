//! `mammouth-proxy-desktop`: the tray application.
fn main() {}
