//! `GET …/enterprise-projects`: those that jobs of the project belong to, beside the default one. Enterprise projects are kept
//! elsewhere; a job has the id of one, and no more is known of it.

use std::collections::BTreeSet;

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        call::ProjectCall,
        error::{ApiError, ErrorBody},
        query::QueryText,
    },
    control::{Result, job::Page},
};

use super::refused;
use super::tagged::every_job;

/// Id of the enterprise project that everything belongs to that names none.
const DEFAULT_ID: &str = "0";

/// Enterprise projects.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowEnterpriseProjectResponse)]
pub(crate) struct EnterpriseProjects {
    /// How many there are.
    pub count: usize,
    /// Those of the page.
    pub enterprise_project_list: Vec<EnterpriseProject>,
}

/// One of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5EnterpriseProject)]
pub(crate) struct EnterpriseProject {
    /// Id.
    pub id: String,
    /// `default`, or its id.
    pub name: String,
    /// Not known here.
    pub description: String,
    /// `1`, enabled.
    pub status: &'static str,
}

/// Lists enterprise projects.
#[utoipa::path(get, path = "/v5/{project_id}/enterprise-projects", tag = "v5 jobs",
    params(("project_id" = String, Path), ("name" = Option<String>, Query, description = "A part of the name"),
        ("domain_id" = Option<String>, Query, description = "The caller's; others have none here"),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = EnterpriseProjects), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_enterprise_project(
    ProjectCall { control, caller }: ProjectCall,
    query: QueryText,
) -> Result<Json<EnterpriseProjects>, ApiError> {
    let page = Page {
        offset: query.integer("offset", 0, 0..=u64::MAX).map_err(refused)?,
        limit: query.integer("limit", 1000, 1..=1000).map_err(refused)?,
    };
    let jobs = every_job(&control, &caller).await.map_err(refused)?;
    let mut ids: BTreeSet<String> = jobs.into_iter().map(|job| job.enterprise_project_id).collect();
    ids.insert(DEFAULT_ID.to_owned());
    let part = query.text("name").unwrap_or_default().to_lowercase();
    let project = |id: String| EnterpriseProject {
        name: if id == DEFAULT_ID { "default".to_owned() } else { id.clone() },
        id,
        description: String::new(),
        status: "1",
    };
    let named = |project: &EnterpriseProject| project.name.to_lowercase().contains(&part);
    let all: Vec<EnterpriseProject> = ids.into_iter().map(project).filter(named).collect();
    let count = all.len();
    Ok(Json(EnterpriseProjects { count, enterprise_project_list: page.of(all).collect() }))
}
