//! Tables that are read beside the stream: those that were added to a running job, and those that someone wants
//! again.
//!
//! A reader opens a view and reads chunks, as in the full phase; the stream goes on meanwhile, and hands the rows over
//! itself, between two of its transactions. From before the view is opened it remembers the keys that change in the
//! table, and leaves rows with such keys out: it has delivered them newer. `docs/adr/0014` says why that is exact.

mod exchange;
mod reader;

pub(crate) use exchange::{Ask, Beside, Piece};
pub(crate) use reader::{read, withheld};
