//! Bytes in, bytes out: MySQL binlog events and row images, LogMiner statements, log positions, DDL classification and
//! message encoders.
//!
//! Nothing here opens a socket, reads a clock or knows tokio, so that everything can be fuzzed and
//! measured on its own. Input is never trusted: every parser returns [`DecodeError`], which names
//! what was being read and at which byte, and never panics.
//!
//! ```text
//! binlog bytes ─► binlog (frames, events) ─► binlog::rows (a plan per table version) ─► Cell
//! text rows    ─► mysql::text_row ──────────────────────────────────────────────────► Cell
//! Cell + TableSchema ─► encode (one reused output buffer)
//! ```

pub mod binlog;
mod calendar;
pub mod cell;
pub mod charset;
pub mod ddl;
pub mod encode;
pub mod error;
pub mod filter;
pub mod gaussdb;
pub mod mysql;
pub mod oracle;
pub mod position;
pub mod redo;
pub mod schema;

pub use cell::Cell;
pub use error::DecodeError;
pub use schema::{Column, ColumnType, TableSchema};
