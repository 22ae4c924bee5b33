//! `mammouth-proxy`: the command line and the headless server.
fn main() {}
