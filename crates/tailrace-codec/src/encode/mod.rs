//! Message encoders: a row's [`Cell`](crate::Cell)s and its [`TableSchema`](crate::TableSchema) to
//! the bytes of a Kafka record.
//!
//! Everything that depends only on the table version is computed once, in
//! [`RowEncoder::compile`]; encoding a row then copies those fragments and writes values into the
//! caller's buffer. No allocation is made per row except when that buffer grows.
//!
//! What each MySQL type looks like in a message is written down in `docs/message-format.md`.

#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod binary;
mod canal;
mod column_plan;
mod column_text;
mod ddl;
mod debezium;
mod decimal;
mod drs_json;
mod error;
mod escape;
mod jdbc;
mod keyset;
mod literal;
mod maxwell;
mod murmur2;
mod number;
mod row_image;
mod temporal;
mod wkt;

pub(crate) use binary::bit_value;
pub use canal::{CanalEncoder, CanalKind, canal_type, encode_canal_ddl};
pub use ddl::{DdlPhase, encode_ddl};
pub use debezium::{
    AvroEncoder, AvroIds, AvroSchemas, BigintUnsignedMode, BinaryMode, ChangeOp, ChangeSource,
    DebeziumEncoder, DebeziumModes, DecimalMode, EventOrder, ModeFault, TimeMode,
    TransactionMarker, encode_transaction_key, encode_transaction_marker,
};
pub(crate) use decimal::push_decimal;
pub use drs_json::{Format, RowEncoder, RowMeta};
pub use error::EncodeError;
pub use jdbc::jdbc_code;
pub use keyset::{key_order, keyset_after, keyset_up_to, quote_identifier};
pub use literal::key_literal;
pub use maxwell::{
    MaxwellEncoder, MaxwellKind, MaxwellMeta, encode_maxwell_ddl, mark_maxwell_commit, maxwell_type,
};
pub use murmur2::{kafka_partition, murmur2};
pub use temporal::rfc3339;

#[cfg(test)]
mod tests;
