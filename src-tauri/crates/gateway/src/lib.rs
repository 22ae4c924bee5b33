//! The proxy itself, from the accepted connection to the upstream call, and the management API beside it.

pub mod accounts;
pub mod app;
pub mod auth;
pub mod management;
pub mod proxy;
pub mod server;
