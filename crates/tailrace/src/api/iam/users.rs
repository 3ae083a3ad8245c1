//! Users, as administrators manage them, and a user's own password.

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body, call::PathValues, error::ApiError, query::QueryText, secret_text::SecretText,
    },
    control::{
        Refusal,
        iam::{Account, NewUser, UserChange},
    },
};

use super::{
    call::{IamCall, refused, refused_at, required},
    groups::{GroupList, group_view},
    projects::{ProjectList, project_list},
    wire::{ListLinks, SelfLink},
};

const PATH: &str = "/v3/users";

/// Answer of the user lists.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserList {
    /// Users.
    pub users: Vec<UserView>,
    /// Links.
    pub links: ListLinks,
}

/// Answer about one user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserAnswer {
    /// The user.
    pub user: UserView,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserView {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Domain.
    pub domain_id: String,
    /// May log in.
    pub enabled: bool,
    /// Who it is.
    pub description: String,
    /// Always true: there is no password that has to be changed first.
    pub pwd_status: bool,
    /// Always empty: passwords do not expire.
    pub password_expires_at: &'static str,
    /// Links.
    pub links: SelfLink,
}

/// Body with a user.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct UserRequest {
    /// The user.
    pub user: Option<UserInput>,
}

/// A user to be made or changed.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct UserInput {
    /// Name.
    pub name: Option<String>,
    /// Domain; the caller's.
    pub domain_id: Option<String>,
    /// Password, 8 to 1024 bytes, at least two kinds of characters. A user without one has access keys only.
    pub password: Option<SecretText>,
    /// May log in; true where it is not said.
    pub enabled: Option<bool>,
    /// Who it is.
    pub description: Option<String>,
}

/// Body of a change of the own password.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct PasswordRequest {
    /// Passwords.
    pub user: Option<PasswordInput>,
}

/// Old and new password.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct PasswordInput {
    /// The new one.
    pub password: Option<SecretText>,
    /// The old one.
    pub original_password: Option<SecretText>,
}

pub(super) fn user_view(call: &IamCall, account: Account) -> UserView {
    UserView {
        links: call.link(PATH, &account.user.id),
        id: account.user.id,
        name: account.user.name,
        domain_id: account.user.domain.id,
        enabled: account.enabled,
        description: account.description,
        pwd_status: true,
        password_expires_at: "",
    }
}

/// Users of the caller's domain, all or of one name; who manages no users sees the own only.
#[utoipa::path(get, path = "/v3/users", tag = "IAM",
    params(("name" = Option<String>, Query, description = "Only the user of this name"),
           ("enabled" = Option<bool>, Query, description = "Only those who may log in, or may not"),
           ("domain_id" = Option<String>, Query, description = "The caller's")),
    responses((status = 200, body = UserList)))]
pub(crate) async fn list_users(
    call: IamCall,
    query: QueryText,
) -> Result<Json<UserList>, ApiError> {
    query.text("domain_id").map_or(Ok(()), |id| call.check_domain(id)).map_err(refused)?;
    let enabled = match query.text("enabled") {
        Some(_) => Some(query.boolean("enabled", true).map_err(refused)?),
        None => None,
    };
    let mut users =
        call.iam().users(&call.domain().id, query.text("name")).await.map_err(refused)?;
    users.retain(|account| {
        enabled.is_none_or(|enabled| account.enabled == enabled)
            && call.check_user(&account.user.id).is_ok()
    });
    let users = users.into_iter().map(|account| user_view(&call, account)).collect();
    Ok(Json(UserList { users, links: call.links(PATH) }))
}

/// Makes a user, who may nothing yet.
#[utoipa::path(post, path = "/v3/users", tag = "IAM", request_body = UserRequest,
    responses((status = 201, body = UserAnswer), (status = 409, description = "The name is taken")))]
pub(crate) async fn keystone_create_user(
    call: IamCall,
    V3Body(body): V3Body<UserRequest>,
) -> Result<(StatusCode, Json<UserAnswer>), ApiError> {
    let input = required("user", body.user)?;
    input.domain_id.as_deref().map_or(Ok(()), |id| call.check_domain(id)).map_err(refused)?;
    let new = NewUser {
        name: required("user.name", input.name)?,
        password: input.password.and_then(SecretText::given),
        enabled: input.enabled,
        description: input.description,
    };
    let made = call.iam().create_user(call.domain(), new).await;
    let account = made.map_err(|refusal| refused_at("user", refusal))?;
    Ok((StatusCode::CREATED, Json(UserAnswer { user: user_view(&call, account) })))
}

/// A user: the caller, or for administrators any.
#[utoipa::path(get, path = "/v3/users/{user_id}", tag = "IAM",
    params(("user_id" = String, Path)),
    responses((status = 200, body = UserAnswer), (status = 404, description = "No such user")))]
pub(crate) async fn keystone_show_user(
    call: IamCall,
    path: PathValues,
) -> Result<Json<UserAnswer>, ApiError> {
    let id = path.get("user_id");
    call.check_user(id).map_err(refused)?;
    let account = call.iam().user(&call.domain().id, id).await.map_err(refused)?;
    Ok(Json(UserAnswer { user: user_view(&call, account) }))
}

/// Changes a user. A new password, and `enabled` false, ends the user's tokens.
#[utoipa::path(patch, path = "/v3/users/{user_id}", tag = "IAM",
    params(("user_id" = String, Path)), request_body = UserRequest,
    responses((status = 200, body = UserAnswer), (status = 404, description = "No such user"),
              (status = 409, description = "The name is taken, or it is the last administrator")))]
pub(crate) async fn keystone_update_user_by_admin(
    call: IamCall,
    path: PathValues,
    V3Body(body): V3Body<UserRequest>,
) -> Result<Json<UserAnswer>, ApiError> {
    let input = required("user", body.user)?;
    let change = UserChange {
        name: input.name,
        password: input.password.and_then(SecretText::given),
        enabled: input.enabled,
        description: input.description,
    };
    let changed = call.iam().update_user(&call.domain().id, path.get("user_id"), change).await;
    let account = changed.map_err(|refusal| refused_at("user", refusal))?;
    Ok(Json(UserAnswer { user: user_view(&call, account) }))
}

/// Removes a user with keys, tokens and grants.
#[utoipa::path(delete, path = "/v3/users/{user_id}", tag = "IAM",
    params(("user_id" = String, Path)),
    responses((status = 204), (status = 404, description = "No such user"),
              (status = 409, description = "It is the last administrator")))]
pub(crate) async fn keystone_delete_user(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    let deleted = call.iam().delete_user(&call.domain().id, path.get("user_id")).await;
    deleted.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes the caller's own password; all tokens of the user end.
#[utoipa::path(post, path = "/v3/users/{user_id}/password", tag = "IAM",
    params(("user_id" = String, Path)), request_body = PasswordRequest,
    responses((status = 204), (status = 401, description = "The original password is wrong")))]
pub(crate) async fn keystone_update_user_password(
    call: IamCall,
    path: PathValues,
    V3Body(body): V3Body<PasswordRequest>,
) -> Result<StatusCode, ApiError> {
    // Also an administrator proves the old password here; that of others is set by PATCH.
    if path.get("user_id") != call.principal.user.id {
        return Err(refused(Refusal::Forbidden));
    }
    let input = required("user", body.user)?;
    let password = required("user.password", input.password)?.into_secret();
    let original = required("user.original_password", input.original_password)?.into_secret();
    let changed = call.iam().change_password(&call.principal.user, &original, &password).await;
    changed.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Groups of a user: the caller, or for administrators any.
#[utoipa::path(get, path = "/v3/users/{user_id}/groups", tag = "IAM",
    params(("user_id" = String, Path)),
    responses((status = 200, body = GroupList), (status = 404, description = "No such user")))]
pub(crate) async fn keystone_list_groups_for_user(
    call: IamCall,
    path: PathValues,
) -> Result<Json<GroupList>, ApiError> {
    let id = path.get("user_id");
    call.check_user(id).map_err(refused)?;
    let groups = call.iam().groups_of(&call.domain().id, id).await.map_err(refused)?;
    let groups = groups.into_iter().map(|group| group_view(&call, group)).collect();
    Ok(Json(GroupList { groups, links: call.links(&format!("{PATH}/{id}/groups")) }))
}

/// Projects in which a user has a role: the caller, or for administrators any.
#[utoipa::path(get, path = "/v3/users/{user_id}/projects", tag = "IAM",
    params(("user_id" = String, Path)),
    responses((status = 200, body = ProjectList), (status = 404, description = "No such user")))]
pub(crate) async fn keystone_list_projects_for_user(
    call: IamCall,
    path: PathValues,
) -> Result<Json<ProjectList>, ApiError> {
    let id = path.get("user_id");
    call.check_user(id).map_err(refused)?;
    let user = call.iam().user(&call.domain().id, id).await.map_err(refused)?.user;
    let projects = call.iam().projects_of(&user, None).await.map_err(refused)?;
    Ok(Json(project_list(&call, projects, &format!("{PATH}/{id}/projects"))))
}
