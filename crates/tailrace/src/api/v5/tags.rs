//! Tags of jobs, in the older form and the newer one.

use std::collections::{BTreeMap, BTreeSet};

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::{JobCall, PathValues, ProjectCall},
        error::{ApiError, ErrorBody},
        job_input::{ResourceTag, tag_views, tags},
        kept::non_empty,
        permission,
    },
    control::{Caller, Control, Refusal, Result, job::Tag},
};

use super::tagged::every_job;
use super::{missing, refused};

/// Kinds of things that can have tags. Only `sync` has any here.
const RESOURCE_TYPES: &[&str] =
    &["migration", "sync", "cloudDataGuard", "subscription", "backupMigration", "replay"];

/// Tags of a job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ListInstanceTagsResponse)]
pub(crate) struct TagsAnswer {
    /// Tags.
    pub tags: Vec<ResourceTag>,
}

/// Tags to add or remove.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5BatchTagReq)]
pub(crate) struct TagsRequest {
    /// In the older form: `create` or `delete`
    pub action: Option<String>,
    /// Tags; of one to remove the key is enough.
    #[serde(default)]
    pub tags: Vec<ResourceTag>,
}

/// All tags of a kind in the project.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ListTagsResponse)]
pub(crate) struct ProjectTags {
    /// By key.
    pub tags: Vec<ProjectTag>,
}

/// A key and its values.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = V5ProjectTag)]
pub(crate) struct ProjectTag {
    /// Key.
    pub key: String,
    /// Values.
    pub values: Vec<String>,
}

/// Reads the tags of a job (older form).
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{resource_type}/{job_id}/tags", tag = "v5 tags",
    params(("project_id" = String, Path), ("resource_type" = String, Path), ("job_id" = String, Path)),
    responses((status = 200, body = TagsAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_instance_tags(
    call: JobCall,
    path: PathValues,
) -> Result<Json<TagsAnswer>, ApiError> {
    resource_type(&path).map_err(refused)?;
    let job = call.control.get(&call.caller, &call.job_id).await.map_err(refused)?;
    Ok(Json(TagsAnswer { tags: tag_views(&job.tags) }))
}

/// Reads the tags of a job.
#[utoipa::path(get, path = "/v5/{project_id}/{resource_type}/{resource_id}/tags", tag = "v5 tags",
    params(("project_id" = String, Path), ("resource_type" = String, Path), ("resource_id" = String, Path)),
    responses((status = 200, body = TagsAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_instance_tags(
    ProjectCall { control, caller }: ProjectCall,
    path: PathValues,
) -> Result<Json<TagsAnswer>, ApiError> {
    resource_type(&path).map_err(refused)?;
    let job = control.get(&caller, path.get("resource_id")).await.map_err(refused)?;
    Ok(Json(TagsAnswer { tags: tag_views(&job.tags) }))
}

/// Adds or removes tags of a job (older form).
#[utoipa::path(post, path = "/v5/{project_id}/jobs/{resource_type}/{job_id}/tags/action",
    tag = "v5 tags",
    params(("project_id" = String, Path), ("resource_type" = String, Path), ("job_id" = String, Path)),
    request_body = TagsRequest,
    responses((status = 204, description = "Done"), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_tag_action(
    call: JobCall,
    path: PathValues,
    V5Body(body): V5Body<TagsRequest>,
) -> Result<StatusCode, ApiError> {
    let create = match body.action.as_deref() {
        Some("create") => true,
        Some("delete") => false,
        None | Some("") => return Err(refused(missing("action"))),
        Some(other) => {
            return Err(refused(Refusal::invalid("action", other, "create, delete")));
        }
    };
    let action = if create { "create" } else { "delete" };
    permission::require(&call.caller, "batch_tag_action", action).map_err(refused)?;
    resource_type(&path).map_err(refused)?;
    change(&call.control, &call.caller, &call.job_id, create, body.tags).await
}

/// Adds tags to a job; one with the same key is replaced.
#[utoipa::path(post, path = "/v5/{project_id}/{resource_type}/{resource_id}/tags/create",
    tag = "v5 tags",
    params(("project_id" = String, Path), ("resource_type" = String, Path), ("resource_id" = String, Path)),
    request_body = TagsRequest,
    responses((status = 204, description = "Done"), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_create_tags(
    ProjectCall { control, caller }: ProjectCall,
    path: PathValues,
    V5Body(body): V5Body<TagsRequest>,
) -> Result<StatusCode, ApiError> {
    resource_type(&path).map_err(refused)?;
    change(&control, &caller, path.get("resource_id"), true, body.tags).await
}

/// Removes tags of a job by key.
#[utoipa::path(post, path = "/v5/{project_id}/{resource_type}/{resource_id}/tags/delete",
    tag = "v5 tags",
    params(("project_id" = String, Path), ("resource_type" = String, Path), ("resource_id" = String, Path)),
    request_body = TagsRequest,
    responses((status = 204, description = "Done"), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_delete_tags(
    ProjectCall { control, caller }: ProjectCall,
    path: PathValues,
    V5Body(body): V5Body<TagsRequest>,
) -> Result<StatusCode, ApiError> {
    resource_type(&path).map_err(refused)?;
    change(&control, &caller, path.get("resource_id"), false, body.tags).await
}

async fn change(
    control: &Control,
    caller: &Caller,
    job_id: &str,
    create: bool,
    given: Vec<ResourceTag>,
) -> Result<StatusCode, ApiError> {
    if given.is_empty() {
        return Err(refused(missing("tags")));
    }
    for (i, tag) in given.iter().enumerate() {
        if non_empty(tag.key.clone()).is_none() {
            return Err(refused(missing(&format!("tags[{i}].key"))));
        }
    }
    let given = tags(given);
    let (set, remove) = if create {
        (given, Vec::new())
    } else {
        (Vec::new(), given.into_iter().map(|tag| tag.key).collect())
    };
    control.set_tags(caller, job_id, set, &remove).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the tags of all jobs.
#[utoipa::path(get, path = "/v5/{project_id}/{resource_type}/tags", tag = "v5 tags",
    params(("project_id" = String, Path), ("resource_type" = String, Path)),
    responses((status = 200, body = ProjectTags), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_tags(
    ProjectCall { control, caller }: ProjectCall,
    path: PathValues,
) -> Result<Json<ProjectTags>, ApiError> {
    project_tags(&control, &caller, &path).await.map(Json).map_err(refused)
}

/// The tags of all jobs, if they are asked for.
pub(super) async fn project_tags(
    control: &Control,
    caller: &Caller,
    path: &PathValues,
) -> Result<ProjectTags> {
    let jobs = match resource_type(path)? {
        "sync" => every_job(control, caller).await?,
        _ => Vec::new(),
    };
    Ok(ProjectTags { tags: by_key(jobs.into_iter().flat_map(|job| job.tags).collect()) })
}

fn by_key(tags: Vec<Tag>) -> Vec<ProjectTag> {
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for tag in tags {
        keys.entry(tag.key).or_default().insert(tag.value);
    }
    keys.into_iter()
        .map(|(key, values)| ProjectTag { key, values: values.into_iter().collect() })
        .collect()
}

/// The kind of things that a path is about.
pub(super) fn resource_type(path: &PathValues) -> Result<&str> {
    let name = path.get("resource_type");
    if RESOURCE_TYPES.contains(&name) {
        return Ok(name);
    }
    Err(Refusal::invalid("resource_type", name, RESOURCE_TYPES.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_gathered_by_key() {
        let tag = |key: &str, value: &str| Tag { key: key.into(), value: value.into() };
        let tags = by_key(vec![tag("b", "1"), tag("a", "2"), tag("a", "1"), tag("a", "2")]);
        assert_eq!(
            tags,
            [
                ProjectTag { key: "a".into(), values: vec!["1".into(), "2".into()] },
                ProjectTag { key: "b".into(), values: vec!["1".into()] },
            ]
        );
    }
}
