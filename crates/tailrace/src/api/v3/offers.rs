//! What a project is offered: sizes of jobs, zones, and how many jobs it may have.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body,
        call::ProjectCall,
        error::{ApiError, Dialect, ErrorBody},
        job_input,
        kept::non_empty,
        query::QueryText,
    },
    control::{
        Refusal, Result,
        job::Engine,
        node_type::{self, NODE_TYPES},
    },
};

/// The zone that everything is in: this is one server.
const ZONE: &str = "az1";
const DIRECTIONS: [&str; 3] = ["up", "down", "non-dbs"];
const USES: [&str; 3] = ["migration", "sync", "cloudDataGuard"];

/// Sizes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ListAvailableNodeTypesResponse)]
pub(crate) struct NodeTypes {
    /// Those of the link.
    pub node_types: Vec<NodeType>,
}

/// A size.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3QuerySupportNodeTypeBean)]
pub(crate) struct NodeType {
    /// Its name.
    pub node_type: &'static str,
    /// Always false: there is no store that could be empty.
    pub is_sellout: bool,
}

/// Lists the sizes of a link's jobs.
#[utoipa::path(get, path = "/v3/{project_id}/node-type", tag = "v3 offers",
    params(("project_id" = String, Path), ("engine_type" = String, Query), ("db_use_type" = String, Query),
        ("job_direction" = String, Query), ("is_use_sellout_info" = Option<bool>, Query), ("is_multi_write" = Option<bool>, Query)),
    responses((status = 200, body = NodeTypes), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_available_node_types(
    _: ProjectCall,
    query: QueryText,
) -> Result<Json<NodeTypes>, ApiError> {
    let asked = |name: &str| query.required(name).map(|text| Some(text.to_owned()));
    let types = (|| {
        let is_offered =
            offered(asked("engine_type")?, asked("db_use_type")?, asked("job_direction")?)?;
        query.boolean("is_use_sellout_info", false)?;
        let multi_write = query.boolean("is_multi_write", false)?;
        let types = NODE_TYPES.iter().filter(|_| is_offered && !multi_write);
        Ok(types.map(|node_type| NodeType { node_type, is_sellout: false }).collect())
    })();
    Ok(Json(NodeTypes { node_types: types.map_err(refused)? }))
}

/// What zones are asked for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3QueryAvailableNodeTypeReq)]
pub(crate) struct ZonesRequest {
    /// Link.
    pub engine_type: Option<String>,
    /// `sync`; the others have none.
    pub db_use_type: Option<String>,
    /// `up`, `down`, `non-dbs`
    pub job_direction: Option<String>,
    /// Size.
    pub node_type: Option<String>,
    /// Not offered.
    pub multi_write: Option<String>,
}

/// Zones.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ListAvailableZoneResponse)]
pub(crate) struct Zones {
    /// Those of the link.
    pub az_infos: Vec<Zone>,
}

/// A zone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3AzInfoResp)]
pub(crate) struct Zone {
    /// Code.
    pub code: &'static str,
    /// Name.
    pub name: &'static str,
    /// `ENABLED`
    pub status: &'static str,
}

/// Lists the zones in which a link's jobs run: the one of this server.
#[utoipa::path(post, path = "/v3/{project_id}/available-zone", tag = "v3 offers",
    params(("project_id" = String, Path)), request_body = ZonesRequest,
    responses((status = 200, body = Zones), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_available_zone(
    _: ProjectCall,
    V3Body(body): V3Body<ZonesRequest>,
) -> Result<Json<Zones>, ApiError> {
    let is_offered = offered(body.engine_type, body.db_use_type, body.job_direction);
    let is_offered = is_offered.map_err(refused)?;
    let size = non_empty(body.node_type).ok_or_else(|| refused(missing("node_type")))?;
    node_type::checked("node_type", Some(size)).map_err(refused)?;
    let is_multi_write = non_empty(body.multi_write).is_some_and(|text| text == "true");
    job_input::refuse_multi_write(Some(is_multi_write)).map_err(refused)?;
    let zone = Zone { code: ZONE, name: ZONE, status: "ENABLED" };
    Ok(Json(Zones { az_infos: is_offered.then_some(zone).into_iter().collect() }))
}

/// How many jobs there may be.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ShowQuotasResponse)]
pub(crate) struct Quotas {
    /// Of what.
    pub quotas: QuotaInfo,
}

/// Of jobs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3QueryQuotaInfo)]
pub(crate) struct QuotaInfo {
    /// Jobs.
    pub resource: QuotaResource,
}

/// A quota.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3QuotaResource)]
pub(crate) struct QuotaResource {
    /// `instance`
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Least that a quota can be.
    pub min: u64,
    /// Most that it can be.
    pub max: u64,
    /// `limits.jobs_per_project_max` of the server's configuration.
    pub quota: u64,
    /// Jobs that there are.
    pub used: u64,
}

/// Most jobs that a project can be allowed.
const QUOTA_MAX: u64 = 100_000;

/// Tells how many jobs the project has and may have.
#[utoipa::path(get, path = "/v3/{project_id}/quotas", tag = "v3 offers",
    params(("project_id" = String, Path)),
    responses((status = 200, body = Quotas), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_quotas(
    ProjectCall { control, caller }: ProjectCall,
) -> Result<Json<Quotas>, ApiError> {
    let (used, quota) = control.job_quota(&caller).await.map_err(refused)?;
    let resource = QuotaResource { kind: "instance", min: 0, max: QUOTA_MAX, quota, used };
    Ok(Json(Quotas { quotas: QuotaInfo { resource } }))
}

/// Whether such jobs are offered; what is asked for has to be something that DRS has.
fn offered(
    engine: Option<String>,
    use_type: Option<String>,
    direction: Option<String>,
) -> Result<bool> {
    let engine = non_empty(engine).ok_or_else(|| missing("engine_type"))?;
    let one_of = |field: &str, given: Option<String>, allowed: &[&str]| -> Result<String> {
        let given = non_empty(given).ok_or_else(|| missing(field))?;
        match allowed.contains(&given.as_str()) {
            true => Ok(given),
            false => Err(Refusal::invalid(field, given, allowed.join(", "))),
        }
    };
    let use_type = one_of("db_use_type", use_type, &USES)?;
    one_of("job_direction", direction, &DIRECTIONS)?;
    Ok(use_type == "sync" && Engine::parse(&engine).is_ok())
}

fn missing(field: &str) -> Refusal {
    Refusal::Missing { field: field.to_owned() }
}

fn refused(refusal: Refusal) -> ApiError {
    ApiError::refused(Dialect::V3, refusal)
}
