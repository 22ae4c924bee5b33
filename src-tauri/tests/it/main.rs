//! Behaviour of the real program: the built binary as a child process, against the simulator, a file per behaviour.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "this program is all tests: it has no outside to keep things from"
)]

mod auth;
mod chat;
mod commands;
mod image_links;
mod keychain;
mod lifecycle;
mod matrix;
mod network;
mod parsing;
mod settings;
mod storage;
mod support;
mod tidy;
