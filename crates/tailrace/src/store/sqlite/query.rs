use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{SqliteStore, to_sql};
use crate::control::query::QueryStatus;
use crate::store::query::QUERIES_PER_KIND_MAX;
use crate::store::{QueryKind, QueryRow, QueryStore, StoreError, StoreFuture, StoreResult};

/// A statement that reads queries, without what is read with one query alone.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, job_id, kind, owner, status, request, result, error, created_ms FROM queries ",
            $rest
        )
    };
}

fn query_row(row: &SqliteRow) -> StoreResult<QueryRow> {
    let kind: String = row.try_get("kind")?;
    let status: String = row.try_get("status")?;
    Ok(QueryRow {
        id: row.try_get("id")?,
        job_id: row.try_get("job_id")?,
        kind: QueryKind::from_name(&kind)
            .ok_or_else(|| StoreError::damaged("queries.kind", &kind))?,
        owner: row.try_get("owner")?,
        status: [QueryStatus::Pending, QueryStatus::Success, QueryStatus::Failed]
            .into_iter()
            .find(|s| s.name() == status)
            .ok_or_else(|| StoreError::damaged("queries.status", &status))?,
        request: row.try_get("request")?,
        result: row.try_get("result")?,
        error: row.try_get("error")?,
        created_ms: row.try_get("created_ms")?,
    })
}

impl QueryStore for SqliteStore {
    fn add_query<'a>(&'a self, query: &'a QueryRow) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            sqlx::query(
                "INSERT INTO queries
                     (id, job_id, kind, owner, status, request, result, error, created_ms)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(&query.id)
            .bind(&query.job_id)
            .bind(query.kind.name())
            .bind(&query.owner)
            .bind(query.status.name())
            .bind(&query.request)
            .bind(&query.result)
            .bind(&query.error)
            .bind(query.created_ms)
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "DELETE FROM queries WHERE job_id = ?1 AND kind = ?2 AND rowid NOT IN (
                     SELECT rowid FROM queries WHERE job_id = ?1 AND kind = ?2
                     ORDER BY created_ms DESC, rowid DESC LIMIT ?3)",
            )
            .bind(&query.job_id)
            .bind(query.kind.name())
            .bind(to_sql(QUERIES_PER_KIND_MAX))
            .execute(&mut *tx)
            .await?;
            Ok(tx.commit().await?)
        })
    }

    fn finish_query<'a>(
        &'a self,
        id: &'a str,
        outcome: Result<&'a str, &'a str>,
        detail: Option<&'a str>,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let status = if outcome.is_ok() { QueryStatus::Success } else { QueryStatus::Failed };
            sqlx::query(
                "UPDATE queries SET status = ?, result = ?, error = ?, detail = ? WHERE id = ?",
            )
            .bind(status.name())
            .bind(outcome.ok())
            .bind(outcome.err())
            .bind(detail)
            .bind(id)
            .execute(&self.write)
            .await?;
            Ok(())
        })
    }

    fn query_detail<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<String>> {
        Box::pin(async move {
            let row = sqlx::query("SELECT detail FROM queries WHERE id = ?")
                .bind(id)
                .fetch_optional(&self.read)
                .await?;
            Ok(row.map(|row| row.try_get("detail")).transpose()?.flatten())
        })
    }

    fn query<'a>(&'a self, job_id: &'a str, id: &'a str) -> StoreFuture<'a, Option<QueryRow>> {
        Box::pin(async move {
            let sql = select!("WHERE id = ? AND job_id = ?");
            let row = sqlx::query(sql).bind(id).bind(job_id).fetch_optional(&self.read).await?;
            row.as_ref().map(query_row).transpose()
        })
    }

    fn newest_query<'a>(
        &'a self,
        job_id: &'a str,
        kind: QueryKind,
        status: Option<QueryStatus>,
    ) -> StoreFuture<'a, Option<QueryRow>> {
        Box::pin(async move {
            let sql = select!(
                "WHERE job_id = ?1 AND kind = ?2 AND (?3 IS NULL OR status = ?3)
                 ORDER BY created_ms DESC, rowid DESC LIMIT 1"
            );
            let row = sqlx::query(sql)
                .bind(job_id)
                .bind(kind.name())
                .bind(status.map(QueryStatus::name))
                .fetch_optional(&self.read)
                .await?;
            row.as_ref().map(query_row).transpose()
        })
    }

    fn queries<'a>(&'a self, job_id: &'a str, kind: QueryKind) -> StoreFuture<'a, Vec<QueryRow>> {
        Box::pin(async move {
            let sql = select!(
                "WHERE job_id = ? AND kind = ?
                 ORDER BY created_ms DESC, rowid DESC"
            );
            let rows =
                sqlx::query(sql).bind(job_id).bind(kind.name()).fetch_all(&self.read).await?;
            rows.iter().map(query_row).collect()
        })
    }

    fn fail_pending_queries<'a>(&'a self, owner: &'a str, error: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            sqlx::query(
                "UPDATE queries SET status = 'failed', error = ?
                 WHERE owner = ? AND status = 'pending'",
            )
            .bind(error)
            .bind(owner)
            .execute(&self.write)
            .await?;
            Ok(())
        })
    }
}
