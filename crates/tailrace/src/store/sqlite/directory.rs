use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::SqliteStore;
use super::iam::user_row;
use super::job::name_or_engine;
use crate::control::iam::{Group, Project, UserKey};
use crate::store::{DirectoryStore, StoreError, StoreFuture, StoreResult, UserRow};

fn group(row: &SqliteRow) -> StoreResult<Group> {
    Ok(Group {
        id: row.try_get("id")?,
        domain_id: row.try_get("domain_id")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        created_ms: row.try_get("created_ms")?,
    })
}

fn key(row: &SqliteRow) -> StoreResult<UserKey> {
    Ok(UserKey {
        ak: row.try_get("ak")?,
        user_id: row.try_get("user_id")?,
        enabled: row.try_get("enabled")?,
        description: row.try_get("description")?,
        created_ms: row.try_get("created_ms")?,
    })
}

/// Refuses a change after which a domain has nobody who may log in and manage users.
pub(super) async fn require_administrators(connection: &mut SqliteConnection) -> StoreResult<()> {
    let left: Option<String> = sqlx::query_scalar(
        "SELECT d.id FROM domains d WHERE NOT EXISTS (
             SELECT 1 FROM users u
             JOIN grants g ON g.role_id = 'secu_admin' AND g.project_id IS NULL
                 AND (g.user_id = u.id
                      OR g.group_id IN (SELECT group_id FROM group_members WHERE user_id = u.id))
             WHERE u.domain_id = d.id AND u.enabled)",
    )
    .fetch_optional(connection)
    .await?;
    left.map_or(Ok(()), |_| Err(StoreError::LastAdministrator))
}

impl DirectoryStore for SqliteStore {
    fn add_user<'a>(&'a self, row: &'a UserRow) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            sqlx::query(
                "INSERT INTO users (id, domain_id, name, password_hash, enabled, created_ms, description)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(&row.user.id)
            .bind(&row.user.domain.id)
            .bind(&row.user.name)
            .bind(&row.password_hash)
            .bind(row.enabled)
            .bind(row.created_ms)
            .bind(&row.description)
            .execute(&self.write)
            .await
            .map_err(name_or_engine)?;
            Ok(())
        })
    }

    fn update_user<'a>(&'a self, row: &'a UserRow, revoke: bool) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            let done = sqlx::query(
                "UPDATE users SET name = ?, password_hash = ?, enabled = ?, description = ? WHERE id = ?",
            )
            .bind(&row.user.name)
            .bind(&row.password_hash)
            .bind(row.enabled)
            .bind(&row.description)
            .bind(&row.user.id)
            .execute(&mut *tx)
            .await
            .map_err(name_or_engine)?;
            if revoke {
                sqlx::query("DELETE FROM tokens WHERE user_id = ?")
                    .bind(&row.user.id)
                    .execute(&mut *tx)
                    .await?;
            }
            require_administrators(&mut tx).await?;
            tx.commit().await?;
            Ok(done.rows_affected() > 0)
        })
    }

    fn delete_user<'a>(&'a self, id: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            let done =
                sqlx::query("DELETE FROM users WHERE id = ?").bind(id).execute(&mut *tx).await?;
            require_administrators(&mut tx).await?;
            tx.commit().await?;
            Ok(done.rows_affected() > 0)
        })
    }

    fn add_project<'a>(&'a self, project: &'a Project) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            sqlx::query(
                "INSERT INTO projects (id, domain_id, name, description) VALUES (?, ?, ?, ?)",
            )
            .bind(&project.id)
            .bind(&project.domain_id)
            .bind(&project.name)
            .bind(&project.description)
            .execute(&self.write)
            .await
            .map_err(name_or_engine)?;
            Ok(())
        })
    }

    fn update_project<'a>(&'a self, project: &'a Project) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let done = sqlx::query("UPDATE projects SET name = ?, description = ? WHERE id = ?")
                .bind(&project.name)
                .bind(&project.description)
                .bind(&project.id)
                .execute(&self.write)
                .await
                .map_err(name_or_engine)?;
            Ok(done.rows_affected() > 0)
        })
    }

    fn groups<'a>(
        &'a self,
        domain_id: &'a str,
        name: Option<&'a str>,
    ) -> StoreFuture<'a, Vec<Group>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT * FROM user_groups
                 WHERE domain_id = ?1 AND (?2 IS NULL OR name = ?2) ORDER BY name",
            )
            .bind(domain_id)
            .bind(name)
            .fetch_all(&self.read)
            .await?;
            rows.iter().map(group).collect()
        })
    }

    fn group<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<Group>> {
        Box::pin(async move {
            let row = sqlx::query("SELECT * FROM user_groups WHERE id = ?")
                .bind(id)
                .fetch_optional(&self.read)
                .await?;
            row.as_ref().map(group).transpose()
        })
    }

    fn add_group<'a>(&'a self, group: &'a Group) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            sqlx::query(
                "INSERT INTO user_groups (id, domain_id, name, description, created_ms)
                 VALUES (?, ?, ?, ?, ?)",
            )
            .bind(&group.id)
            .bind(&group.domain_id)
            .bind(&group.name)
            .bind(&group.description)
            .bind(group.created_ms)
            .execute(&self.write)
            .await
            .map_err(name_or_engine)?;
            Ok(())
        })
    }

    fn update_group<'a>(&'a self, group: &'a Group) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let done = sqlx::query("UPDATE user_groups SET name = ?, description = ? WHERE id = ?")
                .bind(&group.name)
                .bind(&group.description)
                .bind(&group.id)
                .execute(&self.write)
                .await
                .map_err(name_or_engine)?;
            Ok(done.rows_affected() > 0)
        })
    }

    fn delete_group<'a>(&'a self, id: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            let done = sqlx::query("DELETE FROM user_groups WHERE id = ?")
                .bind(id)
                .execute(&mut *tx)
                .await?;
            require_administrators(&mut tx).await?;
            tx.commit().await?;
            Ok(done.rows_affected() > 0)
        })
    }

    fn members<'a>(&'a self, group_id: &'a str) -> StoreFuture<'a, Vec<UserRow>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT u.id AS user_id, u.name AS user_name, d.id AS domain_id,
                        d.name AS domain_name, u.password_hash, u.enabled, u.description, u.created_ms
                 FROM group_members m JOIN users u ON u.id = m.user_id
                 JOIN domains d ON d.id = u.domain_id
                 WHERE m.group_id = ? ORDER BY u.name",
            )
            .bind(group_id)
            .fetch_all(&self.read)
            .await?;
            rows.iter().map(user_row).collect()
        })
    }

    fn groups_of<'a>(&'a self, user_id: &'a str) -> StoreFuture<'a, Vec<Group>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT g.* FROM group_members m JOIN user_groups g ON g.id = m.group_id
                 WHERE m.user_id = ? ORDER BY g.name",
            )
            .bind(user_id)
            .fetch_all(&self.read)
            .await?;
            rows.iter().map(group).collect()
        })
    }

    fn add_member<'a>(&'a self, group_id: &'a str, user_id: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            sqlx::query("INSERT OR IGNORE INTO group_members (group_id, user_id) VALUES (?, ?)")
                .bind(group_id)
                .bind(user_id)
                .execute(&self.write)
                .await?;
            Ok(())
        })
    }

    fn remove_member<'a>(&'a self, group_id: &'a str, user_id: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            let done = sqlx::query("DELETE FROM group_members WHERE group_id = ? AND user_id = ?")
                .bind(group_id)
                .bind(user_id)
                .execute(&mut *tx)
                .await?;
            require_administrators(&mut tx).await?;
            tx.commit().await?;
            Ok(done.rows_affected() > 0)
        })
    }

    fn access_keys<'a>(
        &'a self,
        domain_id: &'a str,
        user_id: Option<&'a str>,
    ) -> StoreFuture<'a, Vec<UserKey>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT k.ak, k.user_id, k.enabled, k.description, k.created_ms
                 FROM access_keys k JOIN users u ON u.id = k.user_id
                 WHERE u.domain_id = ?1 AND (?2 IS NULL OR k.user_id = ?2)
                 ORDER BY k.created_ms, k.ak",
            )
            .bind(domain_id)
            .bind(user_id)
            .fetch_all(&self.read)
            .await?;
            rows.iter().map(key).collect()
        })
    }

    fn add_access_key<'a>(&'a self, key: &'a UserKey, sealed: &'a [u8]) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            sqlx::query(
                "INSERT INTO access_keys (ak, user_id, sealed, enabled, created_ms, description)
                 VALUES (?, ?, ?, ?, ?, ?)",
            )
            .bind(&key.ak)
            .bind(&key.user_id)
            .bind(sealed)
            .bind(key.enabled)
            .bind(key.created_ms)
            .bind(&key.description)
            .execute(&self.write)
            .await?;
            Ok(())
        })
    }

    fn update_access_key<'a>(&'a self, key: &'a UserKey) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let done =
                sqlx::query("UPDATE access_keys SET enabled = ?, description = ? WHERE ak = ?")
                    .bind(key.enabled)
                    .bind(&key.description)
                    .bind(&key.ak)
                    .execute(&self.write)
                    .await?;
            Ok(done.rows_affected() > 0)
        })
    }

    fn delete_access_key<'a>(&'a self, ak: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let done = sqlx::query("DELETE FROM access_keys WHERE ak = ?")
                .bind(ak)
                .execute(&self.write)
                .await?;
            Ok(done.rows_affected() > 0)
        })
    }
}
