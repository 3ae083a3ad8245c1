use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{SqliteStore, to_sql};
use crate::control::exports::ExportKind;
use crate::store::export::EXPORTS_KEPT_MAX;
use crate::store::{ExportRow, ExportStore, StoreError, StoreFuture, StoreResult};

fn export_row(row: &SqliteRow) -> StoreResult<ExportRow> {
    let kind: String = row.try_get("kind")?;
    Ok(ExportRow {
        id: row.try_get("id")?,
        project_id: row.try_get("project_id")?,
        kind: ExportKind::from_name(&kind)
            .ok_or_else(|| StoreError::damaged("exports.kind", &kind))?,
        file_name: row.try_get("file_name")?,
        created_ms: row.try_get("created_ms")?,
    })
}

impl ExportStore for SqliteStore {
    fn add_export<'a>(&'a self, row: &'a ExportRow, content: &'a [u8]) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            sqlx::query(
                "INSERT INTO exports (id, project_id, kind, file_name, created_ms, content)
                 VALUES (?, ?, ?, ?, ?, ?)",
            )
            .bind(&row.id)
            .bind(&row.project_id)
            .bind(row.kind.name())
            .bind(&row.file_name)
            .bind(row.created_ms)
            .bind(content)
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "DELETE FROM exports WHERE project_id = ?1 AND kind = ?2 AND id NOT IN (
                     SELECT id FROM exports WHERE project_id = ?1 AND kind = ?2
                     ORDER BY created_ms DESC, rowid DESC LIMIT ?3)",
            )
            .bind(&row.project_id)
            .bind(row.kind.name())
            .bind(to_sql(EXPORTS_KEPT_MAX))
            .execute(&mut *tx)
            .await?;
            Ok(tx.commit().await?)
        })
    }

    fn exports<'a>(&'a self, project_id: &'a str) -> StoreFuture<'a, Vec<ExportRow>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT id, project_id, kind, file_name, created_ms FROM exports
                 WHERE project_id = ? ORDER BY created_ms DESC, rowid DESC",
            )
            .bind(project_id)
            .fetch_all(&self.read)
            .await?;
            rows.iter().map(export_row).collect()
        })
    }

    fn export_content<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let row = sqlx::query("SELECT content FROM exports WHERE id = ?")
                .bind(id)
                .fetch_optional(&self.read)
                .await?;
            Ok(row.map(|row| row.try_get("content")).transpose()?)
        })
    }
}
