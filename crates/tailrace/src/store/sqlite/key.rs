use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::SqliteStore;
use crate::secret::WrappedKey;
use crate::store::{KeyStore, SealedRow, SealedTable, StoreError, StoreFuture, StoreResult};

/// Adds the values of a table that has one a row.
fn of(
    sealed: &mut Vec<SealedRow>,
    table: SealedTable,
    rows: &[SqliteRow],
    key: &str,
) -> StoreResult<()> {
    for row in rows {
        sealed.push(SealedRow {
            table,
            row: row.try_get(key)?,
            column: "sealed".to_owned(),
            sealed: row.try_get("sealed")?,
        });
    }
    Ok(())
}

impl KeyStore for SqliteStore {
    fn data_keys(&self) -> StoreFuture<'_, Vec<WrappedKey>> {
        Box::pin(async {
            let rows = sqlx::query("SELECT id, master, wrapped FROM data_keys ORDER BY id")
                .fetch_all(&self.read)
                .await?;
            rows.iter()
                .map(|row| {
                    let id: i64 = row.try_get("id")?;
                    Ok(WrappedKey {
                        id: u32::try_from(id)
                            .map_err(|e| StoreError::damaged("data_keys.id", e))?,
                        master: row.try_get("master")?,
                        wrapped: row.try_get("wrapped")?,
                    })
                })
                .collect()
        })
    }

    fn put_data_keys<'a>(&'a self, keys: &'a [WrappedKey]) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            for key in keys {
                sqlx::query(
                    "INSERT INTO data_keys (id, master, wrapped) VALUES (?, ?, ?)
                     ON CONFLICT (id) DO UPDATE
                     SET master = excluded.master, wrapped = excluded.wrapped",
                )
                .bind(i64::from(key.id))
                .bind(&key.master)
                .bind(&key.wrapped)
                .execute(&mut *tx)
                .await?;
            }
            Ok(tx.commit().await?)
        })
    }

    fn sealed_rows(&self) -> StoreFuture<'_, Vec<SealedRow>> {
        Box::pin(async {
            let keys = sqlx::query("SELECT ak, sealed FROM access_keys ORDER BY ak")
                .fetch_all(&self.read)
                .await?;
            let secrets = sqlx::query(
                "SELECT job_id || '/' || side AS place, name, sealed FROM job_secrets
                 ORDER BY job_id, side, name",
            )
            .fetch_all(&self.read)
            .await?;
            let connections = sqlx::query(
                "SELECT id, sealed FROM connections WHERE sealed IS NOT NULL ORDER BY id",
            )
            .fetch_all(&self.read)
            .await?;
            let drafts = sqlx::query(
                "SELECT job_id, sealed FROM batch_drafts WHERE sealed IS NOT NULL ORDER BY job_id",
            )
            .fetch_all(&self.read)
            .await?;
            let mut sealed = Vec::new();
            of(&mut sealed, SealedTable::AccessKeys, &keys, "ak")?;
            of(&mut sealed, SealedTable::Connections, &connections, "id")?;
            of(&mut sealed, SealedTable::BatchDrafts, &drafts, "job_id")?;
            for row in secrets {
                sealed.push(SealedRow {
                    table: SealedTable::JobSecrets,
                    row: row.try_get("place")?,
                    column: row.try_get("name")?,
                    sealed: row.try_get("sealed")?,
                });
            }
            Ok(sealed)
        })
    }

    fn replace_sealed<'a>(&'a self, rows: &'a [SealedRow], keep_key: u32) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            for row in rows {
                let query = match row.table {
                    SealedTable::AccessKeys => {
                        sqlx::query("UPDATE access_keys SET sealed = ?1 WHERE ak = ?2")
                    }
                    SealedTable::JobSecrets => sqlx::query(
                        "UPDATE job_secrets SET sealed = ?1
                         WHERE job_id || '/' || side = ?2 AND name = ?3",
                    ),
                    SealedTable::Connections => {
                        sqlx::query("UPDATE connections SET sealed = ?1 WHERE id = ?2")
                    }
                    SealedTable::BatchDrafts => sqlx::query(
                        "UPDATE batch_drafts SET sealed = ?1
                         WHERE job_id = ?2 AND sealed IS NOT NULL",
                    ),
                };
                let query = query.bind(&row.sealed).bind(&row.row);
                let query = match row.table {
                    SealedTable::JobSecrets => query.bind(&row.column),
                    _ => query,
                };
                query.execute(&mut *tx).await?;
            }
            sqlx::query("DELETE FROM data_keys WHERE id <> ?")
                .bind(i64::from(keep_key))
                .execute(&mut *tx)
                .await?;
            Ok(tx.commit().await?)
        })
    }
}
