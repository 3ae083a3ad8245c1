//! Roles of users and groups, in projects and in the domain.
//!
//! Huawei Cloud's IAM gives roles to groups; those of single users are Keystone's. A role of the domain holds in all its
//! projects.

use axum::{Json, http::StatusCode};

use crate::{
    api::{call::PathValues, error::ApiError, query::QueryText},
    control::{
        Refusal, Result,
        iam::{Actor, Grant},
    },
};

use super::{
    call::{IamCall, refused},
    roles::{RoleList, role_list},
};

/// Whose roles and where, by the names of the path.
fn place(call: &IamCall, path: &PathValues) -> Result<Grant> {
    let text = |name: &str| Some(path.get(name)).filter(|id| !id.is_empty()).map(str::to_owned);
    text("domain_id").map_or(Ok(()), |id| call.check_domain(&id))?;
    let actor = match (text("user_id"), text("group_id")) {
        (Some(user), _) => Actor::User(user),
        (None, group) => Actor::Group(group.unwrap_or_default()),
    };
    Ok(Grant {
        domain_id: call.domain().id.clone(),
        actor,
        project_id: text("id"),
        role_id: text("role_id").unwrap_or_default(),
    })
}

async fn list(
    call: &IamCall,
    path: &PathValues,
    query: &QueryText,
    address: &str,
) -> Result<Json<RoleList>, ApiError> {
    let at = place(call, path).map_err(refused)?;
    let granted = call.iam().granted(&at.domain_id, &at.actor, at.project_id.as_deref()).await;
    role_list(call, granted.map_err(refused)?, query, address)
}

async fn give(call: &IamCall, path: &PathValues) -> Result<StatusCode, ApiError> {
    let grant = place(call, path).map_err(refused)?;
    call.iam().grant(&grant).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn look(call: &IamCall, path: &PathValues) -> Result<StatusCode, ApiError> {
    let grant = place(call, path).map_err(refused)?;
    if call.iam().is_granted(&grant).await.map_err(refused)? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(refused(Refusal::IamMissing { what: "grant of role", id: grant.role_id }))
}

async fn take(call: &IamCall, path: &PathValues) -> Result<StatusCode, ApiError> {
    let grant = place(call, path).map_err(refused)?;
    call.iam().revoke_grant(&grant).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Roles that a group was given in a project.
#[utoipa::path(get, path = "/v3/projects/{id}/groups/{group_id}/roles", tag = "IAM",
    params(("id" = String, Path), ("group_id" = String, Path)),
    responses((status = 200, body = RoleList), (status = 404, description = "No such project or group")))]
pub(crate) async fn keystone_list_project_permissions_for_group(
    call: IamCall,
    path: PathValues,
    query: QueryText,
) -> Result<Json<RoleList>, ApiError> {
    list(&call, &path, &query, "/v3/roles").await
}

/// Gives a group a role in a project.
#[utoipa::path(put, path = "/v3/projects/{id}/groups/{group_id}/roles/{role_id}", tag = "IAM",
    params(("id" = String, Path), ("group_id" = String, Path), ("role_id" = String, Path)),
    responses((status = 204), (status = 404, description = "No such project, group or role")))]
pub(crate) async fn keystone_associate_group_with_project_permission(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    give(&call, &path).await
}

/// Whether a group was given a role in a project.
#[utoipa::path(head, path = "/v3/projects/{id}/groups/{group_id}/roles/{role_id}", tag = "IAM",
    params(("id" = String, Path), ("group_id" = String, Path), ("role_id" = String, Path)),
    responses((status = 204), (status = 404, description = "It was not given")))]
pub(crate) async fn keystone_check_project_permission_for_group(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    look(&call, &path).await
}

/// Takes a role in a project back from a group.
#[utoipa::path(delete, path = "/v3/projects/{id}/groups/{group_id}/roles/{role_id}", tag = "IAM",
    params(("id" = String, Path), ("group_id" = String, Path), ("role_id" = String, Path)),
    responses((status = 204), (status = 404, description = "It was not given")))]
pub(crate) async fn keystone_remove_project_permission_from_group(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    take(&call, &path).await
}

/// Roles that a user was given in a project.
#[utoipa::path(get, path = "/v3/projects/{id}/users/{user_id}/roles", tag = "IAM",
    params(("id" = String, Path), ("user_id" = String, Path)),
    responses((status = 200, body = RoleList), (status = 404, description = "No such project or user")))]
pub(crate) async fn keystone_list_project_permissions_for_user(
    call: IamCall,
    path: PathValues,
    query: QueryText,
) -> Result<Json<RoleList>, ApiError> {
    list(&call, &path, &query, "/v3/roles").await
}

/// Gives a user a role in a project.
#[utoipa::path(put, path = "/v3/projects/{id}/users/{user_id}/roles/{role_id}", tag = "IAM",
    params(("id" = String, Path), ("user_id" = String, Path), ("role_id" = String, Path)),
    responses((status = 204), (status = 404, description = "No such project, user or role")))]
pub(crate) async fn keystone_associate_user_with_project_permission(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    give(&call, &path).await
}

/// Whether a user was given a role in a project.
#[utoipa::path(head, path = "/v3/projects/{id}/users/{user_id}/roles/{role_id}", tag = "IAM",
    params(("id" = String, Path), ("user_id" = String, Path), ("role_id" = String, Path)),
    responses((status = 204), (status = 404, description = "It was not given")))]
pub(crate) async fn keystone_check_project_permission_for_user(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    look(&call, &path).await
}

/// Takes a role in a project back from a user.
#[utoipa::path(delete, path = "/v3/projects/{id}/users/{user_id}/roles/{role_id}", tag = "IAM",
    params(("id" = String, Path), ("user_id" = String, Path), ("role_id" = String, Path)),
    responses((status = 204), (status = 404, description = "It was not given")))]
pub(crate) async fn keystone_remove_project_permission_from_user(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    take(&call, &path).await
}

/// Roles that a group was given in the domain.
#[utoipa::path(get, path = "/v3/domains/{domain_id}/groups/{group_id}/roles", tag = "IAM",
    params(("domain_id" = String, Path), ("group_id" = String, Path)),
    responses((status = 200, body = RoleList), (status = 404, description = "No such domain or group")))]
pub(crate) async fn keystone_list_domain_permissions_for_group(
    call: IamCall,
    path: PathValues,
    query: QueryText,
) -> Result<Json<RoleList>, ApiError> {
    list(&call, &path, &query, "/v3/roles").await
}

/// Gives a group a role in the domain.
#[utoipa::path(put, path = "/v3/domains/{domain_id}/groups/{group_id}/roles/{role_id}", tag = "IAM",
    params(("domain_id" = String, Path), ("group_id" = String, Path), ("role_id" = String, Path)),
    responses((status = 204), (status = 404, description = "No such domain, group or role")))]
pub(crate) async fn keystone_associate_group_with_domain_permission(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    give(&call, &path).await
}

/// Whether a group was given a role in the domain.
#[utoipa::path(head, path = "/v3/domains/{domain_id}/groups/{group_id}/roles/{role_id}", tag = "IAM",
    params(("domain_id" = String, Path), ("group_id" = String, Path), ("role_id" = String, Path)),
    responses((status = 204), (status = 404, description = "It was not given")))]
pub(crate) async fn keystone_check_domain_permission_for_group(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    look(&call, &path).await
}

/// Takes a role in the domain back from a group.
#[utoipa::path(delete, path = "/v3/domains/{domain_id}/groups/{group_id}/roles/{role_id}", tag = "IAM",
    params(("domain_id" = String, Path), ("group_id" = String, Path), ("role_id" = String, Path)),
    responses((status = 204), (status = 404, description = "It was not given"),
              (status = 409, description = "Nobody would be left who may manage users")))]
pub(crate) async fn keystone_remove_domain_permission_from_group(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    take(&call, &path).await
}

/// Roles that a user was given in the domain.
#[utoipa::path(get, path = "/v3/domains/{domain_id}/users/{user_id}/roles", tag = "IAM",
    params(("domain_id" = String, Path), ("user_id" = String, Path)),
    responses((status = 200, body = RoleList), (status = 404, description = "No such domain or user")))]
pub(crate) async fn keystone_list_domain_permissions_for_user(
    call: IamCall,
    path: PathValues,
    query: QueryText,
) -> Result<Json<RoleList>, ApiError> {
    list(&call, &path, &query, "/v3/roles").await
}

/// Gives a user a role in the domain.
#[utoipa::path(put, path = "/v3/domains/{domain_id}/users/{user_id}/roles/{role_id}", tag = "IAM",
    params(("domain_id" = String, Path), ("user_id" = String, Path), ("role_id" = String, Path)),
    responses((status = 204), (status = 404, description = "No such domain, user or role")))]
pub(crate) async fn keystone_associate_user_with_domain_permission(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    give(&call, &path).await
}

/// Whether a user was given a role in the domain.
#[utoipa::path(head, path = "/v3/domains/{domain_id}/users/{user_id}/roles/{role_id}", tag = "IAM",
    params(("domain_id" = String, Path), ("user_id" = String, Path), ("role_id" = String, Path)),
    responses((status = 204), (status = 404, description = "It was not given")))]
pub(crate) async fn keystone_check_domain_permission_for_user(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    look(&call, &path).await
}

/// Takes a role in the domain back from a user.
#[utoipa::path(delete, path = "/v3/domains/{domain_id}/users/{user_id}/roles/{role_id}", tag = "IAM",
    params(("domain_id" = String, Path), ("user_id" = String, Path), ("role_id" = String, Path)),
    responses((status = 204), (status = 404, description = "It was not given"),
              (status = 409, description = "Nobody would be left who may manage users")))]
pub(crate) async fn keystone_remove_domain_permission_from_user(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    take(&call, &path).await
}
