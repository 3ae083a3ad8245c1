//! `POST /v3/{project_id}/jobs`: the list.

use axum::Json;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body,
        call::ProjectCall,
        error::{ApiError, ErrorBody},
        job_list::{JobActionView, status_filter},
        kept::non_empty,
        time,
    },
    control::{
        Refusal,
        job::{ChildJob, Engine, Job, JobFilter, Page},
    },
};

use super::batch::{invalid, missing, refused};

/// Body of the list.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3QueryJobsReq)]
pub(crate) struct ListRequest {
    /// Page from 1.
    pub cur_page: Option<u64>,
    /// Jobs in a page, 0..=100; 0 is as many as a page can have.
    pub per_page: Option<u64>,
    /// Only `sync` has jobs.
    pub db_use_type: Option<String>,
    /// Link.
    pub engine_type: Option<String>,
    /// Enterprise project.
    pub enterprise_project_id: Option<String>,
    /// Part of the name, or a whole id.
    pub name: Option<String>,
    /// Network.
    pub net_type: Option<String>,
    /// Status.
    pub status: Option<String>,
    /// A tag, at most one.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Cloud instances; not offered.
    #[serde(default)]
    pub instance_ids: Vec<String>,
    /// Address of a cloud instance; not offered.
    pub instance_ip: Option<String>,
}

/// Answer of the list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ShowJobListResponse)]
pub(crate) struct ListAnswer {
    /// Jobs in all.
    pub total_record: u64,
    /// Jobs of the page.
    pub jobs: Vec<JobItem>,
}

/// A job in the list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3JobInfo)]
pub(crate) struct JobItem {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Status.
    pub status: &'static str,
    /// Description.
    pub description: String,
    /// `2020-12-21 10:57:49`, UTC.
    pub create_time: String,
    /// Link.
    pub engine_type: &'static str,
    /// Network.
    pub net_type: String,
    /// Always false: nothing is charged.
    pub billing_tag: bool,
    /// Direction.
    pub job_direction: String,
    /// `sync`
    pub db_use_type: &'static str,
    /// Phases.
    pub task_type: &'static str,
    /// What stopped it and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
    /// Always true.
    #[serde(rename = "node_newFramework")]
    pub node_new_framework: bool,
    /// What can be done with it.
    pub job_action: JobActionView,
    /// Children of re-edits; absent in a child.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    pub children: Option<Vec<JobItem>>,
}

/// Lists jobs.
#[utoipa::path(post, path = "/v3/{project_id}/jobs", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = ListRequest,
    responses((status = 200, body = ListAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_job_list(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<ListRequest>,
) -> Result<Json<ListAnswer>, ApiError> {
    let kind = non_empty(body.db_use_type.clone()).ok_or_else(|| missing("db_use_type"))?;
    let filter = body.filter()?;
    if kind != "sync" {
        if !matches!(kind.as_str(), "migration" | "cloudDataGuard") {
            return Err(invalid("db_use_type", kind, "migration, sync, cloudDataGuard"));
        }
        return Ok(Json(ListAnswer { total_record: 0, jobs: Vec::new() }));
    }
    let (total_record, jobs) = control.list(&caller, &filter).await.map_err(refused)?;
    Ok(Json(ListAnswer { total_record, jobs: jobs.iter().map(job_item).collect() }))
}

impl ListRequest {
    fn filter(self) -> Result<JobFilter, ApiError> {
        let number = self.cur_page.ok_or_else(|| missing("cur_page"))?;
        let size = self.per_page.ok_or_else(|| missing("per_page"))?;
        if number == 0 {
            return Err(invalid("cur_page", number, "an integer from 1"));
        }
        if size > 100 {
            return Err(invalid("per_page", size, "0..=100"));
        }
        let limit = if size == 0 { Page::LIMIT_MAX } else { size };
        if !self.instance_ids.is_empty() || non_empty(self.instance_ip).is_some() {
            return Err(refused(Refusal::Unsupported {
                what: "a filter by instance".into(),
                instead: "name, status, engine_type, net_type, tags".into(),
            }));
        }
        if self.tags.len() > 1 {
            return Err(invalid("tags", format!("{} tags", self.tags.len()), "at most one"));
        }
        let engine = non_empty(self.engine_type)
            .map(|name| Engine::parse(&name).map_err(refused))
            .transpose()?;
        Ok(JobFilter {
            name_or_id: non_empty(self.name),
            status: status_filter("status", non_empty(self.status)).map_err(refused)?,
            engine,
            net_type: non_empty(self.net_type),
            enterprise_project_id: non_empty(self.enterprise_project_id),
            tag: self.tags.into_iter().next().map(|(k, v)| (k, non_empty(Some(v)))),
            page: Page { offset: (number - 1).saturating_mul(limit), limit },
            ..JobFilter::default()
        })
    }
}

fn job_item(job: &Job) -> JobItem {
    JobItem {
        id: job.id.clone(),
        name: job.name.clone(),
        status: job.status().name(),
        description: job.description.clone(),
        create_time: time::spaced(job.times.created_ms),
        engine_type: job.engine.name(),
        net_type: job.net_type.clone(),
        billing_tag: false,
        job_direction: job.direction.clone(),
        db_use_type: "sync",
        task_type: job.task.name(),
        error_msg: job.failure.as_ref().map(|f| f.reason()),
        node_new_framework: true,
        job_action: JobActionView::of_status(job.status()),
        // Newest first: Terraform takes the first for the one it has just made.
        children: Some(job.children.iter().rev().map(|child| child_item(job, child)).collect()),
    }
}

/// A child shares its parent's settings.
fn child_item(parent: &Job, child: &ChildJob) -> JobItem {
    JobItem {
        id: child.id.clone(),
        name: child.name.clone(),
        status: child.status.name(),
        create_time: time::spaced(child.created_ms),
        error_msg: None,
        job_action: JobActionView::of_status(child.status),
        children: None,
        ..job_item(&Job { children: Vec::new(), ..parent.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::json;

    fn filter(text: &str) -> Result<JobFilter, &'static str> {
        let request: ListRequest = json::read(text.as_bytes()).expect("it is read");
        request.filter().map_err(|e| e.code)
    }

    #[test]
    fn pages_and_filters_are_read_as_terraform_sends_them() {
        let id = "c7debc9c-8e09-4a5d-8dd6-cc44f78jb20r";
        let f =
            filter(&format!(r#"{{"cur_page":1,"per_page":1,"name":"{id}","db_use_type":"sync"}}"#))
                .expect("valid");
        assert_eq!(f.name_or_id.as_deref(), Some(id));
        assert_eq!(f.page, Page { offset: 0, limit: 1 });
        let f = filter(r#"{"cur_page":3,"per_page":20,"tags":{"k":"v"},"status":"PAUSING"}"#)
            .expect("valid");
        assert_eq!(f.page, Page { offset: 40, limit: 20 });
        assert_eq!(f.tag, Some(("k".into(), Some("v".into()))));
        assert_eq!(f.status.map(|s| s.name()), Some("PAUSING"));
    }

    #[test]
    fn impossible_requests_are_named() {
        for (text, code) in [
            ("{}", "DRS.M00201"),
            (r#"{"cur_page":1}"#, "DRS.M00201"),
            (r#"{"cur_page":0,"per_page":1}"#, "DRS.M00202"),
            (r#"{"cur_page":1,"per_page":101}"#, "DRS.M00202"),
            (r#"{"cur_page":1,"per_page":1,"status":"RUNNING"}"#, "DRS.M00202"),
            (r#"{"cur_page":1,"per_page":1,"engine_type":"x"}"#, "DRS.M00202"),
            (r#"{"cur_page":1,"per_page":1,"instance_ids":["i"]}"#, "DRS.M00202"),
            (r#"{"cur_page":1,"per_page":1,"tags":{"a":"1","b":"2"}}"#, "DRS.M00202"),
        ] {
            assert_eq!(filter(text).err(), Some(code), "{text}");
        }
    }
}
