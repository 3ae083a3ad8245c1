use sqlx::{Row as _, SqliteConnection};

use super::{SqliteStore, from_sql, journal, require_epoch, to_sql};
use crate::control::job::Page;
use crate::control::view::{DdlEntry, TableProgress};
use crate::store::progress::DDL_ENTRIES_MAX;
use crate::store::{
    ProgressStore, ProgressWrite, StoreError, StoreFuture, StoreResult, StoredProgress,
};

async fn write_checkpoint(
    connection: &mut SqliteConnection,
    job_id: &str,
    epoch: u64,
    write: &ProgressWrite<'_>,
) -> StoreResult<()> {
    let json = |e: serde_json::Error| StoreError::damaged("checkpoints", e);
    let checkpoint = write.checkpoint.map(serde_json::to_string).transpose().map_err(json)?;
    let totals = serde_json::to_string(&write.totals).map_err(json)?;
    sqlx::query(
        "INSERT INTO checkpoints (job_id, epoch, checkpoint, totals, written_ms)
         VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (job_id) DO UPDATE
         SET epoch = excluded.epoch, checkpoint = coalesce(excluded.checkpoint, checkpoint),
             totals = excluded.totals, written_ms = excluded.written_ms",
    )
    .bind(job_id)
    .bind(to_sql(epoch))
    .bind(checkpoint)
    .bind(totals)
    .bind(write.at_ms)
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_tables(
    connection: &mut SqliteConnection,
    job_id: &str,
    tables: &[TableProgress],
) -> StoreResult<()> {
    for table in tables {
        sqlx::query(
            "INSERT INTO table_progress (job_id, database_name, table_name, row_count, done)
             VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (job_id, database_name, table_name) DO UPDATE
             SET row_count = excluded.row_count, done = excluded.done",
        )
        .bind(job_id)
        .bind(&table.database)
        .bind(&table.table)
        .bind(to_sql(table.rows))
        .bind(table.done)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn write_ddl(
    connection: &mut SqliteConnection,
    job_id: &str,
    statements: &[(String, String)],
    at_ms: i64,
) -> StoreResult<()> {
    for (position, statement) in statements {
        sqlx::query(
            "INSERT INTO ddl (job_id, seq, position, statement, at_ms)
             SELECT ?1, coalesce(max(seq), 0) + 1, ?2, ?3, ?4 FROM ddl WHERE job_id = ?1",
        )
        .bind(job_id)
        .bind(position)
        .bind(statement)
        .bind(at_ms)
        .execute(&mut *connection)
        .await?;
    }
    if !statements.is_empty() {
        sqlx::query(
            "DELETE FROM ddl WHERE job_id = ?1
             AND seq <= (SELECT max(seq) FROM ddl WHERE job_id = ?1) - ?2",
        )
        .bind(job_id)
        .bind(to_sql(DDL_ENTRIES_MAX))
        .execute(connection)
        .await?;
    }
    Ok(())
}

impl ProgressStore for SqliteStore {
    fn save_progress<'a>(
        &'a self,
        job_id: &'a str,
        epoch: u64,
        write: ProgressWrite<'a>,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            require_epoch(&mut tx, job_id, epoch).await?;
            write_checkpoint(&mut tx, job_id, epoch, &write).await?;
            write_tables(&mut tx, job_id, write.tables).await?;
            write_ddl(&mut tx, job_id, write.ddl, write.at_ms).await?;
            journal::write_log(&mut tx, job_id, write.log).await?;
            Ok(tx.commit().await?)
        })
    }

    fn progress<'a>(&'a self, job_id: &'a str) -> StoreFuture<'a, Option<StoredProgress>> {
        Box::pin(async move {
            let row = sqlx::query("SELECT checkpoint, totals FROM checkpoints WHERE job_id = ?")
                .bind(job_id)
                .fetch_optional(&self.read)
                .await?;
            row.map(|row| {
                let damaged = |e: serde_json::Error| StoreError::damaged("checkpoints", e);
                let checkpoint: Option<String> = row.try_get("checkpoint")?;
                let totals: String = row.try_get("totals")?;
                Ok(StoredProgress {
                    checkpoint: checkpoint
                        .map(|text| serde_json::from_str(&text))
                        .transpose()
                        .map_err(damaged)?,
                    totals: serde_json::from_str(&totals).map_err(damaged)?,
                })
            })
            .transpose()
        })
    }

    fn forget_progress<'a>(&'a self, job_id: &'a str, epoch: u64) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            require_epoch(&mut tx, job_id, epoch).await?;
            for statement in [
                "DELETE FROM checkpoints WHERE job_id = ?",
                "DELETE FROM table_progress WHERE job_id = ?",
            ] {
                sqlx::query(statement).bind(job_id).execute(&mut *tx).await?;
            }
            Ok(tx.commit().await?)
        })
    }

    fn table_progress<'a>(
        &'a self,
        job_id: &'a str,
        page: Page,
    ) -> StoreFuture<'a, (u64, Vec<TableProgress>)> {
        Box::pin(async move {
            let count: i64 =
                sqlx::query_scalar("SELECT count(*) FROM table_progress WHERE job_id = ?")
                    .bind(job_id)
                    .fetch_one(&self.read)
                    .await?;
            let rows = sqlx::query(
                "SELECT database_name, table_name, row_count, done FROM table_progress
                 WHERE job_id = ? ORDER BY database_name, table_name LIMIT ? OFFSET ?",
            )
            .bind(job_id)
            .bind(to_sql(page.limit))
            .bind(to_sql(page.offset))
            .fetch_all(&self.read)
            .await?;
            let tables = rows
                .iter()
                .map(|row| {
                    Ok(TableProgress {
                        database: row.try_get("database_name")?,
                        table: row.try_get("table_name")?,
                        rows: from_sql("table_progress.row_count", row.try_get("row_count")?)?,
                        done: row.try_get("done")?,
                    })
                })
                .collect::<StoreResult<_>>()?;
            Ok((from_sql("count", count)?, tables))
        })
    }

    fn ddl<'a>(&'a self, job_id: &'a str, page: Page) -> StoreFuture<'a, (u64, Vec<DdlEntry>)> {
        Box::pin(async move {
            let count: i64 = sqlx::query_scalar("SELECT count(*) FROM ddl WHERE job_id = ?")
                .bind(job_id)
                .fetch_one(&self.read)
                .await?;
            let rows = sqlx::query(
                "SELECT seq, position, statement, at_ms, cleared_ms FROM ddl
                 WHERE job_id = ? ORDER BY seq LIMIT ? OFFSET ?",
            )
            .bind(job_id)
            .bind(to_sql(page.limit))
            .bind(to_sql(page.offset))
            .fetch_all(&self.read)
            .await?;
            let entries = rows
                .iter()
                .map(|row| {
                    Ok(DdlEntry {
                        seq: from_sql("ddl.seq", row.try_get("seq")?)?,
                        position: row.try_get("position")?,
                        statement: row.try_get("statement")?,
                        at_ms: row.try_get("at_ms")?,
                        cleared_ms: row.try_get("cleared_ms")?,
                    })
                })
                .collect::<StoreResult<_>>()?;
            Ok((from_sql("count", count)?, entries))
        })
    }

    fn clear_ddl<'a>(&'a self, job_id: &'a str, seq: u64, at_ms: i64) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let done = sqlx::query(
                "UPDATE ddl SET cleared_ms = coalesce(cleared_ms, ?) WHERE job_id = ? AND seq = ?",
            )
            .bind(at_ms)
            .bind(job_id)
            .bind(to_sql(seq))
            .execute(&self.write)
            .await?;
            Ok(done.rows_affected() == 1)
        })
    }
}
