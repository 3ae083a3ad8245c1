//! DDL of MySQL, MariaDB and TaurusDB: what a statement of the log is, and what it makes of a schema.
//!
//! This is no parser of SQL. [`classify`] finds the kind of a statement and the tables it is about;
//! for `CREATE TABLE` and `ALTER TABLE` also the columns, so that a schema can be advanced
//! ([`apply`], [`CreateTable::to_schema`]). What it does not understand it says
//! ([`Statement::Unknown`], [`AlterOp::NotUnderstood`], [`NotUnderstood`]), and the caller reads the
//! catalog again. It never panics, takes time in proportion to the text, and does not recurse.
//!
//! ```
//! use tailrace_codec::ddl::{AlterOp, Statement, classify};
//!
//! let statement = classify("ALTER TABLE orders ADD COLUMN (note TEXT, paid BOOL)", "shop");
//! let Statement::AlterTable(alter) = statement else { unreachable!() };
//! assert_eq!(alter.name.to_string(), "shop.orders");
//! assert!(matches!(alter.ops.as_slice(), [AlterOp::AddColumn { .. }, AlterOp::AddColumn { .. }]));
//! ```

#![deny(
    missing_docs,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

mod alter;
mod apply;
mod classify;
mod column;
mod create;
mod cursor;
mod data_type;
mod dialect;
mod lexer;
mod partition;
mod statement;

#[cfg(test)]
mod tests;

pub use apply::apply;
pub use classify::{classify, classify_as};
pub use column::ColumnDefinition;
pub use dialect::Dialect;
pub use statement::{
    AlterOp, AlterTable, CreateTable, NotUnderstood, PartitionOp, Position, Statement,
    StoredObject, TableName, TransactionControl, Verb,
};
