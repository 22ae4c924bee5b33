//! Behaviour of the real program: the built binary as a child process, against the simulator, a file per behaviour.

mod chat;
mod support;
mod tidy;
