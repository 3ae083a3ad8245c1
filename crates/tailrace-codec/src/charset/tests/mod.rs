#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests fail by panicking"
)]

mod collation;
mod rules;
mod sequences;
mod server;

use super::Decoder;

fn decode(charset: &str, bytes: &[u8]) -> String {
    let mut out = Vec::new();
    Decoder::for_charset(charset).unwrap().decode_into(bytes, &mut out);
    String::from_utf8(out).unwrap()
}
