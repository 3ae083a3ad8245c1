//! `GET …/jobs`: the list.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        call::ProjectCall,
        error::{ApiError, ErrorBody},
        job_list::{JobActionView, status_filter},
        query::QueryText,
        time,
    },
    control::{
        Refusal, Result,
        job::{ChildJob, Engine, Job, JobFilter, SortKey, TaskMode},
    },
};

use super::{delete::unsupported, refused};

/// Ids in one `name` parameter.
const NAME_IDS_MAX: usize = 10;

/// Answer of the list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ListJobsResponse)]
pub(crate) struct ListAnswer {
    /// Jobs in all.
    pub total_count: u64,
    /// Jobs of the page.
    pub jobs: Vec<JobItem>,
}

/// A job in the list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5JobListResp)]
pub(crate) struct JobItem {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Status.
    pub status: &'static str,
    /// Description.
    pub description: String,
    /// `2022-11-07T16:15:18Z`
    pub create_time: String,
    /// Link.
    pub engine_type: &'static str,
    /// Network.
    pub net_type: String,
    /// `on_demand`
    pub charging_mode: &'static str,
    /// Always false: nothing is charged.
    pub billing_tag: bool,
    /// Direction.
    pub job_direction: String,
    /// `sync`
    pub job_type: &'static str,
    /// Phases.
    pub task_type: &'static str,
    /// Enterprise project.
    pub enterprise_project_id: String,
    /// `single`, for a child `sync_child`
    pub job_mode: &'static str,
    /// `parent` or `child`
    pub job_mode_role: &'static str,
    /// Always false.
    pub is_multi_az: bool,
    /// Always empty.
    pub node_role: &'static str,
    /// Always true.
    pub node_new_framework: bool,
    /// What can be done with it.
    pub job_action: JobActionView,
    /// Children of re-edits; absent in a child.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    pub children: Option<Vec<JobItem>>,
}

/// Lists jobs.
#[utoipa::path(get, path = "/v5/{project_id}/jobs", tag = "v5 jobs",
    params(("project_id" = String, Path),
        ("job_type" = String, Query, description = "`sync`; other types have no jobs"),
        ("name" = Option<String>, Query, description = "Part of the name, an id, or up to 10 ids separated by commas"),
        ("status" = Option<String>, Query), ("engine_type" = Option<String>, Query),
        ("net_type" = Option<String>, Query), ("task_type" = Option<String>, Query),
        ("enterprise_project_id" = Option<String>, Query),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query, description = "1..=1000, 10 by default"),
        ("sort_key" = Option<String>, Query, description = "name, status, create_time, net_type, job_direction"),
        ("sort_dir" = Option<String>, Query, description = "desc, asc")),
    responses((status = 200, body = ListAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_jobs(
    ProjectCall { control, caller }: ProjectCall,
    query: QueryText,
) -> Result<Json<ListAnswer>, ApiError> {
    let Some(filter) = filter(&query).map_err(refused)? else {
        return Ok(Json(ListAnswer { total_count: 0, jobs: Vec::new() }));
    };
    let (total_count, jobs) = control.list(&caller, &filter).await.map_err(refused)?;
    Ok(Json(ListAnswer { total_count, jobs: jobs.iter().map(job_item).collect() }))
}

/// The filter of a query; `None` if no job can match.
fn filter(query: &QueryText) -> Result<Option<JobFilter>> {
    let kind = query.required("job_type")?;
    if !matches!(kind, "sync" | "migration" | "cloudDataGuard" | "replay") {
        return Err(Refusal::invalid("job_type", kind, "migration, sync, cloudDataGuard, replay"));
    }
    if query.text("instance_ids").is_some() || query.text("instance_ip").is_some() {
        return Err(unsupported("a filter by instance", "name, status, engine_type, net_type"));
    }
    let (ids, name_or_id) = name(query.text("name"))?;
    let filter = JobFilter {
        ids,
        name_or_id,
        status: status_filter("status", query.text("status").map(str::to_owned))?,
        engine: query.text("engine_type").map(Engine::parse).transpose()?,
        task: query.text("task_type").map(TaskMode::parse).transpose()?,
        net_type: query.text("net_type").map(str::to_owned),
        enterprise_project_id: query.text("enterprise_project_id").map(str::to_owned),
        sort: sort_key(query.text("sort_key"))?,
        ascending: match query.text("sort_dir") {
            None | Some("desc") => false,
            Some("asc") => true,
            Some(other) => return Err(Refusal::invalid("sort_dir", other, "desc, asc")),
        },
        page: query.page()?,
        ..JobFilter::default()
    };
    Ok((kind == "sync").then_some(filter))
}

/// A name, an id, or ids separated by commas.
fn name(text: Option<&str>) -> Result<(Vec<String>, Option<String>)> {
    let Some(text) = text else { return Ok((Vec::new(), None)) };
    if !text.contains(',') {
        return Ok((Vec::new(), Some(text.to_owned())));
    }
    let ids: Vec<_> = text.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect();
    if ids.is_empty() || ids.len() > NAME_IDS_MAX {
        return Err(Refusal::invalid("name", text, "a name, or 1..=10 ids separated by commas"));
    }
    Ok((ids, None))
}

/// What a list is sorted by.
pub(super) fn sort_key(name: Option<&str>) -> Result<SortKey> {
    match name {
        None | Some("create_time") => Ok(SortKey::Created),
        Some("name") => Ok(SortKey::Name),
        Some("status") => Ok(SortKey::Status),
        Some("net_type") => Ok(SortKey::NetType),
        Some("job_direction") => Ok(SortKey::Direction),
        Some(other) => {
            let allowed = "name, status, create_time, net_type, job_direction";
            Err(Refusal::invalid("sort_key", other, allowed))
        }
    }
}

fn job_item(job: &Job) -> JobItem {
    let child = job.parent_id.is_some();
    JobItem {
        id: job.id.clone(),
        name: job.name.clone(),
        status: job.status().name(),
        description: job.description.clone(),
        create_time: time::iso(job.times.created_ms),
        engine_type: job.engine.name(),
        net_type: job.net_type.clone(),
        charging_mode: "on_demand",
        billing_tag: false,
        job_direction: job.direction.clone(),
        job_type: "sync",
        task_type: job.task.name(),
        enterprise_project_id: job.enterprise_project_id.clone(),
        job_mode: if child { "sync_child" } else { "single" },
        job_mode_role: if child { "child" } else { "parent" },
        is_multi_az: false,
        node_role: "",
        node_new_framework: true,
        job_action: JobActionView::of_status(job.status()),
        children: Some(job.children.iter().rev().map(|c| child_item(job, c)).collect()),
    }
}

/// A child shares its parent's settings.
fn child_item(parent: &Job, child: &ChildJob) -> JobItem {
    JobItem {
        id: child.id.clone(),
        name: child.name.clone(),
        status: child.status.name(),
        create_time: time::iso(child.created_ms),
        job_mode: "sync_child",
        job_mode_role: "child",
        job_action: JobActionView::of_status(child.status),
        children: None,
        ..job_item(&Job { children: Vec::new(), ..parent.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::job::Page;

    fn read(query: &str) -> Result<Option<JobFilter>> {
        filter(&QueryText::parse(query).expect("a query"))
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let f = read("job_type=sync").expect("valid").expect("a filter");
        assert_eq!(f.page, Page { offset: 0, limit: 10 });
        assert_eq!((f.sort, f.ascending), (SortKey::Created, false));
        assert!(read("job_type=migration").expect("valid").is_none());
    }

    #[test]
    fn ids_come_separated_by_commas() {
        let f = read("job_type=sync&name=a%2Cb,c").expect("valid").expect("a filter");
        assert_eq!(f.ids, ["a", "b", "c"]);
        let f = read("job_type=sync&name=shop").expect("valid").expect("a filter");
        assert_eq!(f.name_or_id.as_deref(), Some("shop"));
        let many = ["x"; 11].join(",");
        assert!(read(&format!("job_type=sync&name={many}")).is_err());
    }

    #[test]
    fn wrong_values_are_named() {
        for (query, field) in [
            ("", "job_type"),
            ("job_type=x", "job_type"),
            ("job_type=sync&status=x", "status"),
            ("job_type=sync&engine_type=x", "engine_type"),
            ("job_type=sync&task_type=x", "task_type"),
            ("job_type=sync&sort_key=id", "sort_key"),
            ("job_type=sync&sort_dir=up", "sort_dir"),
            ("job_type=sync&limit=1001", "limit"),
            ("job_type=sync&offset=x", "offset"),
        ] {
            match read(query) {
                Err(Refusal::Invalid { field: f, .. } | Refusal::Missing { field: f }) => {
                    assert_eq!(f, field, "{query}");
                }
                other => panic!("{query}: {other:?}"),
            }
        }
    }
}
