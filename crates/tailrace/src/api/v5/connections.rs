//! `…/connections`: endpoints that are kept apart from jobs. A job has the settings of one where its `endpoint.id` names it.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::{PathValues, ProjectCall},
        error::{ApiError, ErrorBody},
        kept::non_empty,
        query::QueryText,
        refusal::at,
    },
    control::{
        Refusal, Result,
        connections::{Connection, ConnectionChange, KeptEndpoint},
        endpoint::{DbType, EndpointInput, Side},
        job::Page,
    },
};

use super::delete::Empty;
use super::endpoint::{
    BaseEndpointInput, BaseEndpointView, CloudInfo, JobEndpointInput, JobEndpointView, SslInput,
    SslView, VpcInfo,
};
use super::{missing, refused};

/// Characters of a name, and of a description, at most.
const NAME_CHARS_MAX: usize = 128;
const DESCRIPTION_CHARS_MAX: usize = 255;

/// A connection, as a client sends it. For a change, what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5CreateConnectionReq)]
pub(crate) struct ConnectionRequest {
    /// Name, 1 to 128 characters.
    pub name: Option<String>,
    /// `mysql`, `taurus`, `oracle`, `gaussdbv5` or `kafka`
    pub db_type: Option<String>,
    /// For people, at most 255 characters.
    pub description: Option<String>,
    /// Address and account.
    pub endpoint: Option<BaseEndpointInput>,
    /// Network; kept.
    pub vpc: Option<VpcInfo>,
    /// TLS.
    pub ssl: Option<SslInput>,
    /// Region and project; kept.
    pub cloud: Option<CloudInfo>,
    /// Enterprise project, `0` by default.
    pub enterprise_project_id: Option<String>,
}

/// A connection, as it is answered: no password.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ConnectionResp)]
pub(crate) struct ConnectionView {
    /// Id.
    pub connection_id: String,
    /// Name.
    pub name: String,
    /// When it was made, seconds of the Unix epoch.
    pub create_time: i64,
    /// Kind.
    pub db_type: String,
    /// Address and account.
    pub endpoint: BaseEndpointView,
    /// Network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc: Option<VpcInfo>,
    /// TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl: Option<SslView>,
    /// Enterprise project.
    pub enterprise_project_id: String,
    /// For people.
    pub description: String,
}

/// Connections.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ListConnectionsResponse)]
pub(crate) struct Connections {
    /// How many there are.
    pub count: usize,
    /// Those of the page.
    pub connections: Vec<ConnectionView>,
}

/// Keeps an endpoint.
#[utoipa::path(post, path = "/v5/{project_id}/connections", tag = "v5 connections",
    params(("project_id" = String, Path)), request_body = ConnectionRequest,
    responses((status = 200, body = ConnectionView), (status = 400, body = ErrorBody)))]
pub(crate) async fn create_connection(
    ProjectCall { control, caller }: ProjectCall,
    V5Body(body): V5Body<ConnectionRequest>,
) -> Result<Json<ConnectionView>, ApiError> {
    let name = body.name().map_err(refused)?.ok_or_else(|| refused(missing("name")))?;
    let kind = body.kind().map_err(refused)?.ok_or_else(|| refused(missing("db_type")))?;
    let description = body.description().map_err(refused)?.unwrap_or_default();
    let project = non_empty(body.enterprise_project_id.clone());
    let given = body.endpoint(kind).map_err(refused)?;
    let given = given.ok_or_else(|| refused(missing("endpoint")))?;
    if given.endpoint.address.is_empty() {
        return Err(refused(missing("endpoint.ip")));
    }
    let kept = KeptEndpoint {
        description,
        enterprise_project_id: project.unwrap_or_else(|| "0".to_owned()),
        endpoint: given.endpoint,
    };
    let made = control.create_connection(&caller, name, kept, &given.secrets).await;
    Ok(Json(ConnectionView::of(made.map_err(refused)?)))
}

/// Lists connections.
#[utoipa::path(get, path = "/v5/{project_id}/connections", tag = "v5 connections",
    params(("project_id" = String, Path), ("connection_id" = Option<String>, Query),
        ("db_type" = Option<String>, Query), ("name" = Option<String>, Query, description = "A part of it"),
        ("inst_id" = Option<String>, Query), ("ip" = Option<String>, Query, description = "A part of it"),
        ("description" = Option<String>, Query, description = "A part of it"),
        ("enterprise_project_id" = Option<String>, Query),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query),
        ("fetch_all" = Option<bool>, Query, description = "All of them, whatever offset and limit say"),
        ("sort_key" = Option<String>, Query, description = "name or create_time"),
        ("sort_dir" = Option<String>, Query, description = "asc or desc")),
    responses((status = 200, body = Connections), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_connections(
    ProjectCall { control, caller }: ProjectCall,
    query: QueryText,
) -> Result<Json<Connections>, ApiError> {
    let page = Page {
        offset: query.integer("offset", 0, 0..=65_535).map_err(refused)?,
        limit: query.integer("limit", 10, 1..=65_535).map_err(refused)?,
    };
    let all = query.boolean("fetch_all", false).map_err(refused)?;
    let order = Order::of(&query).map_err(refused)?;
    let mut found = control.connections(&caller).await.map_err(refused)?;
    found.retain(|one| wants(&query, one));
    order.sort(&mut found);
    let count = found.len();
    let views = found.into_iter().map(ConnectionView::of);
    let connections = if all { views.collect() } else { page.of(views).collect() };
    Ok(Json(Connections { count, connections }))
}

/// Changes a connection; jobs that were given it keep what they have.
#[utoipa::path(put, path = "/v5/{project_id}/connections/{connection_id}", tag = "v5 connections",
    params(("project_id" = String, Path), ("connection_id" = String, Path)), request_body = ConnectionRequest,
    responses((status = 200, body = Empty), (status = 400, body = ErrorBody)))]
pub(crate) async fn modify_connection(
    ProjectCall { control, caller }: ProjectCall,
    path: PathValues,
    V5Body(body): V5Body<ConnectionRequest>,
) -> Result<Json<Empty>, ApiError> {
    let id = path.get("connection_id");
    let known = control.connections(&caller).await.map_err(refused)?;
    let known = known.into_iter().find(|one| one.id == id).map(|one| one.kept.endpoint.db_type);
    let kind = body.kind().map_err(refused)?.or(known).unwrap_or(DbType::Mysql);
    if known.is_some_and(|known| known != kind) && body.endpoint.is_none() {
        return Err(refused(missing("endpoint")));
    }
    let change = ConnectionChange {
        name: body.name().map_err(refused)?,
        description: body.description().map_err(refused)?,
        enterprise_project_id: non_empty(body.enterprise_project_id.clone()),
        endpoint: body.endpoint(kind).map_err(refused)?,
    };
    control.change_connection(&caller, id, change).await.map_err(refused)?;
    Ok(Json(Empty {}))
}

/// Forgets a connection; jobs that were given it keep what they have.
#[utoipa::path(delete, path = "/v5/{project_id}/connections/{connection_id}", tag = "v5 connections",
    params(("project_id" = String, Path), ("connection_id" = String, Path)),
    responses((status = 200, body = Empty), (status = 400, body = ErrorBody)))]
pub(crate) async fn delete_connection(
    ProjectCall { control, caller }: ProjectCall,
    path: PathValues,
) -> Result<Json<Empty>, ApiError> {
    control.delete_connection(&caller, path.get("connection_id")).await.map_err(refused)?;
    Ok(Json(Empty {}))
}

impl ConnectionRequest {
    fn name(&self) -> Result<Option<String>> {
        text("name", self.name.clone(), NAME_CHARS_MAX)
    }

    fn description(&self) -> Result<Option<String>> {
        text("description", self.description.clone(), DESCRIPTION_CHARS_MAX)
    }

    fn kind(&self) -> Result<Option<DbType>> {
        non_empty(self.db_type.clone()).map(|kind| DbType::parse(&kind)).transpose()
    }

    fn endpoint(self, kind: DbType) -> Result<Option<EndpointInput>> {
        let Some(endpoint) = self.endpoint else { return Ok(None) };
        let whole = JobEndpointInput {
            db_type: Some(kind.name().to_owned()),
            endpoint: Some(BaseEndpointInput { id: None, ..endpoint }),
            cloud: self.cloud,
            vpc: self.vpc,
            ssl: self.ssl,
            ..JobEndpointInput::default()
        };
        whole.into_control(Side::Source, kind).map(Some).map_err(|r| at("endpoint", r))
    }
}

fn text(field: &str, given: Option<String>, chars_max: usize) -> Result<Option<String>> {
    let given = non_empty(given);
    match &given {
        Some(text) if text.chars().count() > chars_max => {
            Err(Refusal::invalid(field, text, format!("1 to {chars_max} characters")))
        }
        _ => Ok(given),
    }
}

impl ConnectionView {
    fn of(connection: Connection) -> Self {
        let Connection { id, name, created_ms, kept } = connection;
        let whole = JobEndpointView::of(&id, Side::Source, &kept.endpoint);
        Self {
            endpoint: BaseEndpointView { id: id.clone(), ..whole.endpoint },
            connection_id: id,
            name,
            create_time: created_ms / 1000,
            db_type: whole.db_type,
            vpc: whole.vpc,
            ssl: whole.ssl,
            enterprise_project_id: kept.enterprise_project_id,
            description: kept.description,
        }
    }
}

/// Whether a connection is asked for.
fn wants(query: &QueryText, one: &Connection) -> bool {
    let is = |name: &str, has: &str| query.text(name).is_none_or(|wanted| wanted == has);
    let has_part = |name: &str, has: &str| {
        query.text(name).is_none_or(|part| has.to_lowercase().contains(&part.to_lowercase()))
    };
    let endpoint = &one.kept.endpoint;
    let instance = endpoint.attributes.get("inst_id").and_then(|id| id.as_str()).unwrap_or("");
    is("connection_id", &one.id)
        && is("db_type", endpoint.db_type.name())
        && is("inst_id", instance)
        && is("enterprise_project_id", &one.kept.enterprise_project_id)
        && has_part("name", &one.name)
        && has_part("ip", &endpoint.address)
        && has_part("description", &one.kept.description)
}

/// The order of a list: by name, or by age.
struct Order {
    by_age: bool,
    is_descending: bool,
}

impl Order {
    fn of(query: &QueryText) -> Result<Self> {
        let by_age = match query.text("sort_key") {
            None | Some("name") => false,
            Some("create_time") => true,
            Some(other) => return Err(Refusal::invalid("sort_key", other, "name, create_time")),
        };
        let is_descending = match query.text("sort_dir") {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(other) => return Err(Refusal::invalid("sort_dir", other, "asc, desc")),
        };
        Ok(Self { by_age, is_descending })
    }

    /// Sorts what comes by name.
    fn sort(&self, all: &mut [Connection]) {
        if self.by_age {
            all.sort_by_key(|one| one.created_ms);
        }
        if self.is_descending {
            all.reverse();
        }
    }
}
