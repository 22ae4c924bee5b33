//! Updates of the program: the signed feed of releases, the rule which version is offered, downloads that are checked
//! before they are kept, and who owns the running installation.
//!
//! Time, address and key are arguments. The release's own are in [`ReleaseSource::built_in`], the only place for them.

mod error;
mod feed;
mod installation;
mod package;
mod schedule;
mod source;
#[cfg(test)]
mod tests;

pub use error::UpdateError;
pub use feed::{Feed, FeedFile, VersionOffer, running_system, running_version};
pub use installation::{Installation, Owner, PackageQuery, detect, query_system};
pub use package::fetch_files;
pub use schedule::{UpdateRecord, check_feed, is_due, newer_version};
pub use source::ReleaseSource;
