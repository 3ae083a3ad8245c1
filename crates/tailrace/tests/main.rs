//! Integration tests of the crate, in one binary.

#![allow(unreachable_pub, reason = "the modules of one test binary share what they have")]

mod commands;
mod control;
mod iam;
mod proof;
mod scripted_runner;
mod world;
