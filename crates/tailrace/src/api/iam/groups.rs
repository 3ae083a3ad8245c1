//! Groups of users.

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{body::V3Body, call::PathValues, error::ApiError, query::QueryText},
    control::iam::{Group, Naming},
};

use super::{
    call::{IamCall, refused, refused_at, required},
    users::{UserList, user_view},
    wire::{ListLinks, SelfLink},
};

const PATH: &str = "/v3/groups";

/// Answer of the group lists.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupList {
    /// Groups.
    pub groups: Vec<GroupView>,
    /// Links.
    pub links: ListLinks,
}

/// Answer about one group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupAnswer {
    /// The group.
    pub group: GroupView,
}

/// A group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupView {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Domain.
    pub domain_id: String,
    /// Who is in it.
    pub description: String,
    /// Made, milliseconds of the Unix epoch.
    pub create_time: i64,
    /// Links.
    pub links: SelfLink,
}

/// Body with a group.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct GroupRequest {
    /// The group.
    pub group: Option<GroupInput>,
}

/// A group to be made or changed.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct GroupInput {
    /// Name.
    pub name: Option<String>,
    /// Domain; the caller's.
    pub domain_id: Option<String>,
    /// Who is in it.
    pub description: Option<String>,
}

impl GroupInput {
    fn naming(self, call: &IamCall) -> Result<Naming, ApiError> {
        self.domain_id.as_deref().map_or(Ok(()), |id| call.check_domain(id)).map_err(refused)?;
        Ok(Naming { name: self.name, description: self.description })
    }
}

pub(super) fn group_view(call: &IamCall, group: Group) -> GroupView {
    GroupView {
        links: call.link(PATH, &group.id),
        id: group.id,
        name: group.name,
        domain_id: group.domain_id,
        description: group.description,
        create_time: group.created_ms,
    }
}

/// Groups of the domain, all or of one name.
#[utoipa::path(get, path = "/v3/groups", tag = "IAM",
    params(("name" = Option<String>, Query, description = "Only the group of this name"),
           ("domain_id" = Option<String>, Query, description = "The caller's")),
    responses((status = 200, body = GroupList)))]
pub(crate) async fn keystone_list_groups(
    call: IamCall,
    query: QueryText,
) -> Result<Json<GroupList>, ApiError> {
    query.text("domain_id").map_or(Ok(()), |id| call.check_domain(id)).map_err(refused)?;
    let groups = call.iam().groups(&call.domain().id, query.text("name")).await.map_err(refused)?;
    let groups = groups.into_iter().map(|group| group_view(&call, group)).collect();
    Ok(Json(GroupList { groups, links: call.links(PATH) }))
}

/// Makes a group.
#[utoipa::path(post, path = "/v3/groups", tag = "IAM", request_body = GroupRequest,
    responses((status = 201, body = GroupAnswer), (status = 409, description = "The name is taken")))]
pub(crate) async fn keystone_create_group(
    call: IamCall,
    V3Body(body): V3Body<GroupRequest>,
) -> Result<(StatusCode, Json<GroupAnswer>), ApiError> {
    let naming = required("group", body.group)?.naming(&call)?;
    let made = call.iam().create_group(&call.domain().id, naming).await;
    let group = made.map_err(|refusal| refused_at("group", refusal))?;
    Ok((StatusCode::CREATED, Json(GroupAnswer { group: group_view(&call, group) })))
}

/// A group.
#[utoipa::path(get, path = "/v3/groups/{group_id}", tag = "IAM",
    params(("group_id" = String, Path)),
    responses((status = 200, body = GroupAnswer), (status = 404, description = "No such group")))]
pub(crate) async fn keystone_show_group(
    call: IamCall,
    path: PathValues,
) -> Result<Json<GroupAnswer>, ApiError> {
    let group = call.iam().group(&call.domain().id, path.get("group_id")).await;
    Ok(Json(GroupAnswer { group: group_view(&call, group.map_err(refused)?) }))
}

/// Changes name or description of a group.
#[utoipa::path(patch, path = "/v3/groups/{group_id}", tag = "IAM",
    params(("group_id" = String, Path)), request_body = GroupRequest,
    responses((status = 200, body = GroupAnswer), (status = 404, description = "No such group"),
              (status = 409, description = "The name is taken")))]
pub(crate) async fn keystone_update_group(
    call: IamCall,
    path: PathValues,
    V3Body(body): V3Body<GroupRequest>,
) -> Result<Json<GroupAnswer>, ApiError> {
    let naming = required("group", body.group)?.naming(&call)?;
    let changed = call.iam().update_group(&call.domain().id, path.get("group_id"), naming).await;
    let group = changed.map_err(|refusal| refused_at("group", refusal))?;
    Ok(Json(GroupAnswer { group: group_view(&call, group) }))
}

/// Removes a group; its users stay, without what it gave them.
#[utoipa::path(delete, path = "/v3/groups/{group_id}", tag = "IAM",
    params(("group_id" = String, Path)),
    responses((status = 204), (status = 404, description = "No such group"),
              (status = 409, description = "Nobody would be left who may manage users")))]
pub(crate) async fn keystone_delete_group(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    let deleted = call.iam().delete_group(&call.domain().id, path.get("group_id")).await;
    deleted.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Users of a group.
#[utoipa::path(get, path = "/v3/groups/{group_id}/users", tag = "IAM",
    params(("group_id" = String, Path)),
    responses((status = 200, body = UserList), (status = 404, description = "No such group")))]
pub(crate) async fn keystone_list_users_for_group_by_admin(
    call: IamCall,
    path: PathValues,
) -> Result<Json<UserList>, ApiError> {
    let id = path.get("group_id");
    let users = call.iam().members(&call.domain().id, id).await.map_err(refused)?;
    let users = users.into_iter().map(|account| user_view(&call, account)).collect();
    Ok(Json(UserList { users, links: call.links(&format!("{PATH}/{id}/users")) }))
}

/// Puts a user into a group.
#[utoipa::path(put, path = "/v3/groups/{group_id}/users/{user_id}", tag = "IAM",
    params(("group_id" = String, Path), ("user_id" = String, Path)),
    responses((status = 204), (status = 404, description = "No such group or user")))]
pub(crate) async fn keystone_add_user_to_group(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    let (group, user) = (path.get("group_id"), path.get("user_id"));
    call.iam().add_member(&call.domain().id, group, user).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a user is in a group.
#[utoipa::path(head, path = "/v3/groups/{group_id}/users/{user_id}", tag = "IAM",
    params(("group_id" = String, Path), ("user_id" = String, Path)),
    responses((status = 204), (status = 404, description = "The user is not in it")))]
pub(crate) async fn keystone_check_user_in_group(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    let id = path.get("user_id");
    let users = call.iam().members(&call.domain().id, path.get("group_id")).await;
    if users.map_err(refused)?.iter().any(|account| account.user.id == id) {
        return Ok(StatusCode::NO_CONTENT);
    }
    let id = id.to_owned();
    Err(refused(crate::control::Refusal::IamMissing { what: "user in the group", id }))
}

/// Takes a user out of a group.
#[utoipa::path(delete, path = "/v3/groups/{group_id}/users/{user_id}", tag = "IAM",
    params(("group_id" = String, Path), ("user_id" = String, Path)),
    responses((status = 204), (status = 404, description = "The user is not in it"),
              (status = 409, description = "Nobody would be left who may manage users")))]
pub(crate) async fn keystone_remove_user_from_group(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    let (group, user) = (path.get("group_id"), path.get("user_id"));
    call.iam().remove_member(&call.domain().id, group, user).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}
