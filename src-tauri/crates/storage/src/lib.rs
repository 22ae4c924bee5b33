//! Persistent state: secrets, settings and the request log; and Unix time.

#![cfg_attr(
    test,
    allow(clippy::wildcard_enum_match_arm, reason = "a test that meets another variant fails anyway")
)]

mod capped_file;
pub mod config;
pub mod request_log;
pub mod secrets;
mod unix_time;

pub use unix_time::{unix_ms, unix_seconds};
