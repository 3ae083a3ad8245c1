//! `create-compare-task`: comparisons of objects and of rows asked for in one call.

use std::collections::BTreeMap;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body,
        call::ProjectCall,
        compare_input::comparison,
        error::{ApiError, ErrorBody},
        job_input::start_time,
        kept::non_empty,
        text_or_integer::TextOrInteger,
        v3::batch::{missing, refused},
    },
    control::{
        Caller, Control, Refusal, Result,
        compare::{CompareInput, CompareKind, Comparison},
    },
};

use super::begin::{ObjectInput, tables};

/// Body of `create-compare-task`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3CreateCompareTaskReq)]
pub(crate) struct WholeRequest {
    /// Job.
    pub job_id: Option<String>,
    /// `objects`: compares objects.
    pub object_level_compare_type: Option<String>,
    /// Compares rows.
    pub data_level_compare_info: Option<DataInput>,
}

/// How rows are compared.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3CreateDataLevelCompareReq)]
pub(crate) struct DataInput {
    /// What becomes of comparisons of rows that wait or run: `cancel` ends them, `keep` lets the newest be the answer.
    pub conflict_policy: Option<String>,
    /// `lines` or `contents`
    pub compare_type: Option<String>,
    /// `quick_comparison`: all tables that the job has.
    pub compare_mode: Option<String>,
    /// When, milliseconds of the Unix epoch as text; absent is now.
    pub start_time: Option<TextOrInteger>,
    /// Databases with their tables; absent is all that the job has.
    #[serde(default)]
    pub compare_object_infos: Vec<ObjectInput>,
}

/// What became of one of the two.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = V3CreateCompareTaskResult)]
pub(crate) struct Begun {
    /// The comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare_task_id: Option<String>,
    /// Code, if it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Text, if it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
}

/// Answer of `create-compare-task`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3CreateCompareTaskResponse)]
pub(crate) struct WholeAnswer {
    /// Job.
    pub job_id: String,
    /// Of objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_level_compare_create_result: Option<Begun>,
    /// Of rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_level_compare_create_result: Option<Begun>,
}

/// Compares objects, rows, or both.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/create-compare-task", tag = "v3 comparisons",
    params(("project_id" = String, Path)), request_body = WholeRequest,
    responses((status = 200, body = WholeAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn create_compare_task(
    ProjectCall { control, caller }: ProjectCall,

    V3Body(body): V3Body<WholeRequest>,
) -> Result<Json<WholeAnswer>, ApiError> {
    let job_id = non_empty(body.job_id).ok_or_else(|| missing("job_id"))?;
    let objects = match non_empty(body.object_level_compare_type).as_deref() {
        None => false,
        Some("objects") => true,
        Some(other) => {
            let field = "object_level_compare_type";
            return Err(refused(Refusal::invalid(field, other, "objects")));
        }
    };
    if !objects && body.data_level_compare_info.is_none() {
        return Err(missing("object_level_compare_type"));
    }
    // A job that is not there is told once, and not of each part.
    control.get(&caller, &job_id).await.map_err(refused)?;
    let begun = |outcome: Result<String>| match outcome {
        Ok(id) => Begun { compare_task_id: Some(id), ..Begun::default() },
        Err(refusal) => {
            let error = refused(refusal).body(caller.language);
            Begun {
                compare_task_id: None,
                error_code: Some(error.error_code),
                error_msg: Some(error.error_msg),
            }
        }
    };
    let of_objects = match objects {
        true => {
            let input = CompareInput::of(CompareKind::Object);
            Some(begun(control.compare(&caller, &job_id, input).await))
        }
        false => None,
    };
    let of_rows = match body.data_level_compare_info {
        Some(input) => Some(begun(begin_rows(&control, &caller, &job_id, input).await)),
        None => None,
    };
    Ok(Json(WholeAnswer {
        job_id,
        object_level_compare_create_result: of_objects,
        data_level_compare_create_result: of_rows,
    }))
}

async fn begin_rows(
    control: &Control,
    caller: &Caller,
    job_id: &str,
    input: DataInput,
) -> Result<String> {
    let field = "data_level_compare_info.compare_type";
    let kind = non_empty(input.compare_type)
        .ok_or_else(|| Refusal::Missing { field: field.to_owned() })?;
    if kind != "lines" && kind != "contents" {
        return Err(Refusal::invalid(field, kind, "lines, contents"));
    }
    if let Some(mode) = non_empty(input.compare_mode).filter(|mode| mode != "quick_comparison") {
        return Err(Refusal::invalid(
            "data_level_compare_info.compare_mode",
            mode,
            "quick_comparison",
        ));
    }
    let begun = comparison(field, &kind, &BTreeMap::new(), None)?;
    let start_ms = start_time("data_level_compare_info.start_time", input.start_time)?;
    let tables =
        tables("data_level_compare_info.compare_object_infos", input.compare_object_infos)?;
    let begun = CompareInput { tables, start_ms, ..begun };
    let pending = control.comparisons(caller, job_id).await?.into_iter();
    let pending: Vec<Comparison> = pending
        .filter(|task| task.input.kind != CompareKind::Object && task.is_pending())
        .collect();
    match (input.conflict_policy.as_deref(), pending.first()) {
        (Some("keep"), Some(newest)) => return Ok(newest.id.clone()),
        (Some("keep" | "cancel"), _) => {}
        (None | Some(""), _) => {
            let field = "data_level_compare_info.conflict_policy".to_owned();
            return Err(Refusal::Missing { field });
        }
        (Some(other), _) => {
            let field = "data_level_compare_info.conflict_policy";
            return Err(Refusal::invalid(field, other, "cancel, keep"));
        }
    }
    for task in &pending {
        control.cancel_comparison(caller, job_id, &task.id).await?;
    }
    control.compare(caller, job_id, begun).await
}
