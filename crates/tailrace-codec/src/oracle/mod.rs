//! Oracle's tables, as its dictionary describes them.

mod charset;
mod column;
pub mod definition;
mod internal;
mod version;

pub use charset::DatabaseCharset;
pub use column::{LengthUnit, OracleColumn, OracleType};
pub use internal::InternalForm;
pub use version::TableVersion;
