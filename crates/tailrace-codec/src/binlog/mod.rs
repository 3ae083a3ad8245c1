//! The binary log of MySQL 5.6 to 9.x and MariaDB 10.5 to 11.x: framing, events, table maps and row images.
//!
//! ```text
//! file or packet bytes ─► frame (header, CRC32) ─► LogFormat::decode ─► Event
//! Event::TableMap ─► plan (compiled once per table version) ─► RowsEvent::rows ─► Cell
//! compressed event of MariaDB ─► EventInflater ─► the event without compression
//! Event::TransactionPayload ─► payload (bounded zstd) ─► inner events, one at a time
//! ```
//!
//! Rules that hold everywhere here: nothing is skipped silently, an event type that is not handled
//! is an error which names it, no input makes a parser panic, and no allocation is larger than a
//! bound that the caller gave or the input's own length.
//!
//! Offsets in errors of this module count from the first byte of the event (its header included).

#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    missing_docs
)]

mod cursor;
pub mod decimal;
pub mod event;
pub mod event_type;
pub mod format_description;
pub mod frame;
pub mod gtid_event;
mod gtid_tagged;
pub mod header;
pub mod heartbeat;
pub mod inflate;
pub mod json;
pub mod mariadb_gtid;
pub mod payload;
pub mod payload_event;
pub mod plan;
pub mod query;
pub mod rows;
pub mod rows_event;
pub mod table_map;
pub mod table_map_cache;
pub mod table_metadata;
pub mod transaction_end;
pub mod walk;
pub mod wire_column;

mod cell_reader;
mod fixed_text;
mod partial_update;
mod schema_from_metadata;
mod temporal;

pub use event::{Event, IgnoredEvent};
pub use event_type::EventType;
pub use format_description::{Checksum, FormatDescription, LogFormat};
pub use frame::{FileFrames, Frame, RawEvent};
pub use gtid_event::{GtidEvent, GtidKind};
pub use header::{EventFlags, EventHeader};
pub use heartbeat::Heartbeat;
pub use inflate::EventInflater;
pub use json::{JsonLimits, apply_json_diffs, write_json_text};
pub use mariadb_gtid::{AlterPhase, MariaDbGtidEvent, Xid};
pub use payload::{PayloadEvents, PayloadLimits, PayloadReader};
pub use payload_event::{PayloadCompression, TransactionPayload};
pub use plan::{PlanError, TablePlan};
pub use query::{QueryEvent, StatusVars};
pub use rows::{RowLimits, Rows, recycle};
pub use rows_event::{ColumnSet, RowsEvent, RowsKind};
pub use schema_from_metadata::MemberText;
pub use table_map::TableMap;
pub use table_map_cache::TableMapCache;
pub use table_metadata::OptionalMetadata;
pub use transaction_end::{Incident, Rotate, XaPrepare};
pub use wire_column::{WireColumn, WireType};
