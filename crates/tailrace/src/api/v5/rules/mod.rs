//! Rules of tables by DRS's several calls: `data-processing-rules`, `filter-rules`, `data-filtering`, added columns. All of them
//! are part of the selected objects.

pub(crate) mod columns;
pub(crate) mod filters;
mod input;
mod object_id;
mod view;

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
        query::QueryText,
        v3::policy::PolicyInput,
    },
    control::{Refusal, Result, rules::CheckedFilter},
};

pub(crate) use input::RuleInput;
pub(crate) use input::short as short_filter;
pub(crate) use object_id::ObjectId;

use super::{missing, refused};
use view::{ExtraColumns, RuleView};

/// Body of `data-processing-rules` and of `data-filtering/check`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5DataProcessReq)]
pub(crate) struct RulesRequest {
    /// Rules, 1..=500 tables in all.
    #[serde(default)]
    pub data_process_info: Vec<RuleInput>,
}

/// Answer of what is done in the background.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5RulesStarted)]
pub(crate) struct Started {
    /// For the call that tells the result.
    pub id: String,
    /// `pending`, or how far it is.
    pub status: &'static str,
    /// Job.
    pub job_id: String,
}

fn started(job_id: String, id: String, status: &'static str) -> Response {
    (StatusCode::ACCEPTED, Json(Started { id, status, job_id })).into_response()
}

/// Sets rules of tables that are selected.
#[utoipa::path(put, path = "/v5/{project_id}/jobs/{job_id}/data-processing-rules", tag = "v5 rules",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = RulesRequest,
    responses((status = 202, body = Started), (status = 400, body = ErrorBody)))]
pub(crate) async fn update_data_progress(
    call: JobCall,
    V5Body(body): V5Body<RulesRequest>,
) -> Result<Response, ApiError> {
    let id = save(&call, body).await.map_err(refused)?;
    Ok(started(call.job_id, id, "pending"))
}

async fn save(call: &JobCall, body: RulesRequest) -> Result<String> {
    let JobCall { control, caller, job_id } = call;
    if body.data_process_info.is_empty() {
        return Err(missing("data_process_info"));
    }
    let kinds = input::kinds_of_change(&body.data_process_info)?;
    let rules = input::rules(body.data_process_info)?;
    let id = control.set_rules(caller, job_id, &rules).await?;
    if let Some(kinds) = kinds {
        // They are of the whole job here.
        let job = control.get(caller, job_id).await?;
        let sent = PolicyInput { dml_types: Some(kinds), ..PolicyInput::default() };
        let policy = match &job.policy {
            Some(policy) => sent.over(PolicyInput::of(policy)),
            None => sent,
        };
        control.set_policy(caller, job_id, &policy.into_control()).await?;
    }
    Ok(id)
}

/// How a saving of rules went.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/data-processing-rules/result", tag = "v5 rules",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("query_id" = String, Query)),
    responses((status = 200, body = Started), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_data_processing_rules_result(
    call: JobCall,
    query: QueryText,
) -> Result<Json<Started>, ApiError> {
    let id = query.required("query_id").map_err(refused)?.to_owned();
    let status = call.control.saving_status(&call.caller, &call.job_id, &id).await;
    let status = status.map_err(refused)?.name();
    Ok(Json(Started { id, status, job_id: call.job_id }))
}

/// Answer of `data-processing-rules`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowDataProgressResponse)]
pub(crate) struct RuleList {
    /// Rules of the page, one per table.
    pub data_process_info: Vec<RuleView>,
    /// Rules in all.
    pub count: usize,
}

/// Lists the rules of tables.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/data-processing-rules", tag = "v5 rules",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = RuleList), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_data_progress(
    call: JobCall,
    query: QueryText,
) -> Result<Json<RuleList>, ApiError> {
    let page = query.page().map_err(refused)?;
    let job = call.control.get(&call.caller, &call.job_id).await.map_err(refused)?;
    let all = view::rules(&job);
    let count = all.len();
    Ok(Json(RuleList { data_process_info: page.of(all).collect(), count }))
}

/// Answer of `extra-column-info`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ListExtraColumnsResponse)]
pub(crate) struct ExtraColumnList {
    /// Tables with added columns in all.
    pub total_count: usize,
    /// Those of the page.
    pub column_process_objects: Vec<ExtraColumns>,
}

/// Lists the columns that tables have beside those of the source.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/extra-column-info", tag = "v5 rules",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("is_only_show_sent" = Option<bool>, Query), ("fetch_all" = Option<bool>, Query),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = ExtraColumnList), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_extra_columns(
    call: JobCall,
    query: QueryText,
) -> Result<Json<ExtraColumnList>, ApiError> {
    let page = query.page().map_err(refused)?;
    let only_sent = query.boolean("is_only_show_sent", false).map_err(refused)?;
    let fetch_all = query.boolean("fetch_all", false).map_err(refused)?;
    let job = call.control.get(&call.caller, &call.job_id).await.map_err(refused)?;
    let mut all = view::extra_columns(&job);
    all.retain(|one| one.is_sent || !only_sent);
    let total_count = all.len();
    let shown = if fetch_all { all } else { page.of(all).collect() };
    Ok(Json(ExtraColumnList { total_count, column_process_objects: shown }))
}

/// Tries row filters at the source.
#[utoipa::path(post, path = "/v5/{project_id}/job/{job_id}/data-filtering/check", tag = "v5 rules",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = RulesRequest,
    responses((status = 202, body = Started), (status = 400, body = ErrorBody)))]
pub(crate) async fn check_data_filter(
    call: JobCall,
    V5Body(body): V5Body<RulesRequest>,
) -> Result<Response, ApiError> {
    let rules = input::rules(body.data_process_info).map_err(refused)?;
    let filters: Vec<_> =
        rules.into_iter().filter(|rule| matches!(&rule.filter, Some(Some(_)))).collect();
    if filters.is_empty() {
        return Err(refused(missing("data_process_info[0].filter_conditions")));
    }
    let id = call.control.check_filters(&call.caller, &call.job_id, filters).await;
    let id = id.map_err(refused)?;
    Ok(started(call.job_id, id, "pending"))
}

/// Answer of `data-filtering/result`.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = V5ShowDataFilteringResultResponse)]
pub(crate) struct FilterResults {
    /// Filters that fit.
    pub success_count: usize,
    /// Filters that do not.
    pub failed_count: usize,
    /// Each of them; empty while they are tried.
    pub db_object_filtering_result: Vec<FilterResult>,
    /// `pending`, `success`: Tailrace's own.
    pub status: &'static str,
}

/// How a filter was found to be.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5DbObjectFilteringResult)]
pub(crate) struct FilterResult {
    /// Database.
    pub db_name: String,
    /// Always empty: sources with filters have no schemas.
    pub schema_name: &'static str,
    /// Table.
    pub table_name: String,
    /// It fits.
    pub is_success: bool,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `job`
    pub source: &'static str,
}

/// What filters were found to be that were tried.
#[utoipa::path(get, path = "/v5/{project_id}/job/{job_id}/data-filtering/result", tag = "v5 rules",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("query_id" = String, Query)),
    responses((status = 200, body = FilterResults), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_data_filtering_result(
    call: JobCall,
    query: QueryText,
) -> Result<Json<FilterResults>, ApiError> {
    let id = query.required("query_id").map_err(refused)?;
    let found = call.control.checked_filters(&call.caller, &call.job_id, id).await;
    let (status, checked) = found.map_err(refused)?;
    let failed_count = checked.iter().filter(|one| one.fault.is_some()).count();
    let view = |one: CheckedFilter| FilterResult {
        db_name: one.database,
        schema_name: "",
        table_name: one.table,
        is_success: one.fault.is_none(),
        message: one.fault,
        source: "job",
    };
    Ok(Json(FilterResults {
        success_count: checked.len() - failed_count,
        failed_count,
        db_object_filtering_result: checked.into_iter().map(view).collect(),
        status: status.name(),
    }))
}

/// A rule for comparisons alone is none that this service has.
fn refuse_compare(field: &str, source: Option<&str>) -> Result<()> {
    match source {
        None | Some("" | "job") => Ok(()),
        Some("compare") => Err(Refusal::Unsupported {
            what: "a filter for comparisons alone (source compare)".to_owned(),
            instead: "source job: a comparison compares the rows that the job delivers".to_owned(),
        }),
        Some(other) => Err(Refusal::invalid(field, other, "job")),
    }
}
