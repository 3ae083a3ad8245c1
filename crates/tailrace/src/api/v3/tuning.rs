//! `…/tuning-params`: the parameters of a job by the phase that they are about.

use std::collections::BTreeMap;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body,
        call::JobCall,
        error::{ApiError, Dialect, ErrorBody},
        text_or_integer::TextOrInteger,
    },
    control::{Refusal, Result, view::Parameter},
};

/// Phases, with the parameters of each; what is in none of them is about all.
const PHASES: [(&str, &[&str]); 4] = [
    (
        "full_sync",
        &[
            "read_task_num",
            "shard_task_num",
            "chunk_rows_max",
            "shard_length",
            "datamove_split_partition",
            "full_scn",
            "applier_thread_num",
            "datamove_fetchsize",
            "datamove_copy_mode",
            "datamove_source_socket_timeout",
            "snapshot_share_percent_max",
            "snapshot_view_age_s_max",
        ],
    ),
    (
        "incre_capture",
        &[
            "logminer_fetchsize",
            "read_log_num",
            "read_missing_keys",
            "capture_start_scn",
            "relay_socket_timeout",
        ],
    ),
    (
        "incre_apply",
        &[
            "increment_writer_num",
            "parallel",
            "skip_all_ddl",
            "apply_start_scn",
            "dirty_rows_max",
            "transaction_bytes_max",
            "transaction_age_ms_max",
        ],
    ),
    ("incre_relay", &["queue_bytes_max", "rows_per_second_max", "bytes_per_second_max"]),
];

/// New values.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3ModifyTuningParamsReq)]
pub(crate) struct TuningRequest {
    /// Of the full phase, by name.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub full_sync: BTreeMap<String, TextOrInteger>,
    /// Of what reads the log.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub incre_capture: BTreeMap<String, TextOrInteger>,
    /// Of what writes to the target.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub incre_apply: BTreeMap<String, TextOrInteger>,
    /// Of what is between them.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub incre_relay: BTreeMap<String, TextOrInteger>,
    /// All parameters get their defaults; nothing else may be given with it.
    pub recovery: Option<bool>,
}

/// The parameters.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = V3QueryTuningParamsResponse)]
pub(crate) struct Tuning {
    /// Of the full phase.
    pub full_sync: Vec<TuningParameter>,
    /// Of what reads the log.
    pub incre_capture: Vec<TuningParameter>,
    /// Of what writes to the target.
    pub incre_apply: Vec<TuningParameter>,
    /// Of what is between them.
    pub incre_relay: Vec<TuningParameter>,
    /// `success`, behind a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modify_result: Option<&'static str>,
}

/// A parameter.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3TuningParameter)]
pub(crate) struct TuningParameter {
    /// Name.
    pub param_name: &'static str,
    /// Value in force at the next start.
    pub param_value: String,
    /// `restart`: when a new value holds.
    pub availability: &'static str,
    /// Allowed values.
    pub range: String,
}

/// Lists a job's parameters by phase.
#[utoipa::path(get, path = "/v3/{project_id}/job/{job_id}/tuning-params/query-params", tag = "v3 parameters",
    params(("project_id" = String, Path), ("job_id" = String, Path)),
    responses((status = 200, body = Tuning), (status = 400, body = ErrorBody)))]
pub(crate) async fn query_tuning_params(call: JobCall) -> Result<Json<Tuning>, ApiError> {
    let parameters = call.control.parameters(&call.caller, &call.job_id).await;
    Ok(Json(by_phase(parameters.map_err(refused)?)))
}

/// Changes parameters of a job.
#[utoipa::path(put, path = "/v3/{project_id}/job/{job_id}/tuning-params/modify-params", tag = "v3 parameters",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = TuningRequest,
    responses((status = 200, body = Tuning), (status = 400, body = ErrorBody)))]
pub(crate) async fn update_tuning_params(
    call: JobCall,
    V3Body(body): V3Body<TuningRequest>,
) -> Result<Json<Tuning>, ApiError> {
    let current = call.control.parameters(&call.caller, &call.job_id).await.map_err(refused)?;
    let values = body.values(&current).map_err(refused)?;
    call.control.set_parameters(&call.caller, &call.job_id, &values).await.map_err(refused)?;
    let parameters = call.control.parameters(&call.caller, &call.job_id).await.map_err(refused)?;
    Ok(Json(Tuning { modify_result: Some("success"), ..by_phase(parameters) }))
}

impl TuningRequest {
    fn values(self, current: &[Parameter]) -> Result<Vec<(String, String)>> {
        let groups = [self.full_sync, self.incre_capture, self.incre_apply, self.incre_relay];
        let is_empty = groups.iter().all(BTreeMap::is_empty);
        match (self.recovery.unwrap_or(false), is_empty) {
            (true, true) => {
                let default = |p: &Parameter| (p.name.to_owned(), p.default_value.clone());
                return Ok(current.iter().map(default).collect());
            }
            (true, false) => {
                return Err(Refusal::invalid("recovery", true, "true without any other values"));
            }
            (false, true) => return Err(Refusal::Missing { field: "full_sync".to_owned() }),
            (false, false) => {}
        }
        let mut values = Vec::new();
        for ((phase, names), group) in PHASES.iter().zip(groups) {
            for (name, value) in group {
                if !names.contains(&name.as_str()) {
                    return Err(Refusal::invalid(*phase, name, names.join(", ")));
                }
                values.push((name, value.0));
            }
        }
        Ok(values)
    }
}

fn by_phase(parameters: Vec<Parameter>) -> Tuning {
    let mut groups: [Vec<TuningParameter>; 4] = Default::default();
    for parameter in parameters {
        let at = PHASES.iter().position(|(_, names)| names.contains(&parameter.name));
        groups[at.unwrap_or(PHASES.len() - 1)].push(TuningParameter {
            param_name: parameter.name,
            param_value: parameter.value,
            availability: "restart",
            range: parameter.value_range,
        });
    }
    let [full_sync, incre_capture, incre_apply, incre_relay] = groups;
    Tuning { full_sync, incre_capture, incre_apply, incre_relay, modify_result: None }
}

fn refused(refusal: Refusal) -> ApiError {
    ApiError::refused(Dialect::V3, refusal)
}
