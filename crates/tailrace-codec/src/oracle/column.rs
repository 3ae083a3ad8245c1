//! Columns by `ALL_TAB_COLS`.

use serde::{Deserialize, Serialize};

/// What a character column's length counts, `CHAR_USED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LengthUnit {
    /// `B`
    Bytes,
    /// `C`
    Chars,
}

/// A column as the dictionary describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OracleColumn {
    /// `COLUMN_NAME`
    pub name: String,
    /// `DATA_TYPE`, such as `NUMBER` or `TIMESTAMP(6) WITH TIME ZONE`.
    pub data_type: String,
    /// `DATA_LENGTH`, bytes.
    pub data_length: u32,
    /// `CHAR_LENGTH`, in the unit of `char_used`; 0 for other types.
    pub char_length: u32,
    /// `CHAR_USED`
    pub char_used: Option<LengthUnit>,
    /// `DATA_PRECISION`
    pub precision: Option<i32>,
    /// `DATA_SCALE`
    pub scale: Option<i32>,
    /// `NULLABLE`
    pub nullable: bool,
    /// `DATA_DEFAULT`, the expression's text.
    pub default: Option<String>,
    /// `VIRTUAL_COLUMN`
    pub is_virtual: bool,
    /// `HIDDEN_COLUMN`: invisible, unused or of the server's own.
    pub is_hidden: bool,
    /// Comment, if there is one.
    pub comment: Option<String>,
}

/// What a column's type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OracleType {
    /// `CHAR`
    Char,
    /// `NCHAR`
    NChar,
    /// `VARCHAR2`, `VARCHAR`
    VarChar2,
    /// `NVARCHAR2`
    NVarChar2,
    /// `NUMBER` with what is said of its digits.
    Number {
        /// Digits in all; none is said of `NUMBER` and `NUMBER(*,s)`.
        precision: Option<i32>,
        /// Digits behind the point, fewer than none before it.
        scale: Option<i32>,
    },
    /// `FLOAT(b)`: a `NUMBER` of binary digits.
    Float,
    /// `BINARY_FLOAT`
    BinaryFloat,
    /// `BINARY_DOUBLE`
    BinaryDouble,
    /// `DATE`, which has a time of day.
    Date,
    /// `TIMESTAMP(n)`
    Timestamp,
    /// `TIMESTAMP(n) WITH TIME ZONE`
    TimestampTz,
    /// `TIMESTAMP(n) WITH LOCAL TIME ZONE`
    TimestampLtz,
    /// `INTERVAL YEAR(n) TO MONTH`
    IntervalYearMonth,
    /// `INTERVAL DAY(n) TO SECOND(m)`
    IntervalDaySecond,
    /// `CLOB`
    Clob,
    /// `NCLOB`
    NClob,
    /// `BLOB`
    Blob,
    /// `LONG`
    Long,
    /// `LONG RAW`
    LongRaw,
    /// `RAW`
    Raw,
    /// `ROWID`
    RowId,
    /// Not replicated: `BFILE`, `XMLTYPE`, `UROWID`, `SDO_GEOMETRY`, types of users and what is newer than this list.
    Unsupported,
}

impl OracleColumn {
    /// What its type is.
    pub fn oracle_type(&self) -> OracleType {
        use OracleType as T;
        let name = self.data_type.as_str();
        match name {
            "CHAR" => T::Char,
            "NCHAR" => T::NChar,
            "VARCHAR2" | "VARCHAR" => T::VarChar2,
            "NVARCHAR2" => T::NVarChar2,
            "NUMBER" => T::Number { precision: self.precision, scale: self.scale },
            "FLOAT" => T::Float,
            "BINARY_FLOAT" => T::BinaryFloat,
            "BINARY_DOUBLE" => T::BinaryDouble,
            "DATE" => T::Date,
            "CLOB" => T::Clob,
            "NCLOB" => T::NClob,
            "BLOB" => T::Blob,
            "LONG" => T::Long,
            "LONG RAW" => T::LongRaw,
            "RAW" => T::Raw,
            "ROWID" => T::RowId,
            _ if name.starts_with("TIMESTAMP(") => match name.split_once(')') {
                Some((_, "")) => T::Timestamp,
                Some((_, " WITH TIME ZONE")) => T::TimestampTz,
                Some((_, " WITH LOCAL TIME ZONE")) => T::TimestampLtz,
                _ => T::Unsupported,
            },
            _ if name.starts_with("INTERVAL YEAR(") => T::IntervalYearMonth,
            _ if name.starts_with("INTERVAL DAY(") => T::IntervalDaySecond,
            _ => T::Unsupported,
        }
    }
}
