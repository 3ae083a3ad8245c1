//! MySQL character sets to UTF-8, exactly as a server converts them for a client that asks for
//! `utf8mb4`.
//!
//! The tables under `tables/` were made from a MySQL 9.7 server by
//! `examples/charset_tables.rs`; names are not to be trusted in this field (MySQL's `latin1` is
//! cp1252 with five more characters, its `cp932`, `gbk` and `euckr` have their own extensions).
//!
//! What a server does with bytes that are no character, found by asking it for every sequence:
//!
//! - bytes that cannot begin or continue a character give one `?` each;
//! - a well-formed sequence without a character gives one `?` in all;
//! - an incomplete character at the very end gives nothing.
//!
//! Output is always valid UTF-8. It differs from the server's in two cases: `ucs2` and `utf32`
//! code points that are none (surrogates, beyond U+10FFFF) give `?`, where the server sends bytes
//! that are no UTF-8; and bad bytes in `utf8mb4`, which the server passes through, follow the rules
//! above, except that an incomplete character at the end gives one `?` per byte.

#![deny(
    missing_docs,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

mod ascii;
mod collation;
mod decoder;
mod multi_byte;
mod registry;
mod single_byte;
mod step;
mod unicode;

#[cfg(test)]
mod tests;

pub use collation::{charset_name, charset_of, collation_id, default_collation};
pub use decoder::Decoder;
