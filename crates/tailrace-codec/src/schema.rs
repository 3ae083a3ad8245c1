//! What a table looks like at one position of the log.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Declared fractional-second digits, 0..=6.
pub type Fsp = u8;

/// A MySQL collation number as the catalog and the binlog give it (`information_schema.COLLATIONS.ID`);
/// 63 is `binary`.
pub type CollationId = u16;

/// The type of a column, as far as reading and printing a value depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColumnType {
    /// `TINYINT`
    TinyInt {
        /// Declared UNSIGNED.
        unsigned: bool,
    },
    /// `SMALLINT`
    SmallInt {
        /// Declared UNSIGNED.
        unsigned: bool,
    },
    /// `MEDIUMINT`
    MediumInt {
        /// Declared UNSIGNED.
        unsigned: bool,
    },
    /// `INT`
    Int {
        /// Declared UNSIGNED.
        unsigned: bool,
    },
    /// `BIGINT`
    BigInt {
        /// Declared UNSIGNED.
        unsigned: bool,
    },
    /// `FLOAT`
    Float,
    /// `DOUBLE`
    Double,
    /// `DECIMAL(precision, scale)`
    Decimal {
        /// 1..=65
        precision: u8,
        /// 0..=30
        scale: u8,
    },
    /// `BIT(bits)`, 1..=64
    Bit {
        /// Declared width.
        bits: u8,
    },
    /// `YEAR`
    Year,
    /// `DATE`
    Date,
    /// `TIME(fsp)`
    Time(Fsp),
    /// `DATETIME(fsp)`
    DateTime(Fsp),
    /// `TIMESTAMP(fsp)`
    Timestamp(Fsp),
    /// `CHAR(n)` in a character set
    Char,
    /// `VARCHAR(n)` in a character set
    VarChar,
    /// `TINYTEXT`, `TEXT`, `MEDIUMTEXT`, `LONGTEXT`
    Text,
    /// `BINARY(length)`
    Binary {
        /// Declared length in bytes, 0..=255.
        length: u16,
    },
    /// `VARBINARY(n)`
    VarBinary,
    /// `TINYBLOB`, `BLOB`, `MEDIUMBLOB`, `LONGBLOB`
    Blob,
    /// `ENUM`: members in declared order, UTF-8.
    Enum(Arc<[String]>),
    /// `SET`: members in declared order, UTF-8, at most 64.
    Set(Arc<[String]>),
    /// `JSON`
    Json,
    /// `GEOMETRY` and its subtypes
    Geometry,
    /// `VECTOR(n)`
    Vector,
    /// MariaDB's `UUID`
    Uuid,
    /// MariaDB's `INET4`
    Inet4,
    /// MariaDB's `INET6`
    Inet6,
}

/// One column of a table version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Column name, UTF-8.
    pub name: String,
    /// Its type.
    pub kind: ColumnType,
    /// Bare type name for messages, lower case, without length, with ` unsigned` where declared
    /// (`varchar`, `int unsigned`, `longtext`, `point`).
    pub type_name: String,
    /// Collation of character, ENUM and SET columns; 63 (`binary`) for the rest.
    pub collation: CollationId,
    /// May hold NULL.
    pub nullable: bool,
}

/// One version of a table: what a plan for reading and encoding its rows is compiled from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSchema {
    /// Database name.
    pub database: String,
    /// Table name.
    pub table: String,
    /// All columns in ordinal order, invisible and generated ones included.
    pub columns: Vec<Column>,
    /// Ordinals (0-based) of the primary key's columns in key order; empty without one.
    pub primary_key: Vec<usize>,
}

impl TableSchema {
    /// `database.table`, as messages, logs and errors name it.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.database, self.table)
    }
}
