//! Oracle's tables, as its dictionary describes them.

mod charset;
mod column;
pub mod definition;

pub use charset::DatabaseCharset;
pub use column::{LengthUnit, OracleColumn, OracleType};
