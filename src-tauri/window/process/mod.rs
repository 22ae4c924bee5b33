//! Process of the windows: the same executable, started when a window is needed.
//!
//! It shows windows and nothing else. The pages call the management API through the program, over a socket pair that
//! no other process can reach. [`WindowProcess`] is the program's end, [`run`] the main function of the process.

mod child;
mod messages;
mod parent;

pub(crate) use child::run;
pub(crate) use parent::WindowProcess;
