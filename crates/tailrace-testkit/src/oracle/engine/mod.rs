//! The database behind the wire: tables whose rows have a version for each SCN at which they changed, and transactions.
//!
//! ```text
//! SQL ─► session ─► statement ─┬► query   ─► rows at an SCN
//!                              ├► change  ─► versions of rows, and what takes them back
//!                              └► definition ─► columns and constraints
//! every change ─► redo ─► LogMiner's rows
//! ```

mod assign;
mod change;
mod column;
mod define;
mod dictionary;
mod expression;
mod extents;
mod functions;
mod journal;
mod logminer;
mod metadata;
mod partition;
mod plsql;
mod query;
mod redo;
mod redo_text;
mod rows;
mod session;
mod store;
mod supplemental;
mod table;
mod time;

pub(crate) use session::Session;
pub(crate) use store::{Engine, Place};
