use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::{SqliteStore, to_sql};
use crate::control::batch::{BatchStatus, DraftStage};
use crate::store::batch::BATCHES_KEPT_MAX;
use crate::store::{BatchRow, BatchStore, DraftRow, StoreError, StoreFuture, StoreResult};

fn batch_row(row: &SqliteRow) -> StoreResult<BatchRow> {
    let status: String = row.try_get("status")?;
    Ok(BatchRow {
        id: row.try_get("id")?,
        domain_id: row.try_get("domain_id")?,
        project_id: row.try_get("project_id")?,
        user_id: row.try_get("user_id")?,
        user_name: row.try_get("user_name")?,
        owner: row.try_get("owner")?,
        status: BatchStatus::from_name(&status)
            .ok_or_else(|| StoreError::damaged("batches.status", &status))?,
        created_ms: row.try_get("created_ms")?,
    })
}

fn draft_row(row: &SqliteRow) -> StoreResult<DraftRow> {
    let (position, stage): (i64, String) = (row.try_get("position")?, row.try_get("stage")?);
    Ok(DraftRow {
        position: u32::try_from(position)
            .map_err(|e| StoreError::damaged("batch_drafts.position", e))?,
        job_id: row.try_get("job_id")?,
        sealed: row.try_get("sealed")?,
        stage: DraftStage::from_name(&stage)
            .ok_or_else(|| StoreError::damaged("batch_drafts.stage", &stage))?,
        message: row.try_get("message")?,
    })
}

async fn write_draft(
    connection: &mut SqliteConnection,
    batch_id: &str,
    draft: &DraftRow,
) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO batch_drafts (batch_id, position, job_id, sealed, stage, message)
         VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (batch_id, position) DO UPDATE
         SET sealed = excluded.sealed, stage = excluded.stage, message = excluded.message",
    )
    .bind(batch_id)
    .bind(i64::from(draft.position))
    .bind(&draft.job_id)
    .bind(&draft.sealed)
    .bind(draft.stage.name())
    .bind(&draft.message)
    .execute(connection)
    .await?;
    Ok(())
}

impl BatchStore for SqliteStore {
    fn add_batch<'a>(&'a self, batch: &'a BatchRow, drafts: &'a [DraftRow]) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            sqlx::query(
                "INSERT INTO batches
                     (id, domain_id, project_id, user_id, user_name, owner, status, created_ms)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(&batch.id)
            .bind(&batch.domain_id)
            .bind(&batch.project_id)
            .bind(&batch.user_id)
            .bind(&batch.user_name)
            .bind(&batch.owner)
            .bind(batch.status.name())
            .bind(batch.created_ms)
            .execute(&mut *tx)
            .await?;
            for draft in drafts {
                write_draft(&mut tx, &batch.id, draft).await?;
            }
            sqlx::query(
                "DELETE FROM batches WHERE project_id = ?1
                 AND status NOT IN ('ASYNC_JOB_VALIDATING', 'ASYNC_JOB_CREATING')
                 AND id NOT IN (SELECT id FROM batches WHERE project_id = ?1
                                ORDER BY created_ms DESC, rowid DESC LIMIT ?2)",
            )
            .bind(&batch.project_id)
            .bind(to_sql(BATCHES_KEPT_MAX))
            .execute(&mut *tx)
            .await?;
            Ok(tx.commit().await?)
        })
    }

    fn batches<'a>(&'a self, project_id: &'a str) -> StoreFuture<'a, Vec<BatchRow>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT id, domain_id, project_id, user_id, user_name, owner, status, created_ms
                 FROM batches WHERE project_id = ? ORDER BY created_ms DESC, rowid DESC",
            )
            .bind(project_id)
            .fetch_all(&self.read)
            .await?;
            rows.iter().map(batch_row).collect()
        })
    }

    fn batches_at_work<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<BatchRow>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT id, domain_id, project_id, user_id, user_name, owner, status, created_ms
                 FROM batches
                 WHERE owner = ? AND status IN ('ASYNC_JOB_VALIDATING', 'ASYNC_JOB_CREATING')
                 ORDER BY created_ms, rowid",
            )
            .bind(owner)
            .fetch_all(&self.read)
            .await?;
            rows.iter().map(batch_row).collect()
        })
    }

    fn drafts<'a>(&'a self, batch_id: &'a str) -> StoreFuture<'a, Vec<DraftRow>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT position, job_id, sealed, stage, message FROM batch_drafts
                 WHERE batch_id = ? ORDER BY position",
            )
            .bind(batch_id)
            .fetch_all(&self.read)
            .await?;
            rows.iter().map(draft_row).collect()
        })
    }

    fn change_batch<'a>(
        &'a self,
        batch_id: &'a str,
        from: BatchStatus,
        to: BatchStatus,
        drafts: &'a [DraftRow],
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            let done = sqlx::query("UPDATE batches SET status = ? WHERE id = ? AND status = ?")
                .bind(to.name())
                .bind(batch_id)
                .bind(from.name())
                .execute(&mut *tx)
                .await?;
            if done.rows_affected() == 0 {
                return Ok(false);
            }
            for draft in drafts {
                write_draft(&mut tx, batch_id, draft).await?;
            }
            tx.commit().await?;
            Ok(true)
        })
    }
}
