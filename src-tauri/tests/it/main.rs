//! Behaviour of the real program: the built binary as a child process, against the simulator, a file per behaviour.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "this program is all tests: it has no outside to keep things from"
)]

mod accounts;
mod api_mixed;
mod api_models;
mod api_refused;
mod api_relay;
mod api_streams;
mod auth;
mod breaker;
#[cfg(target_os = "linux")]
mod busy;
mod canary;
mod chat;
#[cfg(target_os = "linux")]
mod client_keys;
#[cfg(target_os = "linux")]
mod clocks;
mod commands;
mod completions;
mod control;
mod dialects;
mod documents;
mod door;
mod failover;
mod faults;
mod generated_files;
mod golden;
mod hosts;
mod image_links;
mod images;
#[cfg(target_os = "linux")]
mod keychain;
mod keyless;
mod leaving;
mod lifecycle;
mod matrix;
mod models;
mod network;
#[cfg(target_os = "linux")]
mod outbound;
#[cfg(target_os = "linux")]
mod own_network;
mod parsing;
mod private;
#[cfg(target_os = "linux")]
mod rebinding;
mod relay;
mod removal;
mod requests;
#[cfg(target_os = "linux")]
mod scarce;
mod settings;
mod storage;
mod streams;
mod support;
#[cfg(target_os = "linux")]
mod terminal;
mod tidy;
mod tools;
