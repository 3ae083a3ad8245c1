//! `GET …/support-links` and `GET …/links`: which links are offered.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        call::ProjectCall,
        error::{ApiError, ErrorBody},
        query::QueryText,
    },
    control::{
        Refusal, Result,
        job::{Engine, Page, TaskMode},
    },
};

use super::refused;

const DIRECTIONS: [&str; 3] = ["up", "down", "non-dbs"];
const NET_TYPES: [&str; 3] = ["eip", "vpc", "vpn"];
const TASK_TYPES: [TaskMode; 3] =
    [TaskMode::Full, TaskMode::FullIncremental, TaskMode::Incremental];

/// Answer of `…/support-links`: an object, as the real service sends, though its definition says an
/// array.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5SupportLinksResp)]
pub(crate) struct SupportLinks {
    /// Links in all.
    pub total_count: u64,
    /// Links of the page.
    pub support_links: Vec<SupportLink>,
}

/// A link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5SupportLinkInfo)]
pub(crate) struct SupportLink {
    /// Link.
    pub engine_type: &'static str,
    /// Network.
    pub net_type: &'static str,
    /// Phases.
    pub task_modes: Vec<&'static str>,
    /// Direction.
    pub job_direction: &'static str,
    /// `Single`
    pub cluster_mode: &'static str,
    /// `Single`
    pub job_instance_type: &'static str,
    /// Always false.
    pub is_support_bind_eip: bool,
}

/// Lists the links offered.
#[utoipa::path(get, path = "/v5/{project_id}/support-links", tag = "v5 links",
    params(("project_id" = String, Path),
        ("job_type" = String, Query, description = "sync; other types have no links"),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = SupportLinks), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_support_links(
    _: ProjectCall,
    query: QueryText,
) -> Result<Json<SupportLinks>, ApiError> {
    let page = query.page().map_err(refused)?;
    let links = links(&query).map_err(refused)?;
    let total_count = u64::try_from(links.len()).unwrap_or(u64::MAX);
    let support_links = paged(links, page)
        .map(|(engine, job_direction, net_type)| SupportLink {
            engine_type: engine.name(),
            net_type,
            task_modes: TASK_TYPES.iter().map(|task| task.name()).collect(),
            job_direction,
            cluster_mode: "Single",
            job_instance_type: "Single",
            is_support_bind_eip: false,
        })
        .collect();
    Ok(Json(SupportLinks { total_count, support_links }))
}

/// Answer of `…/links`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ListLinksResponse)]
pub(crate) struct JobLinks {
    /// Links of the page.
    pub job_links: Vec<JobLink>,
    /// Links in all.
    pub total_count: u64,
}

/// A link in the older form.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5JobLinkResp)]
pub(crate) struct JobLink {
    /// `sync`
    pub job_type: &'static str,
    /// Link.
    pub engine_type: &'static str,
    /// `offline`: any address that can be reached.
    pub source_endpoint_type: &'static str,
    /// `offline`
    pub target_endpoint_type: &'static str,
    /// Direction.
    pub job_direction: &'static str,
    /// Network.
    pub net_type: &'static str,
    /// Phases.
    pub task_types: Vec<&'static str>,
    /// `Single`
    pub cluster_modes: Vec<&'static str>,
    /// In words.
    pub description: &'static str,
}

/// Lists the links offered (older form).
#[utoipa::path(get, path = "/v5/{project_id}/links", tag = "v5 links",
    params(("project_id" = String, Path),
        ("job_type" = String, Query, description = "sync; other types have no links"),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = JobLinks), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_links(
    _: ProjectCall,
    query: QueryText,
) -> Result<Json<JobLinks>, ApiError> {
    let page = query.page().map_err(refused)?;
    let links = links(&query).map_err(refused)?;
    let total_count = u64::try_from(links.len()).unwrap_or(u64::MAX);
    let job_links = paged(links, page)
        .map(|(engine, job_direction, net_type)| JobLink {
            job_type: "sync",
            engine_type: engine.name(),
            source_endpoint_type: "offline",
            target_endpoint_type: "offline",
            job_direction,
            net_type,
            task_types: TASK_TYPES.iter().map(|task| task.name()).collect(),
            cluster_modes: vec!["Single"],
            description: match engine {
                Engine::MysqlToKafka => "MySQL to Kafka",
                Engine::TaurusToKafka => "TaurusDB to Kafka",
                Engine::OracleToGaussDbV5 => "Oracle to GaussDB Distributed",
            },
        })
        .collect();
    Ok(Json(JobLinks { job_links, total_count }))
}

type Link = (Engine, &'static str, &'static str);

/// Every link with every direction and network: neither has a meaning here.
fn links(query: &QueryText) -> Result<Vec<Link>> {
    let kind = query.required("job_type")?;
    match kind {
        "sync" => {}
        "migration" | "cloudDataGuard" | "replay" | "subscription" | "backupMigration" => {
            return Ok(Vec::new());
        }
        other => {
            return Err(Refusal::invalid("job_type", other, "migration, sync, cloudDataGuard"));
        }
    }
    let directions = DIRECTIONS.iter().flat_map(|d| NET_TYPES.iter().map(move |n| (*d, *n)));
    Ok(Engine::ALL
        .into_iter()
        .flat_map(|engine| directions.clone().map(move |(d, n)| (engine, d, n)))
        .collect())
}

fn paged(links: Vec<Link>, page: Page) -> impl Iterator<Item = Link> {
    page.of(links)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sync_has_links() {
        let count =
            |query: &str| links(&QueryText::parse(query).expect("a query")).map(|l| l.len());
        assert_eq!(count("job_type=sync"), Ok(27));
        assert_eq!(count("job_type=migration"), Ok(0));
        assert!(count("job_type=x").is_err() && count("").is_err());
    }
}
