//! Connects AI clients to the proxy by their configuration files, and takes it back exactly.
//!
//! A client *declares* itself in one file of [`clients`]: how it is detected, which values its files must have, how it is
//! started. The engine, [`ClientSetup`], does the same for all of them:
//!
//! 1. [`ClientSetup::clients`] tells what is installed and whether it uses the proxy,
//! 2. [`ClientSetup::plan`] works out a [`Plan`] with a diff, and writes nothing,
//! 3. [`ClientSetup::apply`] writes it, and notes every value with what stood there before,
//! 4. [`ClientSetup::plan_undo`] plans the way back, which keeps all that was changed since.
//!
//! # Invariants
//! - A file is changed by splices of its text. The result is parsed again and must equal the old value with exactly our
//!   change, or nothing is written.
//! - A file that does not parse is never touched.
//! - Paths come from an [`Environment`] that is handed in; the process is not asked.
//! - Keys never show in `Debug`, in a diff or in any of the views.
//! - Nothing here talks to a network, starts a program or waits.

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
