use super::{SqliteStore, from_sql, to_sql};
use crate::store::{LeaseStore, StoreFuture};

impl LeaseStore for SqliteStore {
    fn acquire_lease<'a>(
        &'a self,
        job_id: &'a str,
        owner: &'a str,
        now_ms: i64,
        expires_ms: i64,
    ) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            let epoch: Option<i64> = sqlx::query_scalar(
                "INSERT INTO leases (job_id, owner, epoch, expires_ms)
                 SELECT id, ?2, 1, ?4 FROM jobs WHERE id = ?1
                 ON CONFLICT (job_id) DO UPDATE
                 SET owner = ?2, epoch = epoch + 1, expires_ms = ?4
                 WHERE owner = ?2 OR expires_ms <= ?3
                 RETURNING epoch",
            )
            .bind(job_id)
            .bind(owner)
            .bind(now_ms)
            .bind(expires_ms)
            .fetch_optional(&self.write)
            .await?;
            epoch.map(|epoch| from_sql("leases.epoch", epoch)).transpose()
        })
    }

    fn renew_lease<'a>(
        &'a self,
        job_id: &'a str,
        owner: &'a str,
        epoch: u64,
        expires_ms: i64,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let done = sqlx::query(
                "UPDATE leases SET expires_ms = ? WHERE job_id = ? AND owner = ? AND epoch = ?",
            )
            .bind(expires_ms)
            .bind(job_id)
            .bind(owner)
            .bind(to_sql(epoch))
            .execute(&self.write)
            .await?;
            Ok(done.rows_affected() == 1)
        })
    }

    fn release_lease<'a>(
        &'a self,
        job_id: &'a str,
        owner: &'a str,
        epoch: u64,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.renew_lease(job_id, owner, epoch, 0).await?;
            Ok(())
        })
    }
}
