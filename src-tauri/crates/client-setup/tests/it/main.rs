//! Tests of setting clients up and undoing it, in temporary home folders.

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
