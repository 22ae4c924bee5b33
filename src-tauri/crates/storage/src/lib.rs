//! Persistent state: secrets, settings and the request log.

#![cfg_attr(
    test,
    allow(clippy::wildcard_enum_match_arm, reason = "a test that meets another variant fails anyway")
)]

pub mod config;
pub mod request_log;
pub mod secrets;
