//! Access keys: everybody's own, and for administrators everybody's.

use axum::{Json, http::StatusCode};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{body::V3Body, call::PathValues, error::ApiError, query::QueryText, time},
    control::{
        Refusal,
        iam::{KeyChange, UserKey},
    },
};

use super::call::{IamCall, refused, refused_at, required};

/// Body with an access key.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct KeyRequest {
    /// The key.
    pub credential: Option<KeyInput>,
}

/// An access key to be made or changed.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct KeyInput {
    /// Whose; the caller's where it is not said. Only of a new one.
    pub user_id: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// `active` or `inactive`; only of one that is changed.
    pub status: Option<String>,
}

/// Answer about one key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyAnswer {
    /// The key.
    pub credential: KeyView,
}

/// Answer about keys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyList {
    /// The keys, without their secrets.
    pub credentials: Vec<KeyView>,
}

/// An access key.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyView {
    /// AK.
    pub access: String,
    /// SK; only in the answer that makes the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// `active` or `inactive`
    pub status: &'static str,
    /// Whose.
    pub user_id: String,
    /// What it is for.
    pub description: String,
    /// Made, `2026-11-24T02:00:00.000000Z`.
    pub create_time: String,
}

impl std::fmt::Debug for KeyView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyView").field("access", &self.access).finish_non_exhaustive()
    }
}

fn view(key: UserKey, secret: Option<String>) -> KeyView {
    KeyView {
        access: key.ak,
        secret,
        status: if key.enabled { "active" } else { "inactive" },
        user_id: key.user_id,
        description: key.description,
        create_time: time::keystone(key.created_ms),
    }
}

/// The key of the path. That of somebody else is not there for who may not manage it.
async fn key(call: &IamCall, path: &PathValues) -> Result<UserKey, ApiError> {
    let ak = path.get("access_key");
    let key = call.iam().key(&call.domain().id, ak).await.map_err(refused)?;
    if call.check_user(&key.user_id).is_err() {
        return Err(refused(Refusal::IamMissing { what: "access key", id: ak.to_owned() }));
    }
    Ok(key)
}

/// Makes an access key; its secret is told here and nowhere else.
#[utoipa::path(post, path = "/v3.0/OS-CREDENTIAL/credentials", tag = "IAM", request_body = KeyRequest,
    responses((status = 201, body = KeyAnswer), (status = 403, description = "The user has two keys")))]
pub(crate) async fn create_permanent_access_key(
    call: IamCall,
    V3Body(body): V3Body<KeyRequest>,
) -> Result<(StatusCode, Json<KeyAnswer>), ApiError> {
    let input = required("credential", body.credential)?;
    let user_id = input.user_id.unwrap_or_else(|| call.principal.user.id.clone());
    call.check_user(&user_id).map_err(refused)?;
    let made = call.iam().create_key(&call.domain().id, &user_id, input.description).await;
    let (key, secret) = made.map_err(|refusal| refused_at("credential", refusal))?;
    let credential = view(key, Some(secret.expose_secret().to_owned()));
    Ok((StatusCode::CREATED, Json(KeyAnswer { credential })))
}

/// Access keys of a user, the caller's where no user is named.
#[utoipa::path(get, path = "/v3.0/OS-CREDENTIAL/credentials", tag = "IAM",
    params(("user_id" = Option<String>, Query, description = "Whose")),
    responses((status = 200, body = KeyList)))]
pub(crate) async fn list_permanent_access_keys(
    call: IamCall,
    query: QueryText,
) -> Result<Json<KeyList>, ApiError> {
    let user_id = query.text("user_id").unwrap_or(&call.principal.user.id);
    call.check_user(user_id).map_err(refused)?;
    let keys = call.iam().keys(&call.domain().id, Some(user_id)).await.map_err(refused)?;
    Ok(Json(KeyList { credentials: keys.into_iter().map(|key| view(key, None)).collect() }))
}

/// An access key.
#[utoipa::path(get, path = "/v3.0/OS-CREDENTIAL/credentials/{access_key}", tag = "IAM",
    params(("access_key" = String, Path)),
    responses((status = 200, body = KeyAnswer), (status = 404, description = "No such key")))]
pub(crate) async fn show_permanent_access_key(
    call: IamCall,
    path: PathValues,
) -> Result<Json<KeyAnswer>, ApiError> {
    let key = key(&call, &path).await?;
    Ok(Json(KeyAnswer { credential: view(key, None) }))
}

/// Disables or enables an access key, or changes its description.
#[utoipa::path(put, path = "/v3.0/OS-CREDENTIAL/credentials/{access_key}", tag = "IAM",
    params(("access_key" = String, Path)), request_body = KeyRequest,
    responses((status = 200, body = KeyAnswer), (status = 404, description = "No such key")))]
pub(crate) async fn update_permanent_access_key(
    call: IamCall,
    path: PathValues,
    V3Body(body): V3Body<KeyRequest>,
) -> Result<Json<KeyAnswer>, ApiError> {
    let input = required("credential", body.credential)?;
    let enabled = match input.status.as_deref() {
        None => None,
        Some("active") => Some(true),
        Some("inactive") => Some(false),
        Some(other) => {
            return Err(refused(Refusal::invalid("credential.status", other, "active, inactive")));
        }
    };
    let key = key(&call, &path).await?;
    let change = KeyChange { enabled, description: input.description };
    let changed = call.iam().update_key(&call.domain().id, &key.ak, change).await;
    let key = changed.map_err(|refusal| refused_at("credential", refusal))?;
    Ok(Json(KeyAnswer { credential: view(key, None) }))
}

/// Removes an access key.
#[utoipa::path(delete, path = "/v3.0/OS-CREDENTIAL/credentials/{access_key}", tag = "IAM",
    params(("access_key" = String, Path)),
    responses((status = 204), (status = 404, description = "No such key")))]
pub(crate) async fn delete_permanent_access_key(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    let key = key(&call, &path).await?;
    call.iam().delete_key(&call.domain().id, &key.ak).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}
