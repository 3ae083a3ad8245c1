//! Timeline, log and changes of parameters: rows that are only added, up to a number kept.

use sqlx::{Row as _, SqliteConnection};

use super::{SqliteStore, from_sql, job_exists, to_sql};
use crate::control::job::Page;
use crate::control::view::{LogEntry, LogLevel, ParameterChange, TimelineEntry};
use crate::store::job::{LOG_ENTRIES_MAX, PARAMETER_CHANGES_MAX, TIMELINE_ENTRIES_MAX};
use crate::store::{StoreError, StoreResult};

pub(super) async fn write_timeline(
    connection: &mut SqliteConnection,
    job_id: &str,
    entry: &TimelineEntry,
) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO timeline (job_id, name, success, at_ms, user_name, detail)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(job_id)
    .bind(&entry.name)
    .bind(entry.success)
    .bind(entry.at_ms)
    .bind(&entry.user_name)
    .bind(&entry.detail)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "DELETE FROM timeline WHERE job_id = ?1 AND seq <= (
             SELECT seq FROM timeline WHERE job_id = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
    )
    .bind(job_id)
    .bind(to_sql(TIMELINE_ENTRIES_MAX))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn write_log(
    connection: &mut SqliteConnection,
    job_id: &str,
    entries: &[LogEntry],
) -> StoreResult<()> {
    for entry in entries {
        sqlx::query("INSERT INTO job_logs (job_id, at_ms, level, message) VALUES (?, ?, ?, ?)")
            .bind(job_id)
            .bind(entry.at_ms)
            .bind(entry.level.name())
            .bind(&entry.message)
            .execute(&mut *connection)
            .await?;
    }
    if !entries.is_empty() {
        sqlx::query(
            "DELETE FROM job_logs WHERE job_id = ?1 AND seq <= (
                 SELECT seq FROM job_logs WHERE job_id = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
        )
        .bind(job_id)
        .bind(to_sql(LOG_ENTRIES_MAX))
        .execute(connection)
        .await?;
    }
    Ok(())
}

pub(super) async fn write_parameter_changes(
    connection: &mut SqliteConnection,
    job_id: &str,
    changes: &[ParameterChange],
) -> StoreResult<()> {
    for change in changes {
        sqlx::query(
            "INSERT INTO parameter_changes (job_id, name, old_value, new_value, at_ms, user_name)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(job_id)
        .bind(&change.name)
        .bind(&change.old_value)
        .bind(&change.new_value)
        .bind(change.at_ms)
        .bind(&change.user_name)
        .execute(&mut *connection)
        .await?;
    }
    if !changes.is_empty() {
        sqlx::query(
            "DELETE FROM parameter_changes WHERE job_id = ?1 AND seq <= (
                 SELECT seq FROM parameter_changes WHERE job_id = ?1
                 ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
        )
        .bind(job_id)
        .bind(to_sql(PARAMETER_CHANGES_MAX))
        .execute(connection)
        .await?;
    }
    Ok(())
}

impl SqliteStore {
    pub(super) async fn append_timeline(
        &self,
        job_id: &str,
        entry: &TimelineEntry,
    ) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        if job_exists(&mut tx, job_id).await? {
            write_timeline(&mut tx, job_id, entry).await?;
        }
        Ok(tx.commit().await?)
    }

    pub(super) async fn append_log(&self, job_id: &str, entries: &[LogEntry]) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        if job_exists(&mut tx, job_id).await? {
            write_log(&mut tx, job_id, entries).await?;
        }
        Ok(tx.commit().await?)
    }

    pub(super) async fn read_timeline(
        &self,
        job_id: &str,
        page: Page,
    ) -> StoreResult<(u64, Vec<TimelineEntry>)> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM timeline WHERE job_id = ?")
            .bind(job_id)
            .fetch_one(&self.read)
            .await?;
        let rows = sqlx::query(
            "SELECT name, success, at_ms, user_name, detail FROM timeline
             WHERE job_id = ? ORDER BY seq DESC LIMIT ? OFFSET ?",
        )
        .bind(job_id)
        .bind(to_sql(page.limit))
        .bind(to_sql(page.offset))
        .fetch_all(&self.read)
        .await?;
        let entries = rows
            .iter()
            .map(|row| {
                Ok(TimelineEntry {
                    name: row.try_get("name")?,
                    success: row.try_get("success")?,
                    at_ms: row.try_get("at_ms")?,
                    user_name: row.try_get("user_name")?,
                    detail: row.try_get("detail")?,
                })
            })
            .collect::<StoreResult<_>>()?;
        Ok((from_sql("count", count)?, entries))
    }

    pub(super) async fn read_log(
        &self,
        job_id: &str,
        level: Option<LogLevel>,
        page: Page,
    ) -> StoreResult<(u64, Vec<LogEntry>)> {
        let level = level.map(LogLevel::name);
        let count: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM job_logs WHERE job_id = ?1 AND (?2 IS NULL OR level = ?2)",
        )
        .bind(job_id)
        .bind(level)
        .fetch_one(&self.read)
        .await?;
        let rows = sqlx::query(
            "SELECT at_ms, level, message FROM job_logs
             WHERE job_id = ?1 AND (?2 IS NULL OR level = ?2)
             ORDER BY seq DESC LIMIT ?3 OFFSET ?4",
        )
        .bind(job_id)
        .bind(level)
        .bind(to_sql(page.limit))
        .bind(to_sql(page.offset))
        .fetch_all(&self.read)
        .await?;
        let entries = rows
            .iter()
            .map(|row| {
                let level: String = row.try_get("level")?;
                Ok(LogEntry {
                    at_ms: row.try_get("at_ms")?,
                    level: LogLevel::from_name(&level)
                        .ok_or_else(|| StoreError::damaged("job_logs.level", &level))?,
                    message: row.try_get("message")?,
                })
            })
            .collect::<StoreResult<_>>()?;
        Ok((from_sql("count", count)?, entries))
    }

    pub(super) async fn read_parameter_changes(
        &self,
        job_id: &str,
        page: Page,
    ) -> StoreResult<(u64, Vec<ParameterChange>)> {
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM parameter_changes WHERE job_id = ?")
                .bind(job_id)
                .fetch_one(&self.read)
                .await?;
        let rows = sqlx::query(
            "SELECT name, old_value, new_value, at_ms, user_name FROM parameter_changes
             WHERE job_id = ? ORDER BY seq DESC LIMIT ? OFFSET ?",
        )
        .bind(job_id)
        .bind(to_sql(page.limit))
        .bind(to_sql(page.offset))
        .fetch_all(&self.read)
        .await?;
        let entries = rows
            .iter()
            .map(|row| {
                Ok(ParameterChange {
                    name: row.try_get("name")?,
                    old_value: row.try_get("old_value")?,
                    new_value: row.try_get("new_value")?,
                    at_ms: row.try_get("at_ms")?,
                    user_name: row.try_get("user_name")?,
                })
            })
            .collect::<StoreResult<_>>()?;
        Ok((from_sql("count", count)?, entries))
    }
}
