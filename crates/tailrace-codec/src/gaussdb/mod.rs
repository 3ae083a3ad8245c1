//! GaussDB: what it says on PostgreSQL's wire and PostgreSQL does not, and its tables.

pub mod apply;
mod auth;
pub mod structure;
#[cfg(test)]
mod tests;
mod value;

pub use auth::{AuthRequest, ITERATIONS_UNSAID, Keys, Salt, StartupProtocol};
pub use value::{DATE_FORMAT, TIMESTAMP_FORMAT, TIMESTAMP_TZ_FORMAT, target_text};
