//! GaussDB: what it says on PostgreSQL's wire and PostgreSQL does not, and its tables.

mod auth;
pub mod structure;
#[cfg(test)]
mod tests;

pub use auth::{AuthRequest, ITERATIONS_UNSAID, Keys, Salt, StartupProtocol};
