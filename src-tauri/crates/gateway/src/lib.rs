//! The proxy service: HTTP server, authorization, account pool, retry loop and management API.

#![cfg_attr(
    test,
    allow(clippy::wildcard_enum_match_arm, reason = "a test that meets another variant fails anyway")
)]

pub mod accounts;
pub mod app;
pub mod auth;
pub mod management;
pub mod proxy;
pub mod server;
pub mod updates;
