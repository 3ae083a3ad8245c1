//! Payloads of the commands that this client sends.

use super::wire::push_short;
use crate::error::{DecodeError, Result};

const COM_QUIT: u8 = 0x01;
const COM_QUERY: u8 = 0x03;
const COM_PING: u8 = 0x0E;
const COM_BINLOG_DUMP: u8 = 0x12;
const COM_REGISTER_SLAVE: u8 = 0x15;
const COM_BINLOG_DUMP_GTID: u8 = 0x1E;

/// Flags of the two dump commands.
pub mod dump_flag {
    /// End the stream with an EOF packet at the end of the log instead of waiting.
    pub const NON_BLOCK: u16 = 0x01;
    /// The position is a GTID set; only with `COM_BINLOG_DUMP_GTID`.
    pub const THROUGH_GTID: u16 = 0x04;
}

/// `COM_QUERY`: one statement.
pub fn com_query(sql: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(sql.len().saturating_add(1));
    out.push(COM_QUERY);
    out.extend_from_slice(sql.as_bytes());
    out
}

/// `COM_PING`.
pub fn com_ping() -> Vec<u8> {
    vec![COM_PING]
}

/// `COM_QUIT`: the server closes the connection without an answer.
pub fn com_quit() -> Vec<u8> {
    vec![COM_QUIT]
}

/// `COM_REGISTER_SLAVE`: makes the client show up in `SHOW REPLICAS`.
#[derive(Debug, Clone, Copy)]
pub struct RegisterReplica<'a> {
    /// Server id of the client, unique among the source's replicas.
    pub server_id: u32,
    /// Host name to show, at most 255 bytes (the server keeps 60).
    pub host: &'a str,
    /// Port to show.
    pub port: u16,
}

impl RegisterReplica<'_> {
    /// The payload.
    ///
    /// # Errors
    /// The host name is longer than 255 bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut out = vec![COM_REGISTER_SLAVE];
        out.extend_from_slice(&self.server_id.to_le_bytes());
        push_short(&mut out, "replica host name", self.host.as_bytes())?;
        out.extend_from_slice(&[0, 0]); // user and password to show: none
        out.extend_from_slice(&self.port.to_le_bytes());
        out.extend_from_slice(&[0; 8]); // rank and source id, both unused by servers
        Ok(out)
    }
}

/// `COM_BINLOG_DUMP`: stream from a file and offset.
#[derive(Debug, Clone, Copy)]
pub struct BinlogDump<'a> {
    /// Server id of the client.
    pub server_id: u32,
    /// File name without directory; empty for the oldest.
    pub file: &'a str,
    /// Offset of an event, 4 or more.
    pub offset: u64,
    /// See [`dump_flag`].
    pub flags: u16,
}

impl BinlogDump<'_> {
    /// The payload.
    ///
    /// # Errors
    /// The offset does not fit the command's four bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let offset = u32::try_from(self.offset).map_err(|_| {
            DecodeError::new(
                "COM_BINLOG_DUMP",
                1,
                format!(
                    "offset {} of {} is beyond 4 GiB, which only a GTID position can reach",
                    self.offset, self.file
                ),
            )
        })?;
        let mut out = vec![COM_BINLOG_DUMP];
        out.extend_from_slice(&offset.to_le_bytes());
        out.extend_from_slice(&self.flags.to_le_bytes());
        out.extend_from_slice(&self.server_id.to_le_bytes());
        out.extend_from_slice(self.file.as_bytes());
        Ok(out)
    }
}

/// `COM_BINLOG_DUMP_GTID`: stream everything that is not in a GTID set.
#[derive(Debug, Clone, Copy)]
pub struct BinlogDumpGtid<'a> {
    /// Server id of the client.
    pub server_id: u32,
    /// The set that the client has, in the encoding of the wire.
    pub gtid_set: &'a [u8],
    /// Binlog file and offset to begin at, where the client knows that it has everything before. The set is
    /// left out behind it all the same. `None`: the server looks for the first file that has more than
    /// the set and reads it from its begin.
    pub place: Option<(&'a str, u64)>,
    /// See [`dump_flag`]; `THROUGH_GTID` is added.
    pub flags: u16,
}

impl BinlogDumpGtid<'_> {
    /// Offset of the first event of every file, behind the magic bytes.
    const FIRST_OFFSET: u64 = 4;

    /// The payload.
    ///
    /// # Errors
    /// The set or the name is larger than its four-byte length can say.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let (file, offset) = self.place.unwrap_or(("", Self::FIRST_OFFSET));
        let name_length = u32::try_from(file.len()).map_err(|_| {
            DecodeError::new("COM_BINLOG_DUMP_GTID", 0, "the file name is larger than 4 GiB")
        })?;
        let length = u32::try_from(self.gtid_set.len()).map_err(|_| {
            DecodeError::new("COM_BINLOG_DUMP_GTID", 0, "the GTID set is larger than 4 GiB")
        })?;
        let mut out = vec![COM_BINLOG_DUMP_GTID];
        out.extend_from_slice(&(self.flags | dump_flag::THROUGH_GTID).to_le_bytes());
        out.extend_from_slice(&self.server_id.to_le_bytes());
        out.extend_from_slice(&name_length.to_le_bytes());
        out.extend_from_slice(file.as_bytes());
        out.extend_from_slice(&offset.to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(self.gtid_set);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads() {
        assert_eq!(com_query("SELECT 1"), b"\x03SELECT 1");
        assert_eq!(com_ping(), [0x0E]);
        assert_eq!(com_quit(), [0x01]);
        let register = RegisterReplica { server_id: 0x0403_0201, host: "h", port: 0x0605 };
        assert_eq!(
            register.to_bytes().unwrap(),
            [0x15, 1, 2, 3, 4, 1, b'h', 0, 0, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0]
        );
        let dump = BinlogDump { server_id: 7, file: "b.1", offset: 4, flags: dump_flag::NON_BLOCK };
        assert_eq!(
            dump.to_bytes().unwrap(),
            [0x12, 4, 0, 0, 0, 1, 0, 7, 0, 0, 0, b'b', b'.', b'1']
        );
        let gtid = BinlogDumpGtid { server_id: 7, gtid_set: &[9; 8], place: None, flags: 0 };
        let mut want = vec![0x1E, 4, 0, 7, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0];
        want.extend_from_slice(&[9; 8]);
        assert_eq!(gtid.to_bytes().unwrap(), want);
        let placed = BinlogDumpGtid { place: Some(("b.1", 1 << 32)), ..gtid };
        want.splice(7..19, [3, 0, 0, 0, b'b', b'.', b'1', 0, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(placed.to_bytes().unwrap(), want);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let dump = BinlogDump { server_id: 1, file: "b.1", offset: 1 << 32, flags: 0 };
        assert!(dump.to_bytes().unwrap_err().to_string().contains("4 GiB"));
        let host = "h".repeat(256);
        assert!(RegisterReplica { server_id: 1, host: &host, port: 0 }.to_bytes().is_err());
    }
}
