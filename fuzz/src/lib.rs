//! What the fuzz targets do with their input: read it as the product would, and check what must hold
//! whatever was read.
//!
//! A target's body is a plain function, so that the libFuzzer binaries (`src/bin`) and the stable
//! `smoke` example drive the same code. An input that the codec refuses is fine; a panic is not.

mod binlog;
mod charsets;
mod positions;
mod redo;
mod statements;

pub use binlog::{event, json, log};
pub use charsets::charset;
pub use positions::{file_offset, gtid_binary, gtid_text};
pub use redo::redo;
pub use statements::ddl;

/// A target: its name, which is also the name of its corpus, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 9] = [
    ("gtid_text", gtid_text),
    ("gtid_binary", gtid_binary),
    ("file_offset", file_offset),
    ("ddl", ddl),
    ("charset", charset),
    ("event", event),
    ("log", log),
    ("json", json),
    ("redo", redo),
];
