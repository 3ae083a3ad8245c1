//! The store in one SQLite file: WAL, one connection that writes, a few that read.

mod batch;
mod connection;
mod directory;
mod export;
mod grant;
mod iam;
mod job;
mod job_list;
mod journal;
mod key;
mod lease;
mod progress;
mod query;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, Sqlite, SqliteConnection, Transaction};

use super::{Store, StoreError, StoreFuture, StoreResult};

/// How long a statement waits for another process (a backup, a shell) that has the file locked.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that read.
const READERS_MAX: u32 = 4;

/// A store in a SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    write: SqlitePool,
    read: SqlitePool,
}

impl SqliteStore {
    /// Opens the file, makes it if it is not there, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError::Engine`] if it cannot be opened, is not a database, or was written by a newer
    /// Tailrace.
    pub async fn open(path: &Path) -> StoreResult<Self> {
        make_private(path).map_err(|e| StoreError::Engine(format!("{}: {e}", path.display())))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A state that was answered to a user must survive a power cut.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let fail = |e: sqlx::Error| match StoreError::from(e) {
            StoreError::Full(text) => {
                StoreError::Full(format!("{}: the disk is full: {text}", path.display()))
            }
            other => StoreError::Engine(format!("{}: {other}", path.display())),
        };
        // One writer: SQLite lets only one at a time anyway, and waiting here is fair.
        let write = SqlitePoolOptions::new()
            .min_connections(1)
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_release(|connection, _| Box::pin(is_out_of_transaction(connection)))
            .connect_with(options.clone())
            .await
            .map_err(fail)?;
        sqlx::migrate!("migrations/sqlite")
            .run(&write)
            .await
            .map_err(|e| StoreError::Engine(format!("{}: {e}", path.display())))?;
        let read = SqlitePoolOptions::new()
            .min_connections(1)
            .max_connections(READERS_MAX)
            .connect_with(options.read_only(true))
            .await
            .map_err(fail)?;
        Ok(Self { write, read })
    }

    /// A transaction that has the write lock from its first moment: one that took it only at its
    /// first write could find that what it read is outdated, and fail.
    async fn begin(&self) -> StoreResult<Transaction<'static, Sqlite>> {
        Ok(self.write.begin_with("BEGIN IMMEDIATE").await?)
    }
}

/// Whether a connection that comes back can be used again.
///
/// SQLite ends a transaction by itself when the disk is full. The library then cannot roll it back, takes it for open from
/// then on, and begins no other: such a connection is closed.
async fn is_out_of_transaction(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    // Behind a rollback that is under way.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Makes the file with access for its owner only, if it is not there; SQLite gives its companions the
/// same mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(()),
    }
}

impl Store for SqliteStore {
    fn ping(&self) -> StoreFuture<'_, ()> {
        Box::pin(async {
            sqlx::query("SELECT 1").execute(&self.read).await?;
            Ok(())
        })
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(async {
            self.read.close().await;
            self.write.close().await;
            Ok(())
        })
    }
}

/// `SQLITE_FULL` and `SQLITE_IOERR_SHMSIZE` of SQLite's result codes: its file, the log or the index beside it cannot grow.
const FULL: [&str; 2] = ["13", "4874"];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let text = format!("store: {error}");
        match error.as_database_error().and_then(|e| e.code()) {
            Some(code) if FULL.contains(&&*code) => Self::Full(text),
            _ => Self::Engine(text),
        }
    }
}

/// SQLite has signed integers only; no count here comes near their end.
fn to_sql(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn from_sql(column: &str, n: i64) -> StoreResult<u64> {
    u64::try_from(n).map_err(|_| StoreError::damaged(column, format!("{n} is negative")))
}

/// Refuses a writer whose lease was given out anew.
async fn require_epoch(
    connection: &mut SqliteConnection,
    job_id: &str,
    epoch: u64,
) -> StoreResult<()> {
    let held: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM leases WHERE job_id = ? AND epoch = ?")
            .bind(job_id)
            .bind(to_sql(epoch))
            .fetch_optional(connection)
            .await?;
    held.map(|_| ()).ok_or(StoreError::Fenced)
}

async fn job_exists(connection: &mut SqliteConnection, job_id: &str) -> StoreResult<bool> {
    let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM jobs WHERE id = ?")
        .bind(job_id)
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

#[cfg(test)]
mod tests;
