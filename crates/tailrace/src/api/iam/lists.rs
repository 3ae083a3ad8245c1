//! Projects, domains and users. The SDKs find their project id here, the Terraform provider its domain.

use axum::{Json, extract::State};

use crate::{
    api::{
        auth::Principal,
        error::{ApiError, Dialect},
        query::QueryText,
        state::ApiState,
    },
    control::iam::{Project, Scope},
};

use super::{
    BaseUrl,
    wire::{
        DomainList, DomainView, ListLinks, ProjectList, ProjectView, SelfLink, UserList, UserView,
    },
};

/// Projects of the caller, all or of one name.
#[utoipa::path(get, path = "/v3/projects", tag = "IAM",
    params(("name" = Option<String>, Query, description = "Only the project of this name")),
    responses((status = 200, body = ProjectList)))]
pub(crate) async fn list_projects(
    State(state): State<ApiState>,
    principal: Principal,
    BaseUrl(base): BaseUrl,
    query: QueryText,
) -> Result<Json<ProjectList>, ApiError> {
    let name = query.text("name");
    let projects = projects(&state, &principal, name).await?;
    Ok(Json(project_list(projects, &base, "/v3/projects")))
}

/// Projects a token can be scoped to.
#[utoipa::path(get, path = "/v3/auth/projects", tag = "IAM",
    responses((status = 200, body = ProjectList)))]
pub(crate) async fn list_auth_projects(
    State(state): State<ApiState>,
    principal: Principal,
    BaseUrl(base): BaseUrl,
) -> Result<Json<ProjectList>, ApiError> {
    let projects = projects(&state, &principal, None).await?;
    Ok(Json(project_list(projects, &base, "/v3/auth/projects")))
}

/// The caller's domain.
#[utoipa::path(get, path = "/v3/auth/domains", tag = "IAM",
    responses((status = 200, body = DomainList)))]
pub(crate) async fn list_domains(
    State(state): State<ApiState>,
    principal: Principal,
    BaseUrl(base): BaseUrl,
) -> Result<Json<DomainList>, ApiError> {
    let domains = state.control.iam().domains(&principal.user.domain.id).await.map_err(refused)?;
    let domains = domains
        .into_iter()
        .map(|domain| DomainView {
            links: SelfLink { this: format!("{base}/v3/domains/{}", domain.id) },
            id: domain.id,
            name: domain.name,
            enabled: true,
            description: "",
        })
        .collect();
    Ok(Json(DomainList { domains, links: links(&base, "/v3/auth/domains") }))
}

/// Users of the caller's domain, all or of one name.
#[utoipa::path(get, path = "/v3/users", tag = "IAM",
    params(("name" = Option<String>, Query, description = "Only the user of this name")),
    responses((status = 200, body = UserList)))]
pub(crate) async fn list_users(
    State(state): State<ApiState>,
    principal: Principal,
    BaseUrl(base): BaseUrl,
    query: QueryText,
) -> Result<Json<UserList>, ApiError> {
    let domain_id = &principal.user.domain.id;
    let users = state.control.iam().users(domain_id, query.text("name")).await.map_err(refused)?;
    let users = users
        .into_iter()
        .map(|user| UserView {
            links: SelfLink { this: format!("{base}/v3/users/{}", user.id) },
            id: user.id,
            name: user.name,
            domain_id: user.domain.id,
            enabled: true,
            description: "",
        })
        .collect();
    Ok(Json(UserList { users, links: links(&base, "/v3/users") }))
}

/// A project-scoped token sees its own project only.
async fn projects(
    state: &ApiState,
    principal: &Principal,
    name: Option<&str>,
) -> Result<Vec<Project>, ApiError> {
    let domain_id = &principal.user.domain.id;
    let mut projects = state.control.iam().projects(domain_id, name).await.map_err(refused)?;
    if let Some(Scope::Project(scope)) = &principal.scope {
        projects.retain(|project| project.id == scope.id);
    }
    Ok(projects)
}

fn project_list(projects: Vec<Project>, base: &str, path: &str) -> ProjectList {
    let projects = projects
        .into_iter()
        .map(|project| ProjectView {
            links: SelfLink { this: format!("{base}/v3/projects/{}", project.id) },
            id: project.id,
            name: project.name,
            parent_id: project.domain_id.clone(),
            domain_id: project.domain_id,
            is_domain: false,
            enabled: true,
            description: "",
        })
        .collect();
    ProjectList { projects, links: links(base, path) }
}

fn links(base: &str, path: &str) -> ListLinks {
    ListLinks { this: format!("{base}{path}"), next: None, previous: None }
}

fn refused(refusal: crate::control::Refusal) -> ApiError {
    ApiError::refused(Dialect::V3, refusal)
}
