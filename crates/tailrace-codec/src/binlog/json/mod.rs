//! `JSON` values as the log has them: MySQL's binary form and its differences.
//!
//! The text written here is that of `SELECT json_column`, byte for byte.

pub mod binary;
pub mod diff;
mod scalar;
pub mod text;
mod tree;

pub use binary::{JsonLimits, write_json_text};
pub use diff::apply_json_diffs;
