//! Oracle's tables, as its dictionary describes them.

mod charset;
mod column;

pub use charset::DatabaseCharset;
pub use column::{LengthUnit, OracleColumn, OracleType};
