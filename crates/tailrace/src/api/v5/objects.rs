//! Objects of a job: collecting the source's, reading the selected, and how a selection was saved.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::JobCall,
        error::{ApiError, ErrorBody},
        kept::non_empty,
        query::QueryText,
    },
    control::{Refusal, Result, query::QueryStatus},
};

use super::{missing, object_tree::DbObjectsView, refused};

/// Query ids of "collections" of what is known here anyway.
const MODIFIED_ID: &str = "modified";
const SYNCHRONIZED_ID: &str = "synchronized";

/// Which objects are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ObjectKind {
    /// `source`: what is at the source.
    Source,
    /// `modified`: what is selected, or edited and not yet in force.
    Modified,
    /// `synchronized`: what is in force.
    Synchronized,
}

/// Answer of a collection that was begun, and of a saving.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ObjectQuery)]
pub(crate) struct ObjectQuery {
    /// Query id.
    pub id: String,
    /// Job.
    pub job_id: String,
    /// `pending`, `success` or `failed`
    pub status: &'static str,
}

/// Body of the v5.1 collection.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5QuerySelectObjectInfoReq)]
pub(crate) struct CollectRequest {
    /// `source`, `modified` or `synchronized`
    pub r#type: Option<String>,
    /// `true` reads anew; a boolean as text, as DRS has it.
    pub is_refresh: Option<String>,
    /// Databases to read; all by default.
    #[serde(default)]
    pub db_names: Vec<String>,
}

/// Begins to read the source's objects (v5.1, with a body).
#[utoipa::path(post, path = "/v5.1/{project_id}/jobs/{job_id}/db-objects/collect", tag = "v5 objects",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = CollectRequest,
    responses((status = 202, body = ObjectQuery), (status = 400, body = ErrorBody)))]
pub(crate) async fn collect_db_objects_info(
    call: JobCall,
    V5Body(body): V5Body<CollectRequest>,
) -> Result<Response, ApiError> {
    let kind = kind(non_empty(body.r#type).as_deref()).map_err(refused)?;
    let refresh = match non_empty(body.is_refresh).as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => {
            return Err(refused(Refusal::invalid("is_refresh", other, "true or false as text")));
        }
    };
    collect(&call, kind, refresh, body.db_names).await
}

/// Begins to read the source's objects (v5, with query parameters).
#[utoipa::path(post, path = "/v5/{project_id}/jobs/{job_id}/db-objects/collect", tag = "v5 objects",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("type" = String, Query, description = "source, modified, synchronized"),
        ("is_refresh" = Option<bool>, Query), ("db_names" = Option<Vec<String>>, Query)),
    responses((status = 202, body = ObjectQuery), (status = 400, body = ErrorBody)))]
pub(crate) async fn collect_db_objects_async(
    call: JobCall,
    query: QueryText,
) -> Result<Response, ApiError> {
    let kind = kind(query.text("type")).map_err(refused)?;
    let refresh = query.boolean("is_refresh", false).map_err(refused)?;
    collect(&call, kind, refresh, query.all("db_names")).await
}

async fn collect(
    call: &JobCall,
    kind: ObjectKind,
    refresh: bool,
    names: Vec<String>,
) -> Result<Response, ApiError> {
    let JobCall { control, caller, job_id } = call;
    let id = match kind {
        ObjectKind::Source => {
            let names = (!names.is_empty()).then_some(names);
            control.collect_objects(caller, job_id, refresh, names).await.map_err(refused)?
        }
        ObjectKind::Modified | ObjectKind::Synchronized => {
            control.get(caller, job_id).await.map_err(refused)?;
            if kind == ObjectKind::Modified { MODIFIED_ID } else { SYNCHRONIZED_ID }.to_owned()
        }
    };
    let answer = ObjectQuery { id, job_id: job_id.clone(), status: QueryStatus::Pending.name() };
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

/// Reads what a collection found.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/db-objects/collection-status",
    tag = "v5 objects",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("query_id" = String, Query)),
    responses((status = 200, body = DbObjectsView), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_db_object_collection_status(
    call: JobCall,
    query: QueryText,
) -> Result<Json<DbObjectsView>, ApiError> {
    let id = query.required("query_id").map_err(refused)?;
    let view = match id {
        MODIFIED_ID => known(&call, ObjectKind::Modified).await.map_err(refused)?,
        SYNCHRONIZED_ID => known(&call, ObjectKind::Synchronized).await.map_err(refused)?,
        _ => {
            let found = call.control.collected(&call.caller, &call.job_id, id).await;
            let found = found.map_err(refused)?;
            let id = Some(found.query_id);
            return Ok(Json(DbObjectsView::of_found(
                id,
                found.status,
                &found.databases,
                found.error_message,
            )));
        }
    };
    Ok(Json(DbObjectsView { id: Some(id.to_owned()), ..view }))
}

/// Reads objects: at the source, selected, or in force.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/db-objects", tag = "v5 objects",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("type" = String, Query, description = "source, modified, synchronized")),
    responses((status = 200, body = DbObjectsView), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_db_objects(
    call: JobCall,
    query: QueryText,
) -> Result<Json<DbObjectsView>, ApiError> {
    let kind = kind(query.text("type")).map_err(refused)?;
    known(&call, kind).await.map(Json).map_err(refused)
}

/// Reads the selected objects (v5.1).
#[utoipa::path(get, path = "/v5.1/{project_id}/jobs/{job_id}/db-object", tag = "v5 objects",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("type" = String, Query, description = "modified; source and synchronized are taken too")),
    responses((status = 200, body = DbObjectsView), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_db_objects_list(
    call: JobCall,
    query: QueryText,
) -> Result<Json<DbObjectsView>, ApiError> {
    list_db_objects(call, query).await
}

/// What is known without asking the source.
async fn known(call: &JobCall, kind: ObjectKind) -> Result<DbObjectsView> {
    let JobCall { control, caller, job_id } = call;
    if kind == ObjectKind::Source {
        let found = control.last_collected(caller, job_id).await?;
        let id = Some(found.query_id);
        return Ok(DbObjectsView::of_found(id, found.status, &found.databases, None));
    }
    let job = control.get(caller, job_id).await?;
    let selection = match kind {
        ObjectKind::Modified => job.edited_selection.as_ref().or(job.selection.as_ref()),
        ObjectKind::Synchronized | ObjectKind::Source => {
            job.selection.as_ref().filter(|_| job.times.started_ms.is_some())
        }
    };
    Ok(DbObjectsView::of_selection(selection))
}

/// Reads how a selection was saved.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/db-objects/saving-status",
    tag = "v5 objects",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("query_id" = String, Query)),
    responses((status = 200, body = ObjectQuery), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_update_object_saving_status(
    call: JobCall,
    query: QueryText,
) -> Result<Json<ObjectQuery>, ApiError> {
    let id = query.required("query_id").map_err(refused)?.to_owned();
    let status = call.control.saving_status(&call.caller, &call.job_id, &id).await;
    let status = status.map_err(refused)?.name();
    Ok(Json(ObjectQuery { id, job_id: call.job_id, status }))
}

fn kind(name: Option<&str>) -> Result<ObjectKind> {
    match name {
        None => Err(missing("type")),
        Some("source") => Ok(ObjectKind::Source),
        Some("modified") => Ok(ObjectKind::Modified),
        Some("synchronized") => Ok(ObjectKind::Synchronized),
        Some(other) => Err(Refusal::invalid("type", other, "source, modified, synchronized")),
    }
}

/// Kinds of selection a job supports.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowSupportObjectTypeResponse)]
pub(crate) struct ObjectSupport {
    /// Objects can be selected in the full phase.
    pub is_full_trans_support_object: bool,
    /// Objects can be selected in the incremental phase.
    pub is_incre_trans_support_object: bool,
    /// Objects can be selected for both.
    pub is_full_incre_trans_support_object: bool,
    /// Always empty: files are not imported.
    pub support_object_import_engine: Vec<String>,
    /// Always true.
    pub is_support_column_mapping: bool,
    /// Always false.
    pub is_database_support_search: bool,
    /// Always false.
    pub is_schema_support_search: bool,
    /// Always false.
    pub is_table_support_search: bool,
    /// Level at which the present selection was made.
    pub previous_select: &'static str,
    /// Always false.
    pub is_import_cloumn: bool,
    /// Always false.
    pub is_import_unique_key: bool,
}

/// Reads which kinds of selection a job supports.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/object/support", tag = "v5 objects",
    params(("project_id" = String, Path), ("job_id" = String, Path)),
    responses((status = 200, body = ObjectSupport), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_support_object_type(
    call: JobCall,
) -> Result<Json<ObjectSupport>, ApiError> {
    let job = call.control.get(&call.caller, &call.job_id).await.map_err(refused)?;
    Ok(Json(ObjectSupport {
        is_full_trans_support_object: true,
        is_incre_trans_support_object: true,
        is_full_incre_trans_support_object: true,
        support_object_import_engine: Vec::new(),
        is_support_column_mapping: true,
        is_database_support_search: false,
        is_schema_support_search: false,
        is_table_support_search: false,
        previous_select: job.selection.as_ref().map_or("", |s| s.scope.name()),
        is_import_cloumn: false,
        is_import_unique_key: false,
    }))
}
