//! A plain SQL session on a source, for commands that show or compare its data.

use crate::error::Result;
use crate::job::{Limits, MysqlEndpoint};
use crate::run::StopSignal;
use crate::source::mysql::catalog;
use crate::source::mysql::connection::Connection;

/// A row of a result: its cells as text, `None` for NULL.
pub type TextRow = Vec<Option<String>>;

/// A session. Blocking; for small results.
pub struct Session {
    connection: Connection,
}

impl Session {
    /// Logs in.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn connect(endpoint: &MysqlEndpoint) -> Result<Self> {
        let connection = Connection::connect(endpoint, &Limits::default(), StopSignal::new())?;
        Ok(Self { connection })
    }

    /// Executes a statement without a result.
    ///
    /// # Errors
    /// `SourceStatement` with the server's words.
    pub fn execute(&mut self, sql: &str) -> Result<()> {
        self.connection.execute(sql)
    }

    /// File and offset of the end of the log.
    ///
    /// # Errors
    /// `SourceSetting` if there is no log, and as [`Session::execute`].
    pub fn end_of_log(&mut self) -> Result<(String, u64)> {
        catalog::binlog_end(&mut self.connection)
    }

    /// The rows of a query; bytes that are no UTF-8 are replaced.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn rows(&mut self, sql: &str) -> Result<Vec<TextRow>> {
        let text = |cell: Option<&[u8]>| cell.map(|b| String::from_utf8_lossy(b).into_owned());
        let rows = self.connection.rows(sql)?;
        Ok(rows.iter().map(|row| row.cells().into_iter().map(text).collect()).collect())
    }
}
