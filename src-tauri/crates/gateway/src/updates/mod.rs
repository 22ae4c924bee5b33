//! Updates of the program: the signed feed of releases, the rule which version is offered, downloads that are checked
//! before they are kept, their installation by a helper process, and the owner of the running installation.
//!
//! Time, address and key are arguments. The release's own are in [`ReleaseSource::built_in`], the only place for them.

mod error;
mod feed;
mod install;
mod installation;
#[cfg(windows)]
mod installed_apps;
mod package;
mod saved_data;
mod schedule;
mod source;
mod swap;
#[cfg(test)]
mod tests;

pub use error::UpdateError;
pub use feed::{Feed, FeedFile, VersionOffer, running_system, running_version};
pub use install::{HELPER_COMMAND, StartFacts, prepare, start_helper};
pub use installation::{Installation, Owner, PackageQuery, detect, query_system};
use package::fetch_files;
pub use schedule::{UpdateRecord, check_feed, is_due, newer_version};
pub use source::ReleaseSource;
pub use swap::{CONFIRM_VARIABLE, Restart, StartCheck, Swap, SwapStep, check_start, confirm, run_helper};
