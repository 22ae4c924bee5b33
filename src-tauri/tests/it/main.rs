//! Behaviour of the real program, a file per behaviour.
