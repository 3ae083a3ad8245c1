use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::SqliteStore;
use super::job::{name_key, name_or_engine};
use crate::store::{ConnectionRow, ConnectionStore, StoreFuture, StoreResult};

fn connection_row(row: &SqliteRow) -> StoreResult<ConnectionRow> {
    Ok(ConnectionRow {
        id: row.try_get("id")?,
        project_id: row.try_get("project_id")?,
        name: row.try_get("name")?,
        created_ms: row.try_get("created_ms")?,
        document: row.try_get("document")?,
        sealed: row.try_get("sealed")?,
    })
}

impl ConnectionStore for SqliteStore {
    fn connections<'a>(&'a self, project_id: &'a str) -> StoreFuture<'a, Vec<ConnectionRow>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT id, project_id, name, created_ms, document, sealed FROM connections
                 WHERE project_id = ? ORDER BY name_key",
            )
            .bind(project_id)
            .fetch_all(&self.read)
            .await?;
            rows.iter().map(connection_row).collect()
        })
    }

    fn connection<'a>(
        &'a self,
        project_id: &'a str,
        id: &'a str,
    ) -> StoreFuture<'a, Option<ConnectionRow>> {
        Box::pin(async move {
            let row = sqlx::query(
                "SELECT id, project_id, name, created_ms, document, sealed FROM connections
                 WHERE project_id = ? AND id = ?",
            )
            .bind(project_id)
            .bind(id)
            .fetch_optional(&self.read)
            .await?;
            row.as_ref().map(connection_row).transpose()
        })
    }

    fn insert_connection<'a>(&'a self, row: &'a ConnectionRow) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            sqlx::query(
                "INSERT INTO connections (id, project_id, name, name_key, created_ms, document, sealed)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(&row.id)
            .bind(&row.project_id)
            .bind(&row.name)
            .bind(name_key(&row.name))
            .bind(row.created_ms)
            .bind(&row.document)
            .bind(&row.sealed)
            .execute(&mut *tx)
            .await
            .map_err(name_or_engine)?;
            Ok(tx.commit().await?)
        })
    }

    fn update_connection<'a>(&'a self, row: &'a ConnectionRow) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            let done = sqlx::query(
                "UPDATE connections SET name = ?, name_key = ?, document = ?, sealed = ?
                 WHERE project_id = ? AND id = ?",
            )
            .bind(&row.name)
            .bind(name_key(&row.name))
            .bind(&row.document)
            .bind(&row.sealed)
            .bind(&row.project_id)
            .bind(&row.id)
            .execute(&mut *tx)
            .await
            .map_err(name_or_engine)?;
            tx.commit().await?;
            Ok(done.rows_affected() > 0)
        })
    }

    fn delete_connection<'a>(&'a self, project_id: &'a str, id: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            let done = sqlx::query("DELETE FROM connections WHERE project_id = ? AND id = ?")
                .bind(project_id)
                .bind(id)
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            Ok(done.rows_affected() > 0)
        })
    }
}
