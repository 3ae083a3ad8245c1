//! MySQL client/server protocol without IO: packets in, values out, and the other way round; and
//! what the full phase reads with it — rows of text result sets as [`Cell`](crate::Cell)s and table
//! structures from the catalog.
//!
//! Packets are handed in without their 4-byte header; a payload that was sent in several packets of
//! [`PACKET_PAYLOAD_MAX`] bytes is put together by the caller first.

#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

mod auth;
mod catalog;
mod column_definition;
mod column_type_text;
mod command;
mod flags;
mod handshake;
mod packet;
mod response;
mod result_set;
mod text_row;
mod text_value;
mod wire;

pub use auth::{
    AuthMoreData, AuthPlugin, AuthReply, CACHING_SHA2_FAST_OK, CACHING_SHA2_FULL,
    CACHING_SHA2_REQUEST_PUBLIC_KEY, NONCE_BYTES, SHA256_REQUEST_PUBLIC_KEY, clear_password,
    parse_auth_reply, scramble, xor_password,
};
pub use catalog::{Catalog, collations_query, columns_query, keys_query};
pub use column_definition::ColumnDefinition;
pub use command::{
    BinlogDump, BinlogDumpGtid, RegisterReplica, com_ping, com_query, com_quit, dump_flag,
};
pub use flags::{ColumnFlags, capability, status};
pub use handshake::{Greeting, HandshakeResponse, ServerVersion, ssl_request};
pub use packet::{PACKET_HEADER_BYTES, PACKET_PAYLOAD_MAX, PacketHeader};
pub use response::{EofPacket, ErrPacket, OkPacket};
pub use result_set::{QueryResponse, RowPacket, TextCells, TextRow};
pub use text_row::{SNAPSHOT_SESSION, TextRowReader, select_expression, select_list, text_cell};
