//! End-to-end tests: the built binary as a child process with the mock upstream, one file per area.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "this program is all tests: it has no outside to keep things from"
)]

mod account_removal;
mod accounts;
mod api_mixed;
mod api_models;
mod api_refused;
mod api_relay;
mod api_streams;
mod auth;
mod auth_matrix;
mod breaker;
mod browser_session;
mod canary;
mod chat;
mod claude_code;
mod client_disconnect;
#[cfg(target_os = "linux")]
mod client_keys;
#[cfg(unix)]
mod client_setup;
#[cfg(target_os = "linux")]
mod clocks;
mod commands;
mod completions;
mod container;
mod control;
mod dialect_equivalence;
mod dialects;
mod documents;
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
mod lifecycle;
mod models;
mod network;
#[cfg(target_os = "linux")]
mod network_namespace;
#[cfg(target_os = "linux")]
mod outbound;
#[cfg(target_os = "linux")]
mod overload;
mod parsing;
mod private;
#[cfg(target_os = "linux")]
mod rebinding;
mod relay;
#[cfg(target_os = "linux")]
mod resource_limits;
#[cfg(target_os = "linux")]
mod service;
mod settings;
mod storage;
mod streams;
mod support;
#[cfg(target_os = "linux")]
mod terminal;
mod tidy;
mod tools;
#[cfg(target_os = "linux")]
mod update;
