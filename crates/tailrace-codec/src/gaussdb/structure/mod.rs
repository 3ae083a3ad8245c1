//! Tables of GaussDB Distributed for those of Oracle: types, names, keys, and the statements that make them.

mod names;
mod table;
#[cfg(test)]
mod tests;
mod types;

pub use names::{fold, folded};
pub use table::{Distribution, Index, SourceTable, Structure, structure};
pub use types::{Fault, Loss, TargetType, target_type};
