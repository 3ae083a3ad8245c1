//! Text result sets: what answers a query, and its rows.

use super::{
    response::{EofPacket, ErrPacket, OkPacket},
    wire::Reader,
};
use crate::error::{DecodeError, Result};

/// The first packet that answers a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryResponse {
    /// Done, no rows.
    Ok(OkPacket),
    /// Failed.
    Err(ErrPacket),
    /// So many column definitions follow, then (without `DEPRECATE_EOF`) an EOF packet, then rows.
    ResultSet {
        /// Columns of each row.
        columns: usize,
    },
}

impl QueryResponse {
    /// Reads the first packet.
    ///
    /// # Errors
    /// The packet is cut, or asks for a file of the client, which is never sent.
    pub fn parse(payload: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("query response", payload);
        match payload.first() {
            Some(0x00) => OkPacket::parse(payload).map(Self::Ok),
            Some(0xFF) => ErrPacket::parse(payload).map(Self::Err),
            Some(0xFB) => Err(reader.error("the server asks for a local file")),
            _ => {
                let count = reader.lenenc_int()?;
                let columns = usize::try_from(count)
                    .ok()
                    .filter(|&c| c <= Self::COLUMNS_MAX && reader.is_empty())
                    .ok_or_else(|| reader.error(format!("{count} is not a number of columns")))?;
                Ok(Self::ResultSet { columns })
            }
        }
    }

    /// MySQL's own limit of columns in a result set.
    const COLUMNS_MAX: usize = 4096;
}

/// A packet after the column definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowPacket<'a> {
    /// A row.
    Row(TextRow<'a>),
    /// No more rows. Status bits tell whether another result set follows.
    End {
        /// See [`status`](super::status).
        status: u16,
    },
    /// The statement failed after it had begun to answer.
    Err(ErrPacket),
}

impl<'a> RowPacket<'a> {
    /// Reads a packet; `deprecate_eof` is what the handshake agreed on.
    ///
    /// # Errors
    /// An end or ERR packet that is cut. Rows are checked when they are read.
    pub fn parse(payload: &'a [u8], deprecate_eof: bool) -> Result<Self> {
        match payload.first() {
            Some(0xFF) => ErrPacket::parse(payload).map(Self::Err),
            // A row can begin with 0xFE too: a value of 16 MiB or more, so the packet is longer.
            Some(0xFE) if deprecate_eof && payload.len() < super::PACKET_PAYLOAD_MAX => {
                OkPacket::parse(payload).map(|ok| Self::End { status: ok.status })
            }
            Some(0xFE) if !deprecate_eof && EofPacket::is(payload) => {
                EofPacket::parse(payload).map(|eof| Self::End { status: eof.status })
            }
            Some(_) => Ok(Self::Row(TextRow::new(payload))),
            None => Err(DecodeError::new("row packet", 0, "it is empty")),
        }
    }
}

/// One row of a text result set, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextRow<'a>(&'a [u8]);

impl<'a> TextRow<'a> {
    /// The row in a packet's payload.
    pub fn new(payload: &'a [u8]) -> Self {
        Self(payload)
    }

    /// Its values from left to right.
    pub fn cells(&self) -> TextCells<'a> {
        TextCells(Some(Reader::new("text row", self.0)))
    }

    /// All values; there must be exactly `columns`.
    ///
    /// # Errors
    /// The row is cut or has another number of values.
    pub fn to_vec(&self, columns: usize) -> Result<Vec<Option<&'a [u8]>>> {
        let cells = self.cells().collect::<Result<Vec<_>>>()?;
        if cells.len() == columns {
            return Ok(cells);
        }
        Err(DecodeError::new(
            "text row",
            self.0.len(),
            format!("it has {} values, the result set {columns} columns", cells.len()),
        ))
    }
}

/// Iterator over a row's values: `None` is NULL. Ends after the first error.
#[derive(Debug, Clone)]
pub struct TextCells<'a>(Option<Reader<'a>>);

impl<'a> Iterator for TextCells<'a> {
    type Item = Result<Option<&'a [u8]>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.0.as_mut()?;
        if reader.is_empty() {
            return None;
        }
        let cell = reader.nullable_bytes();
        if cell.is_err() {
            self.0 = None;
        }
        Some(cell)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn responses() {
        assert_eq!(QueryResponse::parse(&[3]).unwrap(), QueryResponse::ResultSet { columns: 3 });
        assert!(matches!(
            QueryResponse::parse(&[0, 0, 0, 0, 0, 0, 0]).unwrap(),
            QueryResponse::Ok(_)
        ));
        assert!(matches!(
            QueryResponse::parse(b"\xFF\x01\x02#HY000x").unwrap(),
            QueryResponse::Err(_)
        ));
        assert!(QueryResponse::parse(b"\xFBfile").is_err());
        assert!(QueryResponse::parse(&[0xFC, 0xFF, 0xFF]).is_err());
        assert!(QueryResponse::parse(&[]).is_err());
    }

    #[test]
    fn rows_and_ends() {
        let RowPacket::Row(row) = RowPacket::parse(b"\x01a\xFB\x00", true).unwrap() else {
            panic!("a row")
        };
        assert_eq!(row.to_vec(3).unwrap(), [Some(&b"a"[..]), None, Some(b"")]);
        assert!(row.to_vec(2).is_err());
        assert!(TextRow::new(b"\x05ab").to_vec(1).is_err());
        assert_eq!(
            RowPacket::parse(&[0xFE, 0, 0, 2, 0, 0, 0], true).unwrap(),
            RowPacket::End { status: 2 }
        );
        assert_eq!(
            RowPacket::parse(&[0xFE, 0, 0, 8, 0], false).unwrap(),
            RowPacket::End { status: 8 }
        );
        assert!(RowPacket::parse(&[], true).is_err());
    }

    #[test]
    fn a_row_that_begins_like_an_end() {
        let length = 1 << 24;
        let mut packet = vec![0xFE];
        packet.extend_from_slice(&(length as u64).to_le_bytes());
        packet.resize(9 + length, b'x');
        for deprecate_eof in [false, true] {
            let RowPacket::Row(row) = RowPacket::parse(&packet, deprecate_eof).unwrap() else {
                panic!("a row")
            };
            assert_eq!(row.to_vec(1).unwrap()[0].unwrap().len(), length);
        }
    }

    proptest! {
        #[test]
        fn no_panic(bytes: Vec<u8>, deprecate_eof: bool) {
            let _ = QueryResponse::parse(&bytes);
            if let Ok(RowPacket::Row(row)) = RowPacket::parse(&bytes, deprecate_eof) {
                let _ = row.to_vec(3);
            }
        }
    }
}
