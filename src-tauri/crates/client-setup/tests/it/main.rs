//! Clients are set up and undone in home folders of their own.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "this program is all tests: it has no outside to keep things from"
)]

mod corpus;
mod disk;
mod drift;
mod golden;
mod launch;
mod paths;
mod properties;
mod repair;
mod status;
mod support;
