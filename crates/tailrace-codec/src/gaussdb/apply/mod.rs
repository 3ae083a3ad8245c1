//! Changes of rows as statements for GaussDB Distributed.
//!
//! ```text
//! RowChange ─► Changes (one buffer) ─► Fold (one outcome per key) ─► SetStatements + rows for COPY
//!                        └──────────────────────────────────────────► row statements, one change at a time
//! ```
//!
//! What is known of many rows at once goes into a staging table and from there, by one statement for each kind of outcome,
//! into the table. What cannot be folded, and few changes, are a statement each. Distribution columns are never set: a change
//! of one is a deletion and an insertion.

mod changes;
mod copy;
mod fold;
mod route;
mod rows;
mod set;
mod table;
#[cfg(test)]
mod tests;

pub use changes::{Change, ChangeKind, Changes, Text};
pub use copy::{copied_values, copy_null, copy_text};
pub use fold::{Fold, Outcome};
pub use route::Route;
pub use rows::{RowStatements, Rows, copies, row_statements};
pub use set::{SetStatements, StageOp, stage_row};
pub use table::{ApplyColumn, ApplyTable, Conflict};
