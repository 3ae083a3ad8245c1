//! Tailrace: self-hosted real-time data replication with the DRS API.
//!
//! One direction: `api → control → store` and `control → tailrace_pipeline`.

pub mod api;
pub mod clock;
pub mod control;
pub mod secret;
pub mod store;
pub mod telemetry;
