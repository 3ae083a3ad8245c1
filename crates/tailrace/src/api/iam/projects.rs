//! Projects. The SDKs find their project id here.

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{body::V3Body, call::PathValues, error::ApiError, query::QueryText},
    control::iam::{Naming, Project, Scope},
};

use super::{
    call::{IamCall, refused, refused_at, required},
    wire::{ListLinks, SelfLink},
};

const PATH: &str = "/v3/projects";

/// Answer of the project lists.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProjectList {
    /// Projects.
    pub projects: Vec<ProjectView>,
    /// Links.
    pub links: ListLinks,
}

/// Answer about one project.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProjectAnswer {
    /// The project.
    pub project: ProjectView,
}

/// A project.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProjectView {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Domain.
    pub domain_id: String,
    /// Same as `domain_id`.
    pub parent_id: String,
    /// Always false.
    pub is_domain: bool,
    /// Always true.
    pub enabled: bool,
    /// What it is for.
    pub description: String,
    /// Links.
    pub links: SelfLink,
}

/// Body with a project.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct ProjectRequest {
    /// The project.
    pub project: Option<ProjectInput>,
}

/// A project to be made or changed.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct ProjectInput {
    /// Name; DRS clients take it for the region.
    pub name: Option<String>,
    /// Domain; the caller's.
    pub domain_id: Option<String>,
    /// What it is for.
    pub description: Option<String>,
}

impl ProjectInput {
    fn naming(self, call: &IamCall) -> Result<Naming, ApiError> {
        self.domain_id.as_deref().map_or(Ok(()), |id| call.check_domain(id)).map_err(refused)?;
        Ok(Naming { name: self.name, description: self.description })
    }
}

fn project_view(call: &IamCall, project: Project) -> ProjectView {
    ProjectView {
        links: call.link(PATH, &project.id),
        id: project.id,
        name: project.name,
        parent_id: project.domain_id.clone(),
        domain_id: project.domain_id,
        is_domain: false,
        enabled: true,
        description: project.description,
    }
}

pub(super) fn project_list(call: &IamCall, projects: Vec<Project>, path: &str) -> ProjectList {
    let projects = projects.into_iter().map(|project| project_view(call, project)).collect();
    ProjectList { projects, links: call.links(path) }
}

/// Projects in which the caller has a role. A project-scoped token sees its own project only.
async fn projects(call: &IamCall, name: Option<&str>) -> Result<Vec<Project>, ApiError> {
    let found = call.iam().projects_of(&call.principal.user, name).await;
    let mut projects = found.map_err(refused)?;
    if let Some(Scope::Project(scope)) = &call.principal.scope {
        projects.retain(|project| project.id == scope.id);
    }
    Ok(projects)
}

/// Projects of the caller, all or of one name.
#[utoipa::path(get, path = "/v3/projects", tag = "IAM",
    params(("name" = Option<String>, Query, description = "Only the project of this name")),
    responses((status = 200, body = ProjectList)))]
pub(crate) async fn list_projects(
    call: IamCall,
    query: QueryText,
) -> Result<Json<ProjectList>, ApiError> {
    let projects = projects(&call, query.text("name")).await?;
    Ok(Json(project_list(&call, projects, PATH)))
}

/// Projects a token can be scoped to.
#[utoipa::path(get, path = "/v3/auth/projects", tag = "IAM",
    responses((status = 200, body = ProjectList)))]
pub(crate) async fn list_auth_projects(call: IamCall) -> Result<Json<ProjectList>, ApiError> {
    let projects = projects(&call, None).await?;
    Ok(Json(project_list(&call, projects, "/v3/auth/projects")))
}

/// Makes a project.
#[utoipa::path(post, path = "/v3/projects", tag = "IAM", request_body = ProjectRequest,
    responses((status = 201, body = ProjectAnswer), (status = 409, description = "The name is taken")))]
pub(crate) async fn keystone_create_project(
    call: IamCall,
    V3Body(body): V3Body<ProjectRequest>,
) -> Result<(StatusCode, Json<ProjectAnswer>), ApiError> {
    let naming = required("project", body.project)?.naming(&call)?;
    let made = call.iam().create_project(&call.domain().id, naming).await;
    let project = made.map_err(|refusal| refused_at("project", refusal))?;
    Ok((StatusCode::CREATED, Json(ProjectAnswer { project: project_view(&call, project) })))
}

/// A project: one of the caller's, or for administrators any.
#[utoipa::path(get, path = "/v3/projects/{id}", tag = "IAM", params(("id" = String, Path)),
    responses((status = 200, body = ProjectAnswer), (status = 404, description = "No such project")))]
pub(crate) async fn keystone_show_project(
    call: IamCall,
    path: PathValues,
) -> Result<Json<ProjectAnswer>, ApiError> {
    let id = path.get("id");
    let project = call.iam().project(&call.domain().id, id).await.map_err(refused)?;
    let is_own = projects(&call, None).await?.iter().any(|own| own.id == id);
    if !is_own && !call.is_administrator {
        let id = id.to_owned();
        return Err(refused(crate::control::Refusal::IamMissing { what: "project", id }));
    }
    Ok(Json(ProjectAnswer { project: project_view(&call, project) }))
}

/// Changes name or description of a project.
#[utoipa::path(patch, path = "/v3/projects/{id}", tag = "IAM", params(("id" = String, Path)),
    request_body = ProjectRequest,
    responses((status = 200, body = ProjectAnswer), (status = 404, description = "No such project"),
              (status = 409, description = "The name is taken")))]
pub(crate) async fn keystone_update_project(
    call: IamCall,
    path: PathValues,
    V3Body(body): V3Body<ProjectRequest>,
) -> Result<Json<ProjectAnswer>, ApiError> {
    let naming = required("project", body.project)?.naming(&call)?;
    let changed = call.iam().update_project(&call.domain().id, path.get("id"), naming).await;
    let project = changed.map_err(|refusal| refused_at("project", refusal))?;
    Ok(Json(ProjectAnswer { project: project_view(&call, project) }))
}
