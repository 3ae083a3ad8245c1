use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::SqliteStore;
use crate::control::iam::{Domain, Project, User};
use crate::store::{
    AccessKeyRow, Bootstrap, IamStore, StoreError, StoreFuture, StoreResult, TokenRow, UserRow,
};

fn user(row: &SqliteRow) -> StoreResult<User> {
    Ok(User {
        id: row.try_get("user_id")?,
        name: row.try_get("user_name")?,
        domain: Domain { id: row.try_get("domain_id")?, name: row.try_get("domain_name")? },
    })
}

pub(super) fn user_row(row: &SqliteRow) -> StoreResult<UserRow> {
    Ok(UserRow {
        user: user(row)?,
        password_hash: row.try_get("password_hash")?,
        enabled: row.try_get("enabled")?,
        description: row.try_get("description")?,
        created_ms: row.try_get("created_ms")?,
    })
}

fn project(row: &SqliteRow) -> StoreResult<Project> {
    Ok(Project {
        id: row.try_get("id")?,
        domain_id: row.try_get("domain_id")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
    })
}

impl IamStore for SqliteStore {
    fn has_domain(&self) -> StoreFuture<'_, bool> {
        Box::pin(async {
            let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM domains LIMIT 1")
                .fetch_optional(&self.read)
                .await?;
            Ok(found.is_some())
        })
    }

    fn bootstrap<'a>(&'a self, with: &'a Bootstrap) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM domains LIMIT 1")
                .fetch_optional(&mut *tx)
                .await?;
            if found.is_some() {
                return Ok(false);
            }
            sqlx::query("INSERT INTO domains (id, name) VALUES (?, ?)")
                .bind(&with.domain.id)
                .bind(&with.domain.name)
                .execute(&mut *tx)
                .await?;
            sqlx::query("INSERT INTO projects (id, domain_id, name) VALUES (?, ?, ?)")
                .bind(&with.project.id)
                .bind(&with.project.domain_id)
                .bind(&with.project.name)
                .execute(&mut *tx)
                .await?;
            sqlx::query(
                "INSERT INTO users (id, domain_id, name, password_hash, enabled, created_ms, description)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(&with.user.user.id)
            .bind(&with.user.user.domain.id)
            .bind(&with.user.user.name)
            .bind(&with.user.password_hash)
            .bind(with.user.enabled)
            .bind(with.user.created_ms)
            .bind(&with.user.description)
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "INSERT INTO access_keys (ak, user_id, sealed, enabled, created_ms)
                 VALUES (?, ?, ?, 1, ?)",
            )
            .bind(&with.ak)
            .bind(&with.user.user.id)
            .bind(&with.sealed)
            .bind(with.at_ms)
            .execute(&mut *tx)
            .await?;
            for role in &with.roles {
                sqlx::query("INSERT INTO grants (domain_id, user_id, role_id) VALUES (?, ?, ?)")
                    .bind(&with.domain.id)
                    .bind(&with.user.user.id)
                    .bind(role)
                    .execute(&mut *tx)
                    .await?;
            }
            tx.commit().await?;
            Ok(true)
        })
    }

    fn domain<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<Domain>> {
        Box::pin(async move {
            let row = sqlx::query("SELECT id, name FROM domains WHERE id = ?")
                .bind(id)
                .fetch_optional(&self.read)
                .await?;
            row.map(|row| Ok(Domain { id: row.try_get("id")?, name: row.try_get("name")? }))
                .transpose()
        })
    }

    fn project<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<Project>> {
        Box::pin(async move {
            let row =
                sqlx::query("SELECT id, domain_id, name, description FROM projects WHERE id = ?")
                    .bind(id)
                    .fetch_optional(&self.read)
                    .await?;
            row.as_ref().map(project).transpose()
        })
    }

    fn projects<'a>(
        &'a self,
        domain_id: &'a str,
        name: Option<&'a str>,
    ) -> StoreFuture<'a, Vec<Project>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT id, domain_id, name, description FROM projects
                 WHERE domain_id = ?1 AND (?2 IS NULL OR name = ?2) ORDER BY name",
            )
            .bind(domain_id)
            .bind(name)
            .fetch_all(&self.read)
            .await?;
            rows.iter().map(project).collect()
        })
    }

    fn user_by_name<'a>(
        &'a self,
        domain: &'a str,
        name: &'a str,
    ) -> StoreFuture<'a, Option<UserRow>> {
        Box::pin(async move {
            let row = sqlx::query(
                "SELECT u.id AS user_id, u.name AS user_name, d.id AS domain_id,
                        d.name AS domain_name, u.password_hash, u.enabled,
                        u.description, u.created_ms
                 FROM users u JOIN domains d ON d.id = u.domain_id
                 WHERE d.name = ? AND u.name = ?",
            )
            .bind(domain)
            .bind(name)
            .fetch_optional(&self.read)
            .await?;
            row.as_ref().map(user_row).transpose()
        })
    }

    fn user<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<UserRow>> {
        Box::pin(async move {
            let row = sqlx::query(
                "SELECT u.id AS user_id, u.name AS user_name, d.id AS domain_id,
                        d.name AS domain_name, u.password_hash, u.enabled,
                        u.description, u.created_ms
                 FROM users u JOIN domains d ON d.id = u.domain_id
                 WHERE u.id = ?",
            )
            .bind(id)
            .fetch_optional(&self.read)
            .await?;
            row.as_ref().map(user_row).transpose()
        })
    }

    fn users<'a>(
        &'a self,
        domain_id: &'a str,
        name: Option<&'a str>,
    ) -> StoreFuture<'a, Vec<UserRow>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT u.id AS user_id, u.name AS user_name, d.id AS domain_id,
                        d.name AS domain_name, u.password_hash, u.enabled,
                        u.description, u.created_ms
                 FROM users u JOIN domains d ON d.id = u.domain_id
                 WHERE d.id = ?1 AND (?2 IS NULL OR u.name = ?2) ORDER BY u.name",
            )
            .bind(domain_id)
            .bind(name)
            .fetch_all(&self.read)
            .await?;
            rows.iter().map(user_row).collect()
        })
    }

    fn access_key<'a>(&'a self, ak: &'a str) -> StoreFuture<'a, Option<AccessKeyRow>> {
        Box::pin(async move {
            let row = sqlx::query(
                "SELECT k.ak, k.sealed, k.enabled AND u.enabled AS enabled, u.id AS user_id,
                        u.name AS user_name, d.id AS domain_id, d.name AS domain_name
                 FROM access_keys k
                 JOIN users u ON u.id = k.user_id
                 JOIN domains d ON d.id = u.domain_id
                 WHERE k.ak = ?",
            )
            .bind(ak)
            .fetch_optional(&self.read)
            .await?;
            row.map(|row| {
                Ok(AccessKeyRow {
                    ak: row.try_get("ak")?,
                    sealed: row.try_get("sealed")?,
                    user: user(&row)?,
                    enabled: row.try_get("enabled")?,
                })
            })
            .transpose()
        })
    }

    fn add_token<'a>(&'a self, token: &'a TokenRow) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut tx = self.begin().await?;
            sqlx::query("DELETE FROM tokens WHERE expires_ms <= ?")
                .bind(token.issued_ms)
                .execute(&mut *tx)
                .await?;
            sqlx::query(
                "INSERT INTO tokens (hash, user_id, project_id, issued_ms, expires_ms)
                 VALUES (?, ?, ?, ?, ?)",
            )
            .bind(token.hash.as_slice())
            .bind(&token.user_id)
            .bind(&token.project_id)
            .bind(token.issued_ms)
            .bind(token.expires_ms)
            .execute(&mut *tx)
            .await?;
            Ok(tx.commit().await?)
        })
    }

    fn token<'a>(&'a self, hash: &'a [u8; 32]) -> StoreFuture<'a, Option<TokenRow>> {
        Box::pin(async move {
            let row = sqlx::query("SELECT * FROM tokens WHERE hash = ?")
                .bind(hash.as_slice())
                .fetch_optional(&self.read)
                .await?;
            row.map(|row| {
                let hash: Vec<u8> = row.try_get("hash")?;
                Ok(TokenRow {
                    hash: hash.try_into().map_err(|hash: Vec<u8>| {
                        StoreError::damaged("tokens.hash", format!("{} bytes", hash.len()))
                    })?,
                    user_id: row.try_get("user_id")?,
                    project_id: row.try_get("project_id")?,
                    issued_ms: row.try_get("issued_ms")?,
                    expires_ms: row.try_get("expires_ms")?,
                })
            })
            .transpose()
        })
    }

    fn remove_token<'a>(&'a self, hash: &'a [u8; 32]) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            sqlx::query("DELETE FROM tokens WHERE hash = ?")
                .bind(hash.as_slice())
                .execute(&self.write)
                .await?;
            Ok(())
        })
    }
}
