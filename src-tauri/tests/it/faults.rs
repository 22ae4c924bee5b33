//! Tests of Mammouth's faults: one table of cases, each over every dialect and both upstreams.
//!
//! A case contains the client's error, the number of upstream calls and the account's state. The error is in
//! the form of the dialect, see [`crate::support::DialectClient`]. `before_reply` has faults before the first
//! words of a reply, `mid_reply` faults after them.

mod before_reply;
mod case;
mod check;
mod mid_reply;
