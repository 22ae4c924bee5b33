//! What outlives the process: secrets, settings and the request log.

pub mod config;
pub mod request_log;
pub mod secrets;
