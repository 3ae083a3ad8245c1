//! What the server says of a result set's column.

use super::{flags::ColumnFlags, wire::Reader};
use crate::{error::Result, schema::CollationId};

/// A column of a result set (`ColumnDefinition41`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDefinition {
    /// Database of the table, empty for expressions.
    pub database: String,
    /// Table as the statement names it.
    pub table: String,
    /// Column as the statement names it.
    pub name: String,
    /// Column as the table names it, empty for expressions.
    pub original_name: String,
    /// Collation of the values as sent; 63 is binary.
    pub collation: CollationId,
    /// Longest value in bytes.
    pub column_length: u32,
    /// The protocol's type number (`MYSQL_TYPE_*`).
    pub column_type: u8,
    /// Flags.
    pub flags: ColumnFlags,
    /// Digits behind the point; 31 where there is no fixed number.
    pub decimals: u8,
}

impl ColumnDefinition {
    /// Reads a column definition packet.
    ///
    /// # Errors
    /// The packet is cut, or its fixed part has another length than 12.
    pub fn parse(payload: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("column definition", payload);
        reader.lenenc_bytes()?; // catalog, always "def"
        let database = Reader::text(reader.lenenc_bytes()?);
        let table = Reader::text(reader.lenenc_bytes()?);
        reader.lenenc_bytes()?; // table before aliasing
        let name = Reader::text(reader.lenenc_bytes()?);
        let original_name = Reader::text(reader.lenenc_bytes()?);
        let fixed = reader.lenenc_int()?;
        if fixed != 12 {
            return Err(reader.error(format!("the fixed part has {fixed} bytes, not 12")));
        }
        let definition = Self {
            database,
            table,
            name,
            original_name,
            collation: reader.u16()?,
            column_length: reader.u32()?,
            column_type: reader.u8()?,
            flags: ColumnFlags(reader.u16()?),
            decimals: reader.u8()?,
        };
        reader.bytes(2)?;
        Ok(definition)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_definition() {
        let mut packet = b"\x03def\x01d\x01t\x01o\x02id\x02ID\x0c".to_vec();
        packet.extend_from_slice(&[63, 0, 20, 0, 0, 0, 8, 0x23, 0, 0, 0, 0]);
        let column = ColumnDefinition::parse(&packet).unwrap();
        assert_eq!((column.database.as_str(), column.table.as_str()), ("d", "t"));
        assert_eq!((column.name.as_str(), column.original_name.as_str()), ("id", "ID"));
        assert_eq!((column.collation, column.column_length, column.column_type), (63, 20, 8));
        assert!(column.flags.not_null() && column.flags.primary_key() && column.flags.unsigned());
        assert!(!column.flags.binary());
        for length in 0..packet.len() {
            assert!(ColumnDefinition::parse(&packet[..length]).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_panic(bytes: Vec<u8>) {
            let _ = ColumnDefinition::parse(&bytes);
        }
    }
}
