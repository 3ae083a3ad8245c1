//! A stand-in for GaussDB Distributed: PostgreSQL 15 behind a front that speaks GaussDB's logins and holds its rules.
//!
//! No GaussDB can be had, so everything that is shown against this is shown against a stand-in. What is known of the real
//! one, and enforced here:
//! - logins with the startup protocols 3.0, 3.50 and 3.51, by SHA-256, by MD5 over SHA-256 and by MD5, TLS;
//! - `DISTRIBUTE BY HASH` and the default choice of a distribution key; only types that can be distributed; every unique
//!   key contains the distribution key; no statement names a distribution column in `SET`; no foreign keys;
//! - ORA mode: the empty text is NULL, in statements, parameters and `COPY`;
//! - forms that PostgreSQL has and GaussDB lacks are refused (`ON CONFLICT`, conditions and deletions in `MERGE`, …).
//!
//! What PostgreSQL can hold by itself, it does: event triggers and column triggers in `rules.sql`. The front changes
//! statements on their way and translates refusals.

mod bind;
mod copy;
mod error;
mod front;
mod login;
mod relay;
mod statement;

mod wire;

#[cfg(test)]
mod tests;

pub use front::{FrontOptions, GaussFront, Stored};
