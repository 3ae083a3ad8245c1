//! Parameters of a job, and the start position of an increment-only one.

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::JobCall,
        error::{ApiError, ErrorBody},
        kept::non_empty,
        query::QueryText,
        text_or_integer::TextOrInteger,
        time,
    },
    control::job::StartPosition,
};

use super::{delete::Empty, missing, refused};

/// Answer of `…/configurations`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ListJobParametersResponse)]
pub(crate) struct ParametersAnswer {
    /// Parameters in all.
    pub count: usize,
    /// Parameters of the page.
    pub parameter_config_list: Vec<ParameterView>,
}

/// A parameter.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ParameterConfig)]
pub(crate) struct ParameterView {
    /// Name.
    pub name: &'static str,
    /// Value in force at the next start.
    pub value: String,
    /// Default.
    pub default_value: String,
    /// Allowed values.
    pub value_range: String,
    /// Always true.
    pub is_need_restart: bool,
    /// What it does.
    pub description: &'static str,
}

/// Lists the parameters of a job.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/configurations", tag = "v5 parameters",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("name" = Option<String>, Query, description = "Part of the name"),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = ParametersAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_job_parameters(
    call: JobCall,
    query: QueryText,
) -> Result<Json<ParametersAnswer>, ApiError> {
    let page = query.page().map_err(refused)?;
    let name = query.text("name").unwrap_or("");
    let mut parameters =
        call.control.parameters(&call.caller, &call.job_id).await.map_err(refused)?;
    parameters.retain(|parameter| parameter.name.contains(name));
    let count = parameters.len();
    let parameter_config_list = page
        .of(parameters)
        .map(|parameter| ParameterView {
            name: parameter.name,
            value: parameter.value,
            default_value: parameter.default_value,
            value_range: parameter.value_range,
            is_need_restart: true,
            description: parameter.description,
        })
        .collect();
    Ok(Json(ParametersAnswer { count, parameter_config_list }))
}

/// Body of `…/modify-configuration`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5ModifyParameterReq)]
pub(crate) struct ParametersRequest {
    /// New values.
    #[serde(default)]
    pub values: Vec<ParameterInput>,
}

/// A new value.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5ParameterInfo)]
pub(crate) struct ParameterInput {
    /// Name.
    pub parameter_name: Option<String>,
    /// Value, as text.
    pub parameter_value: Option<TextOrInteger>,
}

/// Changes parameters; they hold from the next start.
#[utoipa::path(put, path = "/v5/{project_id}/jobs/{job_id}/modify-configuration",
    tag = "v5 parameters",
    params(("project_id" = String, Path), ("job_id" = String, Path)),
    request_body = ParametersRequest,
    responses((status = 204, description = "Changed"), (status = 400, body = ErrorBody)))]
pub(crate) async fn update_job_configurations(
    call: JobCall,
    V5Body(body): V5Body<ParametersRequest>,
) -> Result<StatusCode, ApiError> {
    if body.values.is_empty() {
        return Err(refused(missing("values")));
    }
    let mut values = Vec::with_capacity(body.values.len());
    for (i, value) in body.values.into_iter().enumerate() {
        let field = |name: &str| refused(missing(&format!("values[{i}].{name}")));
        let name = non_empty(value.parameter_name).ok_or_else(|| field("parameter_name"))?;
        let value = value.parameter_value.ok_or_else(|| field("parameter_value"))?;
        values.push((name, value.0));
    }
    call.control.set_parameters(&call.caller, &call.job_id, &values).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Answer of `…/configuration-histories`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ListJobHistoryParametersResponse)]
pub(crate) struct HistoryAnswer {
    /// Changes in all.
    pub count: u64,
    /// Changes of the page, newest first.
    pub parameter_history_config_list: Vec<HistoryView>,
}

/// A change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ListJobHistoryParameter)]
pub(crate) struct HistoryView {
    /// Parameter.
    pub name: String,
    /// Value before.
    pub old_value: String,
    /// Value after.
    pub new_value: String,
    /// Always true: a change that is refused is not recorded.
    pub is_update_success: bool,
    /// Whether the job was started since.
    pub is_applied: bool,
    /// When.
    pub update_time: String,
}

/// Lists the changes of parameters.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/configuration-histories",
    tag = "v5 parameters",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = HistoryAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_job_history_parameters(
    call: JobCall,
    query: QueryText,
) -> Result<Json<HistoryAnswer>, ApiError> {
    let page = query.page().map_err(refused)?;
    let job = call.control.get(&call.caller, &call.job_id).await.map_err(refused)?;
    let changes = call.control.parameter_history(&call.caller, &call.job_id, page).await;
    let (count, changes) = changes.map_err(refused)?;
    let parameter_history_config_list = changes
        .into_iter()
        .map(|change| HistoryView {
            name: change.name,
            old_value: change.old_value,
            new_value: change.new_value,
            is_update_success: true,
            is_applied: job.times.started_ms.is_some_and(|started| started > change.at_ms),
            update_time: time::iso(change.at_ms),
        })
        .collect();
    Ok(Json(HistoryAnswer { count, parameter_history_config_list }))
}

/// Body of `…/start-position`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5ModifyStartPositionReq)]
pub(crate) struct StartPositionRequest {
    /// `mysql-bin.000277:805`
    pub file_and_position: Option<String>,
    /// Executed GTID set.
    pub gtid_set: Option<String>,
}

/// Sets where an increment-only job starts.
#[utoipa::path(put, path = "/v5/{project_id}/jobs/{job_id}/start-position", tag = "v5 parameters",
    params(("project_id" = String, Path), ("job_id" = String, Path)),
    request_body = StartPositionRequest,
    responses((status = 200, body = Empty), (status = 400, body = ErrorBody)))]
pub(crate) async fn update_start_position(
    call: JobCall,
    V5Body(body): V5Body<StartPositionRequest>,
) -> Result<Json<Empty>, ApiError> {
    let position = StartPosition {
        file_and_position: non_empty(body.file_and_position),
        gtid_set: non_empty(body.gtid_set),
    };
    if position == StartPosition::default() {
        return Err(refused(missing("file_and_position")));
    }
    call.control.set_start_position(&call.caller, &call.job_id, position).await.map_err(refused)?;
    Ok(Json(Empty {}))
}
