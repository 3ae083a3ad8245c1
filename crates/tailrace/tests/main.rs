//! Integration tests of the crate, in one binary.

mod control;
mod iam;
mod scripted_runner;
mod world;
