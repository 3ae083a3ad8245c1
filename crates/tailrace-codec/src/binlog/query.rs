//! QUERY_EVENT: a statement in text form (`BEGIN`, `COMMIT`, DDL, `XA …`, or a change under
//! statement format).

use super::cursor::Cursor;
use super::header::HEADER_BYTES;
use crate::error::Result;
use crate::schema::CollationId;

const WHAT: &str = "QUERY_EVENT";

/// A statement and the session it ran in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryEvent<'a> {
    /// Connection id of the session.
    pub thread_id: u32,
    /// Seconds the statement took.
    pub execution_seconds: u32,
    /// Error the statement ended with on the server; 0 is none.
    pub error_code: u16,
    /// Default database of the session, against which unqualified names resolve; empty without one.
    pub database: &'a str,
    /// Session variables.
    pub status: StatusVars<'a>,
    /// The statement, in the character set of [`StatusVars::client_collation`].
    pub sql: &'a [u8],
}

/// Session variables that came with a statement; `None` where the server did not write one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusVars<'a> {
    /// Flags such as `foreign_key_checks` (bit 26 off), `autocommit` (bit 19 off).
    pub flags2: Option<u32>,
    /// `sql_mode` bits.
    pub sql_mode: Option<u64>,
    /// Catalog name, always `std`.
    pub catalog: Option<&'a [u8]>,
    /// `auto_increment_increment` and `auto_increment_offset`.
    pub auto_increment: Option<(u16, u16)>,
    /// Default collation of `character_set_client`: the statement's text is in that character set.
    pub client_collation: Option<CollationId>,
    /// `collation_connection`.
    pub connection_collation: Option<CollationId>,
    /// `collation_server`.
    pub server_collation: Option<CollationId>,
    /// `time_zone`.
    pub time_zone: Option<&'a [u8]>,
    /// `lc_time_names` number.
    pub lc_time_names: Option<u16>,
    /// `collation_database`.
    pub database_collation: Option<CollationId>,
    /// Bitmap of tables a multi-table update changes.
    pub table_map_for_update: Option<u64>,
    /// Definer: user and host.
    pub invoker: Option<(&'a [u8], &'a [u8])>,
    /// Number of databases the statement changes; 254 stands for too many to list.
    pub updated_databases: Option<u8>,
    /// The listed names, each ended by a zero byte.
    pub updated_database_names: &'a [u8],
    /// Microseconds of the statement's start.
    pub microseconds: Option<u32>,
    /// `explicit_defaults_for_timestamp`.
    pub explicit_defaults_for_timestamp: Option<bool>,
    /// Engine transaction number of an atomic DDL statement: the event ends its transaction.
    pub ddl_xid: Option<u64>,
    /// `default_collation_for_utf8mb4`.
    pub default_collation_for_utf8mb4: Option<CollationId>,
    /// `sql_require_primary_key`.
    pub require_primary_key: Option<bool>,
    /// `default_table_encryption`.
    pub default_table_encryption: Option<bool>,
    /// `enable_cascade_triggers`.
    pub cascade_triggers: Option<bool>,
    /// Code of the first variable this reader does not know. The format orders variables by code
    /// and has no lengths, so this one and those after it cannot be read; none of them can change
    /// the meaning of the ones above.
    pub first_unknown: Option<u8>,
}

/// A list of updated databases with this count has no names.
const TOO_MANY_DATABASES: u8 = 254;
/// Fixed part of the post-header.
const POST_HEADER_BYTES: usize = 13;

impl<'a> QueryEvent<'a> {
    /// Reads the body; `post_header` is the length of the fixed part as FORMAT_DESCRIPTION gives it.
    ///
    /// # Errors
    /// If the body is cut short or the database name is not UTF-8.
    pub fn parse(body: &'a [u8], post_header: usize) -> Result<Self> {
        let mut c = Cursor::new(body, HEADER_BYTES, WHAT);
        let thread_id = c.u32("thread id")?;
        let execution_seconds = c.u32("execution time")?;
        let database_len = c.u8("database length")?;
        let error_code = c.u16("error code")?;
        let status_len = c.u16("status variables length")?;
        c.bytes(post_header.saturating_sub(POST_HEADER_BYTES), "post-header")?;
        let status_at = c.pos();
        let status_bytes = c.bytes(usize::from(status_len), "status variables")?;
        let status = StatusVars::parse(Cursor::new(status_bytes, status_at, WHAT))?;
        let database = c.text(usize::from(database_len), "database")?;
        c.zero("database")?;
        Ok(Self { thread_id, execution_seconds, error_code, database, status, sql: c.take_rest() })
    }
}

impl<'a> StatusVars<'a> {
    fn parse(mut c: Cursor<'a>) -> Result<Self> {
        let mut vars = Self::default();
        while !c.is_empty() {
            let code = c.u8("status variable code")?;
            if !vars.read_variable(code, &mut c)? {
                vars.first_unknown = Some(code);
                break;
            }
        }
        Ok(vars)
    }

    fn read_variable(&mut self, code: u8, c: &mut Cursor<'a>) -> Result<bool> {
        match code {
            0 => self.flags2 = Some(c.u32("flags2")?),
            1 => self.sql_mode = Some(c.u64("sql_mode")?),
            2 => {
                // Written by MySQL 5.0.0 to 5.0.3 only: with a terminating zero.
                self.catalog = Some(short_bytes(c, "catalog")?);
                c.zero("catalog")?;
            }
            3 => {
                self.auto_increment =
                    Some((c.u16("auto_increment_increment")?, c.u16("auto_increment_offset")?));
            }
            4 => {
                self.client_collation = Some(c.u16("character_set_client")?);
                self.connection_collation = Some(c.u16("collation_connection")?);
                self.server_collation = Some(c.u16("collation_server")?);
            }
            5 => self.time_zone = Some(short_bytes(c, "time_zone")?),
            6 => self.catalog = Some(short_bytes(c, "catalog")?),
            7 => self.lc_time_names = Some(c.u16("lc_time_names")?),
            8 => self.database_collation = Some(c.u16("collation_database")?),
            9 => self.table_map_for_update = Some(c.u64("table map for update")?),
            // Length of the LOAD DATA source as the master wrote it; of no use to a reader.
            10 => drop(c.u32("master data written")?),
            11 => {
                self.invoker =
                    Some((short_bytes(c, "invoker user")?, short_bytes(c, "invoker host")?));
            }
            12 => self.read_updated_databases(c)?,
            13 => self.microseconds = u32::try_from(c.uint(3, "microseconds")?).ok(),
            16 => {
                self.explicit_defaults_for_timestamp =
                    Some(c.u8("explicit_defaults_for_timestamp")? != 0);
            }
            17 => self.ddl_xid = Some(c.u64("DDL xid")?),
            18 => {
                self.default_collation_for_utf8mb4 = Some(c.u16("default_collation_for_utf8mb4")?);
            }
            19 => self.require_primary_key = Some(c.u8("sql_require_primary_key")? != 0),
            20 => self.default_table_encryption = Some(c.u8("default_table_encryption")? != 0),
            21 => self.cascade_triggers = Some(c.u8("enable_cascade_triggers")? != 0),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn read_updated_databases(&mut self, c: &mut Cursor<'a>) -> Result<()> {
        let count = c.u8("updated databases count")?;
        self.updated_databases = Some(count);
        if count == TOO_MANY_DATABASES {
            return Ok(());
        }
        let names = c.rest();
        let mut len = 0usize;
        for _ in 0..count {
            let name = names.get(len..).unwrap_or_default();
            let Some(end) = memchr::memchr(0, name) else {
                return Err(c.error("updated databases", "a name is not ended by a zero byte"));
            };
            len = len.saturating_add(end).saturating_add(1);
        }
        self.updated_database_names = c.bytes(len, "updated databases")?;
        Ok(())
    }
}

fn short_bytes<'a>(c: &mut Cursor<'a>, field: &'static str) -> Result<&'a [u8]> {
    let len = c.u8(field)?;
    c.bytes(usize::from(len), field)
}
