//! GaussDB: what it says on PostgreSQL's wire and PostgreSQL does not, and its tables.

pub mod apply;
mod auth;
mod redo_rows;
pub mod structure;
#[cfg(test)]
mod tests;
mod value;

pub use auth::{AuthRequest, ITERATIONS_UNSAID, Keys, Salt, StartupProtocol};
pub use redo_rows::{Appended, ColumnTarget, RedoRows, SourceColumn};
pub use value::{DATE_FORMAT, TIMESTAMP_FORMAT, TIMESTAMP_TZ_FORMAT, selected_text, target_text};
