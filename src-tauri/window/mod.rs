//! The windows: the main window, the sign-in window, and the dialog in place of a window that cannot be shown.

mod activation;
mod failure;
pub(super) mod ipc;
pub(super) mod login;
pub(super) mod main_window;
mod page;

pub(super) use main_window::{open, open_activated};
pub(super) use page::WindowPage;
