//! Secrets: the type that cannot be printed, and the places that keep values over a restart.
//!
//! A cookie, an API key, a client key and the control token are [`Secret`]s from the moment they are read. Nothing in
//! this program implements `Display` or `Serialize` for them; the only way to the text is `expose_secret`, which is
//! easy to search for.

pub use secrecy::{ExposeSecret, SecretString as Secret};
