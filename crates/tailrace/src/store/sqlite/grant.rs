use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::SqliteStore;
use super::directory::require_administrators;
use super::job::name_or_engine;
use crate::control::iam::{Actor, Grant, Role, RoleKind};
use crate::store::{GrantStore, StoreError, StoreFuture, StoreResult};

fn role(row: &SqliteRow) -> StoreResult<Role> {
    let (id, kind): (String, String) = (row.try_get("id")?, row.try_get("kind")?);
    let policy: String = row.try_get("policy")?;
    Ok(Role {
        name: format!("custom_{id}"),
        id,
        domain_id: Some(row.try_get("domain_id")?),
        display_name: row.try_get("display_name")?,
        kind: RoleKind::of(&kind).ok_or_else(|| StoreError::damaged("custom_roles.kind", kind))?,
        description: row.try_get("description")?,
        policy: serde_json::from_str(&policy)
            .map_err(|e| StoreError::damaged("custom_roles.policy", e))?,
        created_ms: row.try_get("created_ms")?,
        updated_ms: row.try_get("updated_ms")?,
    })
}

fn policy_text(role: &Role) -> StoreResult<String> {
    serde_json::to_string(&role.policy).map_err(|e| StoreError::damaged("a policy", e))
}

fn grant(row: &SqliteRow) -> StoreResult<Grant> {
    let (user, group): (Option<String>, Option<String>) =
        (row.try_get("user_id")?, row.try_get("group_id")?);
    let actor = match (user, group) {
        (Some(user), None) => Actor::User(user),
        (None, Some(group)) => Actor::Group(group),
        _ => return Err(StoreError::damaged("grants", "neither of a user nor of a group")),
    };
    Ok(Grant {
        domain_id: row.try_get("domain_id")?,
        actor,
        project_id: row.try_get("project_id")?,
        role_id: row.try_get("role_id")?,
    })
}

impl GrantStore for SqliteStore {
    fn custom_roles<'a>(&'a self, domain_id: &'a str) -> StoreFuture<'a, Vec<Role>> {
        Box::pin(async move {
            let rows =
                sqlx::query("SELECT * FROM custom_roles WHERE domain_id = ? ORDER BY display_name")
                    .bind(domain_id)
                    .fetch_all(&self.read)
                    .await?;
            rows.iter().map(role).collect()
        })
    }

    fn add_custom_role<'a>(&'a self, role: &'a Role) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            sqlx::query(
                "INSERT INTO custom_roles
                     (id, domain_id, display_name, kind, description, policy, created_ms, updated_ms)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(&role.id)
            .bind(&role.domain_id)
            .bind(&role.display_name)
            .bind(role.kind.code())
            .bind(&role.description)
            .bind(policy_text(role)?)
            .bind(role.created_ms)
            .bind(role.updated_ms)
            .execute(&self.write)
            .await
            .map_err(name_or_engine)?;
            Ok(())
        })
    }

    fn update_custom_role<'a>(&'a self, role: &'a Role) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let done = sqlx::query(
                "UPDATE custom_roles
                 SET display_name = ?, kind = ?, description = ?, policy = ?, updated_ms = ? WHERE id = ?",
            )
            .bind(&role.display_name)
            .bind(role.kind.code())
            .bind(&role.description)
            .bind(policy_text(role)?)
            .bind(role.updated_ms)
            .bind(&role.id)
            .execute(&self.write)
            .await
            .map_err(name_or_engine)?;
            Ok(done.rows_affected() > 0)
        })
    }

    fn delete_custom_role<'a>(&'a self, id: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            let done = sqlx::query("DELETE FROM custom_roles WHERE id = ?")
                .bind(id)
                .execute(&mut *tx)
                .await?;
            if done.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query("DELETE FROM grants WHERE role_id = ?").bind(id).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(true)
        })
    }

    fn add_grant<'a>(&'a self, grant: &'a Grant) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            sqlx::query(
                "INSERT OR IGNORE INTO grants (domain_id, user_id, group_id, project_id, role_id)
                 VALUES (?, ?, ?, ?, ?)",
            )
            .bind(&grant.domain_id)
            .bind(grant.actor.user())
            .bind(grant.actor.group())
            .bind(&grant.project_id)
            .bind(&grant.role_id)
            .execute(&self.write)
            .await?;
            Ok(())
        })
    }

    fn remove_grant<'a>(&'a self, grant: &'a Grant) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            let done = sqlx::query(
                "DELETE FROM grants
                 WHERE user_id IS ? AND group_id IS ? AND project_id IS ? AND role_id = ?",
            )
            .bind(grant.actor.user())
            .bind(grant.actor.group())
            .bind(&grant.project_id)
            .bind(&grant.role_id)
            .execute(&mut *tx)
            .await?;
            require_administrators(&mut tx).await?;
            tx.commit().await?;
            Ok(done.rows_affected() > 0)
        })
    }

    fn grants<'a>(&'a self, domain_id: &'a str) -> StoreFuture<'a, Vec<Grant>> {
        Box::pin(async move {
            let rows = sqlx::query("SELECT * FROM grants WHERE domain_id = ? ORDER BY rowid")
                .bind(domain_id)
                .fetch_all(&self.read)
                .await?;
            rows.iter().map(grant).collect()
        })
    }

    fn roles_of<'a>(&'a self, user_id: &'a str) -> StoreFuture<'a, Vec<(String, Option<String>)>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT role_id, project_id FROM grants WHERE user_id = ?1
                 UNION
                 SELECT g.role_id, g.project_id FROM grants g
                 JOIN group_members m ON m.group_id = g.group_id WHERE m.user_id = ?1",
            )
            .bind(user_id)
            .fetch_all(&self.read)
            .await?;
            rows.iter()
                .map(|row| Ok((row.try_get("role_id")?, row.try_get("project_id")?)))
                .collect()
        })
    }
}
