//! Tailrace: self-hosted real-time data replication with the DRS API.
//!
//! One direction: `api → control → store` and `control → tailrace_pipeline`. A library only so that
//! tests and the binary share it; it has no stable interface.

pub mod api;
pub mod audit;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod control;
mod demo;
pub mod job_file;
pub mod listen;
pub mod secret;
pub mod store;
pub mod telemetry;
