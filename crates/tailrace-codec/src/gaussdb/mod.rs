//! What GaussDB says on PostgreSQL's wire and PostgreSQL does not: its ways to prove a password.

mod auth;
#[cfg(test)]
mod tests;

pub use auth::{AuthRequest, ITERATIONS_UNSAID, Keys, Salt, StartupProtocol};
