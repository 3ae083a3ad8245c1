//! Oracle as a source: its dictionary, consistent reads at an SCN, and LogMiner.

pub(crate) mod ahead;
pub(crate) mod catalog;
pub(crate) mod extents;
pub(crate) mod joint_mining;
mod large;
pub(crate) mod log_files;
mod login;
pub(crate) mod mining;
pub(crate) mod objects;
pub(crate) mod redo_bytes;
pub(crate) mod session;
pub(crate) mod snapshot;
mod tunnel;
mod window;
