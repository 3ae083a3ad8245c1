//! The `sqlType` codes of messages.

use crate::schema::ColumnType;

/// The JDBC type code that stands in `sqlType`.
///
/// Published for DRS: int 4, decimal 3, float 6, double 8, char 1, varchar 12, text -1, binary -2,
/// varbinary -3, blob 2004, datetime 94 (not a value of `java.sql.Types`), timestamp 93. The others
/// are the `java.sql.Types` value nearest to the text that the message carries.
pub fn jdbc_code(kind: &ColumnType) -> i32 {
    match kind {
        ColumnType::TinyInt { .. } => -6,
        ColumnType::SmallInt { .. } | ColumnType::Year => 5,
        ColumnType::MediumInt { .. } | ColumnType::Int { .. } => 4,
        ColumnType::BigInt { .. } => -5,
        ColumnType::Float => 6,
        ColumnType::Double => 8,
        ColumnType::Decimal { .. } => 3,
        ColumnType::Bit { .. } => -7,
        ColumnType::Date => 91,
        ColumnType::Time(_) => 92,
        ColumnType::DateTime(_) => 94,
        ColumnType::Timestamp(_) => 93,
        ColumnType::Char
        | ColumnType::Enum(_)
        | ColumnType::Set(_)
        | ColumnType::Uuid
        | ColumnType::Inet4
        | ColumnType::Inet6 => 1,
        ColumnType::VarChar => 12,
        ColumnType::Text | ColumnType::Json => -1,
        ColumnType::Binary { .. } | ColumnType::Geometry => -2,
        ColumnType::VarBinary => -3,
        ColumnType::Blob => 2004,
        ColumnType::Vector => 1111,
    }
}
