//! Statements that change a table's definition, as LogMiner tells them: in the words of whoever ran them.
//!
//! Only what DRS applies is taken apart (columns that are added, dropped, renamed or modified, and TRUNCATE); what has no
//! counterpart at the target is told as such, and what is not understood is an error, never passed over.
//!
//! Source of the grammar: Oracle Database SQL Language Reference 19c, ALTER TABLE.

mod alter;
mod column_type;
mod lexer;
#[cfg(test)]
mod tests;

pub use alter::{ColumnChange, TableChange, table_changes};
