use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::{SqliteStore, from_sql, journal, require_epoch};
use crate::control::endpoint::Side;
use crate::control::job::{ChildJob, Job, JobFilter, Page};
use crate::control::status::JobStatus;
use crate::control::view::{LogEntry, LogLevel, ParameterChange, TimelineEntry};
use crate::store::job::DELETED_JOB_AGE_MS_MAX;
use crate::store::{
    JobChange, JobStore, NewJobRow, SealedSecret, StoreError, StoreFuture, StoreResult, StoredJob,
};

pub(super) fn read_job(row: &SqliteRow) -> StoreResult<Job> {
    let document: String = row.try_get("document")?;
    serde_json::from_str(&document).map_err(|e| StoreError::damaged("jobs.document", e))
}

/// Names compare without case; Unicode's simple lower case is enough for the letters DRS allows.
pub(super) fn name_key(name: &str) -> String {
    name.to_lowercase()
}

fn document(job: &Job) -> StoreResult<String> {
    serde_json::to_string(job).map_err(|e| StoreError::damaged("jobs.document", e))
}

/// The only unique columns a job's row can collide in are its name's.
pub(super) fn name_or_engine(error: sqlx::Error) -> StoreError {
    match error.as_database_error() {
        Some(e) if e.is_unique_violation() => StoreError::NameTaken,
        _ => error.into(),
    }
}

async fn insert(connection: &mut SqliteConnection, job: &Job) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO jobs (id, project_id, parent_id, name, name_key, status, engine, task,
                           net_type, direction, enterprise_project_id, created_ms, revision,
                           document)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)",
    )
    .bind(&job.id)
    .bind(&job.project_id)
    .bind(&job.parent_id)
    .bind(&job.name)
    .bind(name_key(&job.name))
    .bind(job.status().name())
    .bind(job.engine.name())
    .bind(job.task.name())
    .bind(&job.net_type)
    .bind(&job.direction)
    .bind(&job.enterprise_project_id)
    .bind(job.times.created_ms)
    .bind(document(job)?)
    .execute(connection)
    .await
    .map_err(name_or_engine)?;
    Ok(())
}

async fn update(connection: &mut SqliteConnection, job: &Job, revision: i64) -> StoreResult<i64> {
    let new: Option<i64> = sqlx::query_scalar(
        "UPDATE jobs SET name = ?, name_key = ?, status = ?, document = ?, revision = revision + 1
         WHERE id = ? AND revision = ? RETURNING revision",
    )
    .bind(&job.name)
    .bind(name_key(&job.name))
    .bind(job.status().name())
    .bind(document(job)?)
    .bind(&job.id)
    .bind(revision)
    .fetch_optional(connection)
    .await
    .map_err(name_or_engine)?;
    new.ok_or(StoreError::Stale)
}

async fn put_secrets(
    connection: &mut SqliteConnection,
    job_id: &str,
    secrets: &[SealedSecret],
) -> StoreResult<()> {
    for secret in secrets {
        sqlx::query(
            "INSERT INTO job_secrets (job_id, side, name, sealed) VALUES (?, ?, ?, ?)
             ON CONFLICT (job_id, side, name) DO UPDATE SET sealed = excluded.sealed",
        )
        .bind(job_id)
        .bind(secret.side.code())
        .bind(&secret.name)
        .bind(&secret.sealed)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

impl SqliteStore {
    async fn apply_change(&self, change: JobChange<'_>) -> StoreResult<i64> {
        let id = change.job.id.as_str();
        let mut tx = self.begin().await?;
        if let Some(epoch) = change.epoch {
            require_epoch(&mut tx, id, epoch).await?;
        }
        let revision = update(&mut tx, change.job, change.revision).await?;
        put_secrets(&mut tx, id, change.secrets).await?;
        if let Some(entry) = &change.timeline {
            journal::write_timeline(&mut tx, id, entry).await?;
        }
        journal::write_log(&mut tx, id, change.log).await?;
        journal::write_parameter_changes(&mut tx, id, change.parameters).await?;
        if let Some(child) = change.child {
            insert(&mut tx, child).await?;
        }
        tx.commit().await?;
        Ok(revision)
    }

    async fn remove_job(&self, id: &str, revision: i64, at_ms: i64) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        let project: Option<String> = sqlx::query_scalar(
            "DELETE FROM jobs WHERE id = ? AND revision = ? RETURNING project_id",
        )
        .bind(id)
        .bind(revision)
        .fetch_optional(&mut *tx)
        .await?;
        let project = project.ok_or(StoreError::Stale)?;
        sqlx::query("DELETE FROM deleted_jobs WHERE deleted_ms < ?")
            .bind(at_ms - DELETED_JOB_AGE_MS_MAX)
            .execute(&mut *tx)
            .await?;
        sqlx::query("INSERT INTO deleted_jobs (id, project_id, deleted_ms) VALUES (?, ?, ?)")
            .bind(id)
            .bind(project)
            .bind(at_ms)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}

impl JobStore for SqliteStore {
    fn insert_job<'a>(&'a self, new: NewJobRow<'a>) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            insert(&mut tx, new.job).await?;
            put_secrets(&mut tx, &new.job.id, new.secrets).await?;
            if let Some(entry) = &new.timeline {
                journal::write_timeline(&mut tx, &new.job.id, entry).await?;
            }
            Ok(tx.commit().await?)
        })
    }

    fn change_job<'a>(&'a self, change: JobChange<'a>) -> StoreFuture<'a, i64> {
        Box::pin(self.apply_change(change))
    }

    fn job<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<StoredJob>> {
        Box::pin(async move {
            let row = sqlx::query("SELECT document, revision FROM jobs WHERE id = ?")
                .bind(id)
                .fetch_optional(&self.read)
                .await?;
            row.map(|row| {
                Ok(StoredJob { job: read_job(&row)?, revision: row.try_get("revision")? })
            })
            .transpose()
        })
    }

    fn jobs<'a>(
        &'a self,
        project_id: &'a str,
        filter: &'a JobFilter,
    ) -> StoreFuture<'a, (u64, Vec<Job>)> {
        Box::pin(self.list_jobs(project_id, filter))
    }

    fn job_count<'a>(&'a self, project_id: &'a str) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let count: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM jobs WHERE project_id = ? AND parent_id IS NULL",
            )
            .bind(project_id)
            .fetch_one(&self.read)
            .await?;
            from_sql("count", count)
        })
    }

    fn name_taken<'a>(
        &'a self,
        project_id: &'a str,
        name: &'a str,
        except: Option<&'a str>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let found: Option<i64> = sqlx::query_scalar(
                "SELECT 1 FROM jobs WHERE project_id = ?1 AND name_key = ?2
                 AND parent_id IS NULL AND (?3 IS NULL OR id <> ?3)",
            )
            .bind(project_id)
            .bind(name_key(name))
            .bind(except)
            .fetch_optional(&self.read)
            .await?;
            Ok(found.is_some())
        })
    }

    fn children<'a>(
        &'a self,
        parent_ids: &'a [String],
    ) -> StoreFuture<'a, Vec<(String, ChildJob)>> {
        Box::pin(async move {
            let parents =
                serde_json::to_string(parent_ids).map_err(|e| StoreError::damaged("ids", e))?;
            let rows = sqlx::query(
                "SELECT parent_id, id, name, status, created_ms FROM jobs
                 WHERE parent_id IN (SELECT value FROM json_each(?)) ORDER BY created_ms, id",
            )
            .bind(parents)
            .fetch_all(&self.read)
            .await?;
            rows.iter()
                .map(|row| {
                    let status: String = row.try_get("status")?;
                    let child = ChildJob {
                        id: row.try_get("id")?,
                        name: row.try_get("name")?,
                        status: JobStatus::from_name(&status)
                            .ok_or_else(|| StoreError::damaged("jobs.status", &status))?,
                        created_ms: row.try_get("created_ms")?,
                    };
                    Ok((row.try_get("parent_id")?, child))
                })
                .collect()
        })
    }

    fn job_ids_in<'a>(&'a self, statuses: &'a [JobStatus]) -> StoreFuture<'a, Vec<String>> {
        Box::pin(async move {
            let names: Vec<&str> = statuses.iter().map(|s| s.name()).collect();
            let names =
                serde_json::to_string(&names).map_err(|e| StoreError::damaged("statuses", e))?;
            Ok(sqlx::query_scalar(
                "SELECT id FROM jobs WHERE status IN (SELECT value FROM json_each(?)) ORDER BY id",
            )
            .bind(names)
            .fetch_all(&self.read)
            .await?)
        })
    }

    fn status_counts(&self) -> StoreFuture<'_, Vec<(String, u64)>> {
        Box::pin(async {
            let rows = sqlx::query("SELECT status, count(*) AS n FROM jobs GROUP BY status")
                .fetch_all(&self.read)
                .await?;
            rows.iter()
                .map(|row| Ok((row.try_get("status")?, from_sql("count", row.try_get("n")?)?)))
                .collect()
        })
    }

    fn delete_job<'a>(&'a self, id: &'a str, revision: i64, at_ms: i64) -> StoreFuture<'a, ()> {
        Box::pin(self.remove_job(id, revision, at_ms))
    }

    fn was_deleted<'a>(&'a self, project_id: &'a str, id: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let found: Option<i64> =
                sqlx::query_scalar("SELECT 1 FROM deleted_jobs WHERE id = ? AND project_id = ?")
                    .bind(id)
                    .bind(project_id)
                    .fetch_optional(&self.read)
                    .await?;
            Ok(found.is_some())
        })
    }

    fn secrets<'a>(&'a self, job_id: &'a str) -> StoreFuture<'a, Vec<SealedSecret>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT side, name, sealed FROM job_secrets WHERE job_id = ? ORDER BY side, name",
            )
            .bind(job_id)
            .fetch_all(&self.read)
            .await?;
            rows.iter()
                .map(|row| {
                    let side: String = row.try_get("side")?;
                    Ok(SealedSecret {
                        side: Side::from_code(&side)
                            .ok_or_else(|| StoreError::damaged("job_secrets.side", &side))?,
                        name: row.try_get("name")?,
                        sealed: row.try_get("sealed")?,
                    })
                })
                .collect()
        })
    }

    fn add_timeline<'a>(
        &'a self,
        job_id: &'a str,
        entry: &'a TimelineEntry,
    ) -> StoreFuture<'a, ()> {
        Box::pin(self.append_timeline(job_id, entry))
    }

    fn timeline<'a>(
        &'a self,
        job_id: &'a str,
        page: Page,
    ) -> StoreFuture<'a, (u64, Vec<TimelineEntry>)> {
        Box::pin(self.read_timeline(job_id, page))
    }

    fn add_log<'a>(&'a self, job_id: &'a str, entries: &'a [LogEntry]) -> StoreFuture<'a, ()> {
        Box::pin(self.append_log(job_id, entries))
    }

    fn log<'a>(
        &'a self,
        job_id: &'a str,
        level: Option<LogLevel>,
        page: Page,
    ) -> StoreFuture<'a, (u64, Vec<LogEntry>)> {
        Box::pin(self.read_log(job_id, level, page))
    }

    fn parameter_changes<'a>(
        &'a self,
        job_id: &'a str,
        page: Page,
    ) -> StoreFuture<'a, (u64, Vec<ParameterChange>)> {
        Box::pin(self.read_parameter_changes(job_id, page))
    }
}
