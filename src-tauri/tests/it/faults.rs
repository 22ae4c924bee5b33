//! What Mammouth can do wrong: one table of cases, each of them over every dialect and both upstreams.
//!
//! A case names what a client is told, how many calls are made, and what becomes of the account. A client is told it in
//! the form of its dialect, which [`crate::support::Spoken`] knows. `before_reply` is what happens before the first words of a
//! reply, `mid_reply` what happens behind them.

mod before_reply;
mod case;
mod check;
mod mid_reply;
