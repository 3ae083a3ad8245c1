//! Bits that both sides of a connection exchange.

/// Client and server capabilities (`CLIENT_*`).
pub mod capability {
    /// Password hashing of 4.1; always set.
    pub const LONG_PASSWORD: u32 = 1;
    /// `affected_rows` counts matched rows.
    pub const FOUND_ROWS: u32 = 1 << 1;
    /// Column flags have two bytes; always set.
    pub const LONG_FLAG: u32 = 1 << 2;
    /// The handshake response names a database.
    pub const CONNECT_WITH_DB: u32 = 1 << 3;
    /// The 4.1 protocol; always set.
    pub const PROTOCOL_41: u32 = 1 << 9;
    /// The connection changes to TLS after the SSL request.
    pub const SSL: u32 = 1 << 11;
    /// Status flags in EOF packets.
    pub const TRANSACTIONS: u32 = 1 << 13;
    /// Scrambled passwords of 4.1; always set.
    pub const SECURE_CONNECTION: u32 = 1 << 15;
    /// Several result sets may answer one query; never set here.
    pub const MULTI_RESULTS: u32 = 1 << 17;
    /// The authentication method is named.
    pub const PLUGIN_AUTH: u32 = 1 << 19;
    /// Connection attributes follow.
    pub const CONNECT_ATTRS: u32 = 1 << 20;
    /// The authentication response has a length-encoded length.
    pub const PLUGIN_AUTH_LENENC_DATA: u32 = 1 << 21;
    /// OK packets carry session changes; never set here.
    pub const SESSION_TRACK: u32 = 1 << 23;
    /// Result sets end with an OK packet instead of EOF packets.
    pub const DEPRECATE_EOF: u32 = 1 << 24;
}

/// Server status bits of OK and EOF packets (`SERVER_STATUS_*`).
pub mod status {
    /// A transaction is open.
    pub const IN_TRANSACTION: u16 = 1;
    /// Autocommit is on.
    pub const AUTOCOMMIT: u16 = 1 << 1;
    /// Another result set follows.
    pub const MORE_RESULTS: u16 = 1 << 3;
}

/// Flags of a column definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnFlags(pub u16);

impl ColumnFlags {
    /// NOT NULL.
    pub fn not_null(self) -> bool {
        self.0 & 1 != 0
    }

    /// Part of the primary key.
    pub fn primary_key(self) -> bool {
        self.0 & 2 != 0
    }

    /// UNSIGNED.
    pub fn unsigned(self) -> bool {
        self.0 & 0x20 != 0
    }

    /// `BINARY` flag: compares by bytes.
    pub fn binary(self) -> bool {
        self.0 & 0x80 != 0
    }
}
