//! Setup of AI clients for the proxy through their configuration files, with exact undo.
//!
//! A client *declares* itself in one file of [`clients`]: how it is detected, which values its files must
//! have, how it is started. [`ClientSetup`] does the same for all of them:
//!
//! 1. [`ClientSetup::clients`] lists the clients, whether each is installed and whether it uses the proxy,
//! 2. [`ClientSetup::plan`] computes a [`Plan`] with a diff, without writing,
//! 3. [`ClientSetup::apply`] writes the plan and records every value with its former one,
//! 4. [`ClientSetup::plan_undo`] plans the undo, which keeps everything that was changed since.
//!
//! # Invariants
//! - A file is changed by splices of its text. The result is parsed again and must equal the old value with
//!   exactly this change, or nothing is written.
//! - A file that does not parse is never touched.
//! - Paths come from an [`Environment`] argument, not from the process.
//! - `Debug`, diffs and views never show keys.
//! - The crate uses no network, starts no program and never waits.

mod change;
mod client;
pub mod clients;
mod connection;
mod document;
mod environment;
mod error;
mod file;
mod launch;
mod mask;
mod path;
mod plan;
mod setup;
mod status;
mod store;
mod timestamp;
mod tree;
mod value;
mod view;

pub use change::Edit;
pub use client::{
    BaseUrl, Client, CopyValue, FileSetup, KeyPlace, LaunchSetup, Launcher, PickUp, ProjectFile,
};
pub use connection::{Connection, KEY_VARIABLE, Model, PROVIDER_ID, PROVIDER_NAME};
pub use document::{Format, TextError};
pub use environment::{Environment, LOCATION_VARIABLES, System};
pub use error::Error;
pub use launch::Launch;
pub use path::{Path, Segment};
pub use plan::{DriftChoice, Plan};
pub use setup::{ClientResult, ClientSetup};
pub use value::Value;
pub use view::{ClientView, Drift, FileAction, FilePlanView, LaunchView, PlanView, SetupState, Shadow, Ways};
