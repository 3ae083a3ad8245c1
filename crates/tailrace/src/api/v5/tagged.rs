//! Jobs found by their tags, and the older list of all tags.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::{PathValues, ProjectCall},
        error::{ApiError, ErrorBody},
        job_input::{ResourceTag, tag_views},
        kept::non_empty,
        query::QueryText,
    },
    control::{
        Caller, Control, Refusal, Result,
        job::{Job, JobFilter, Page},
    },
};

use super::tags::{ProjectTags, project_tags, resource_type};
use super::{missing, refused};

/// Keys of one request, and values of one key, at most.
const TAGS_MAX: usize = 20;

/// Which jobs are asked for: those that have one of the values of each key.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5QueryInstanceByTagReq)]
pub(crate) struct ByTagRequest {
    /// Only those without any tag.
    pub without_any_tag: Option<bool>,
    /// Keys, with the values of which one has to be there; without values any.
    #[serde(default)]
    pub tags: Vec<TagWanted>,
    /// Fields of the job: `resource_name`, a part of the name.
    #[serde(default)]
    pub matches: Vec<FieldWanted>,
}

/// A key with values.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5QueryTag)]
pub(crate) struct TagWanted {
    /// Key.
    pub key: Option<String>,
    /// Values.
    #[serde(default)]
    pub values: Vec<String>,
}

/// A field and what it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5TagMatch)]
pub(crate) struct FieldWanted {
    /// `resource_name`
    pub key: Option<String>,
    /// A part of it.
    pub value: Option<String>,
}

/// How many there are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5CountInstanceByTagsResponse)]
pub(crate) struct TaggedCount {
    /// Jobs.
    pub total_count: usize,
}

/// A page of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ListInstanceByTagsResponse)]
pub(crate) struct Tagged {
    /// Jobs in all.
    pub total_count: usize,
    /// Those of the page.
    pub resources: Vec<TaggedJob>,
}

/// A job with its tags.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ResourceInstance)]
pub(crate) struct TaggedJob {
    /// Id.
    pub resource_id: String,
    /// Nothing more is told here.
    pub resource_detail: String,
    /// Name.
    pub resource_name: String,
    /// Tags.
    pub tags: Vec<ResourceTag>,
}

/// Counts jobs by their tags.
#[utoipa::path(post, path = "/v5/{project_id}/{resource_type}/resource-instances/count", tag = "v5 tags",
    params(("project_id" = String, Path), ("resource_type" = String, Path)), request_body = ByTagRequest,
    responses((status = 200, body = TaggedCount), (status = 400, body = ErrorBody)))]
pub(crate) async fn count_instance_by_tags(
    ProjectCall { control, caller }: ProjectCall,
    path: PathValues,
    V5Body(body): V5Body<ByTagRequest>,
) -> Result<Json<TaggedCount>, ApiError> {
    let found = found(&control, &caller, &path, &body).await.map_err(refused)?;
    Ok(Json(TaggedCount { total_count: found.len() }))
}

/// Finds jobs by their tags.
#[utoipa::path(post, path = "/v5/{project_id}/{resource_type}/resource-instances/filter", tag = "v5 tags",
    params(("project_id" = String, Path), ("resource_type" = String, Path),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    request_body = ByTagRequest,
    responses((status = 200, body = Tagged), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_instance_by_tags(
    ProjectCall { control, caller }: ProjectCall,
    path: PathValues,
    query: QueryText,
    V5Body(body): V5Body<ByTagRequest>,
) -> Result<Json<Tagged>, ApiError> {
    let page = query.page().map_err(refused)?;
    let found = found(&control, &caller, &path, &body).await.map_err(refused)?;
    let total_count = found.len();
    let resources = page.of(found).map(|job| TaggedJob {
        resource_id: job.id,
        resource_detail: String::new(),
        resource_name: job.name,
        tags: tag_views(&job.tags),
    });
    Ok(Json(Tagged { total_count, resources: resources.collect() }))
}

/// Lists the tags of all jobs (older form).
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{resource_type}/tags", tag = "v5 tags",
    params(("project_id" = String, Path), ("resource_type" = String, Path)),
    responses((status = 200, body = ProjectTags), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_project_tags(
    ProjectCall { control, caller }: ProjectCall,
    path: PathValues,
) -> Result<Json<ProjectTags>, ApiError> {
    project_tags(&control, &caller, &path).await.map(Json).map_err(refused)
}

impl ByTagRequest {
    fn check(&self) -> Result<()> {
        let many = |field: &str, count: usize| {
            let allowed = format!("at most {TAGS_MAX}");
            (count > TAGS_MAX).then(|| Refusal::invalid(field, count, allowed))
        };
        if let Some(refusal) = many("tags", self.tags.len()) {
            return Err(refusal);
        }
        for (at, tag) in self.tags.iter().enumerate() {
            if non_empty(tag.key.clone()).is_none() {
                return Err(missing(&format!("tags[{at}].key")));
            }
            if let Some(refusal) = many(&format!("tags[{at}].values"), tag.values.len()) {
                return Err(refusal);
            }
        }
        for (at, field) in self.matches.iter().enumerate() {
            let key = non_empty(field.key.clone());
            let key = key.ok_or_else(|| missing(&format!("matches[{at}].key")))?;
            if key != "resource_name" {
                let place = format!("matches[{at}].key");
                return Err(Refusal::invalid(place, key, "resource_name"));
            }
        }
        Ok(())
    }

    fn wants(&self, job: &Job) -> bool {
        if self.without_any_tag == Some(true) && !job.tags.is_empty() {
            return false;
        }
        let has = |wanted: &TagWanted| {
            job.tags.iter().any(|tag| {
                Some(&tag.key) == wanted.key.as_ref()
                    && (wanted.values.is_empty() || wanted.values.contains(&tag.value))
            })
        };
        let name = job.name.to_lowercase();
        let is_named = |field: &FieldWanted| {
            name.contains(&field.value.clone().unwrap_or_default().to_lowercase())
        };
        self.tags.iter().all(has) && self.matches.iter().all(is_named)
    }
}

/// The jobs that are asked for, in the order of their list.
async fn found(
    control: &Control,
    caller: &Caller,
    path: &PathValues,
    wanted: &ByTagRequest,
) -> Result<Vec<Job>> {
    let kind = resource_type(path)?;
    wanted.check()?;
    if kind != "sync" {
        return Ok(Vec::new());
    }
    let jobs = every_job(control, caller).await?;
    Ok(jobs.into_iter().filter(|job| wanted.wants(job)).collect())
}

/// All jobs of the project.
pub(super) async fn every_job(control: &Control, caller: &Caller) -> Result<Vec<Job>> {
    let mut all = Vec::new();
    let mut filter = JobFilter { page: Page::FIRST, ..JobFilter::default() };
    loop {
        let (total, jobs) = control.list(caller, &filter).await?;
        all.extend(jobs);
        filter.page.offset = filter.page.offset.saturating_add(filter.page.limit);
        if filter.page.offset >= total {
            return Ok(all);
        }
    }
}
