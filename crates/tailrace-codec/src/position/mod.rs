//! Log positions: GTIDs of MySQL and of MariaDB, sets of them, and file-and-offset positions.
//!
//! The sets are checkpoint algebra: what was read, what the server still has, what is missing. Text
//! and binary forms are MySQL's own; the stored forms are ours, versioned, and equal positions have
//! equal bytes.
//!
//! - [`Gtid`], [`Tag`] and [`Tsid`] are one transaction, its optional tag (MySQL 8.3), and who numbers it.
//! - [`GtidSet`] is the algebra, text, the wire form, the stored form.
//! - [`MariaDbGtid`] and [`MariaDbPosition`] are MariaDB's form of both.
//! - [`SourceGtid`] and [`ExecutedGtids`] are either.
//! - [`FileOffset`] is `mysql-bin.000277:805`.

#![deny(
    missing_docs,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

mod executed;
mod file_offset;
mod gtid;
mod gtid_set;
mod gtid_storage;
mod gtid_text;
mod gtid_wire;
mod interval;
mod mariadb;
mod reader;

#[cfg(test)]
mod tests;

pub use executed::{ExecutedGtids, SourceGtid};
pub use file_offset::{FILE_OFFSET_TEXT_BYTES_MAX, FileOffset};
pub use gtid::{GNO_MAX, Gtid, TAG_BYTES_MAX, Tag, Tsid, Uuid};
pub use gtid_set::GtidSet;
pub use interval::{Interval, IntervalSet};
pub use mariadb::{MariaDbGtid, MariaDbPosition};
