//! What the reading of a statement depends on beside its text.

/// The server and session that wrote a statement. The session's part is in the status variables of
/// a QUERY event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// MariaDB, else MySQL (and TaurusDB).
    pub mariadb: bool,
    /// The server's version as `major * 10000 + minor * 100 + patch`, for example 80036. Version
    /// comments (`/*!80023 … */`) of later versions are comments.
    pub version: u32,
    /// `"…"` is a name, not text (`ANSI_QUOTES`).
    pub ansi_quotes: bool,
    /// A backslash inside text is itself (`NO_BACKSLASH_ESCAPES`).
    pub no_backslash_escapes: bool,
    /// `REAL` is FLOAT, not DOUBLE (`REAL_AS_FLOAT`).
    pub real_as_float: bool,
    /// A TIMESTAMP column may hold NULL unless it says otherwise (`explicit_defaults_for_timestamp`,
    /// the default from MySQL 8.0 and MariaDB 10.10 on).
    pub nullable_timestamps: bool,
}

impl Dialect {
    /// MySQL with its default modes.
    pub const MYSQL: Self = Self {
        mariadb: false,
        version: 90_799,
        ansi_quotes: false,
        no_backslash_escapes: false,
        real_as_float: false,
        nullable_timestamps: true,
    };

    /// MariaDB with its default modes.
    pub const MARIADB: Self = Self { mariadb: true, version: 119_999, ..Self::MYSQL };

    /// A server by product and version (`major, minor, patch`), with its default modes.
    pub fn of_server(mariadb: bool, (major, minor, patch): (u32, u32, u32)) -> Self {
        let version = major
            .saturating_mul(10_000)
            .saturating_add(minor.saturating_mul(100))
            .saturating_add(patch);
        let nullable_since = if mariadb { 101_000 } else { 80_000 };
        Self { mariadb, version, nullable_timestamps: version >= nullable_since, ..Self::MYSQL }
    }

    /// The same with the modes of a session: `sql_mode` as a QUERY event's status variable has it.
    #[must_use]
    pub fn with_sql_mode(self, bits: u64) -> Self {
        Self {
            real_as_float: bits & 1 != 0,
            ansi_quotes: bits & 4 != 0,
            no_backslash_escapes: bits & (1 << 20) != 0,
            ..self
        }
    }
}

impl Default for Dialect {
    fn default() -> Self {
        Self::MYSQL
    }
}
