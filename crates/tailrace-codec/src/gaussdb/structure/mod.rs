//! Tables of GaussDB Distributed for those of Oracle: types, names, keys, and the statements that make them.

mod alter;
mod column_type;
mod names;
mod table;
#[cfg(test)]
mod tests;

pub use alter::alterations;
pub use column_type::{Fault, Loss, TargetType, target_type};
pub use names::{fold, folded};
pub use table::{Distribution, Index, SourceTable, Structure, structure};
