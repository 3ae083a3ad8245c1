//! Test support that does not ship.

pub mod checker;
