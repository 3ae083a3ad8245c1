//! OK, ERR and EOF packets.

use super::wire::Reader;
use crate::error::Result;

/// A statement was done, or (with `DEPRECATE_EOF`) a result set ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OkPacket {
    /// Rows changed.
    pub affected_rows: u64,
    /// First generated key.
    pub last_insert_id: u64,
    /// See [`status`](super::status).
    pub status: u16,
    /// Number of warnings.
    pub warnings: u16,
    /// Text for people, often empty.
    pub info: String,
}

impl OkPacket {
    /// Reads an OK packet (first byte 0x00, or 0xFE at the end of a result set).
    ///
    /// # Errors
    /// Another packet, or cut.
    pub fn parse(payload: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("OK packet", payload);
        let marker = reader.u8()?;
        if !matches!(marker, 0x00 | 0xFE) {
            return Err(reader.error(format!("{marker:#04x} does not begin an OK packet")));
        }
        Ok(Self {
            affected_rows: reader.lenenc_int()?,
            last_insert_id: reader.lenenc_int()?,
            status: reader.u16()?,
            warnings: reader.u16()?,
            info: Reader::text(reader.rest()),
        })
    }
}

/// An error of the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("MySQL error {code} ({sqlstate}): {message}")]
pub struct ErrPacket {
    /// Error number, for example 1045.
    pub code: u16,
    /// Five characters; `HY000` where the server sent none (before authentication).
    pub sqlstate: String,
    /// Text for people.
    pub message: String,
}

impl ErrPacket {
    /// Reads an ERR packet (first byte 0xFF).
    ///
    /// # Errors
    /// Another packet, or cut.
    pub fn parse(payload: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("ERR packet", payload);
        let marker = reader.u8()?;
        if marker != 0xFF {
            return Err(reader.error(format!("{marker:#04x} does not begin an ERR packet")));
        }
        let code = reader.u16()?;
        let sqlstate = if reader.rest().first() == Some(&b'#') {
            reader.u8()?;
            Reader::text(reader.bytes(5)?)
        } else {
            "HY000".to_owned()
        };
        Ok(Self { code, sqlstate, message: Reader::text(reader.rest()) })
    }
}

/// The end of a list of column definitions or rows, without `DEPRECATE_EOF`; also how a server ends
/// a binlog stream that was asked not to block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EofPacket {
    /// Number of warnings.
    pub warnings: u16,
    /// See [`status`](super::status).
    pub status: u16,
}

impl EofPacket {
    /// Longest EOF packet in bytes plus one; a longer packet that begins with 0xFE is something else.
    const LENGTH_END: usize = 9;

    /// The payload is an EOF packet and not a row that begins with the same byte.
    pub fn is(payload: &[u8]) -> bool {
        payload.first() == Some(&0xFE) && payload.len() < Self::LENGTH_END
    }

    /// Reads an EOF packet.
    ///
    /// # Errors
    /// Another packet, or cut.
    pub fn parse(payload: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("EOF packet", payload);
        if !Self::is(payload) {
            return Err(reader.error("it is longer than an EOF packet or does not begin with 0xfe"));
        }
        reader.u8()?;
        Ok(Self { warnings: reader.u16()?, status: reader.u16()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn packets() {
        let ok = OkPacket::parse(&[0, 0xFC, 0, 1, 5, 2, 0, 3, 0, b'h', b'i']).unwrap();
        assert_eq!((ok.affected_rows, ok.last_insert_id, ok.status, ok.warnings), (256, 5, 2, 3));
        assert_eq!(ok.info, "hi");
        let error = ErrPacket::parse(b"\xFF\x15\x04#28000Access denied").unwrap();
        assert_eq!(error.to_string(), "MySQL error 1045 (28000): Access denied");
        let error = ErrPacket::parse(b"\xFF\x10\x04Too many connections").unwrap();
        assert_eq!((error.code, error.sqlstate.as_str()), (1040, "HY000"));
        let eof = EofPacket::parse(&[0xFE, 1, 0, 2, 0]).unwrap();
        assert_eq!(eof, EofPacket { warnings: 1, status: 2 });
        assert!(EofPacket::parse(&[0xFE; 9]).is_err());
        assert!(ErrPacket::parse(b"\xFF\x15\x04#28").is_err());
        assert!(OkPacket::parse(&[1, 0, 0]).is_err());
    }

    proptest! {
        #[test]
        fn no_panic(bytes: Vec<u8>) {
            let _ = OkPacket::parse(&bytes);
            let _ = ErrPacket::parse(&bytes);
            let _ = EofPacket::parse(&bytes);
        }
    }
}
