//! `GET …/jobs/{job_id}/increment-components-detail`: how far the parts of an increment are that reads a log by SCN.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        call::JobCall,
        error::{ApiError, ErrorBody},
        time,
    },
    control::{
        Refusal,
        job::Job,
        view::{Monitor, RedoPosition},
    },
};

use super::refused;

/// Answer of `…/increment-components-detail`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowIncrementComponentsDetailResponse)]
pub(crate) struct Components {
    /// The parts, in the order of the data.
    pub increment_components_list: Vec<Component>,
    /// When this was taken.
    pub update_time: String,
}

/// A part of the increment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5IncreComponentDetail)]
pub(crate) struct Component {
    /// `capture` reads the log, `apply` writes to the target.
    pub r#type: &'static str,
    /// `STARTED`, `STOPPING`, `STOPPED` or `STARTING`
    pub status: &'static str,
    /// When the increment was first entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    /// SCN at which it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_point: Option<String>,
    /// SCN up to which it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_point: Option<String>,
    /// When the newest change that it has was committed at the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution_time: Option<String>,
    /// Seconds behind the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<String>,
}

/// Shows the parts of the increment.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/increment-components-detail", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path)),
    responses((status = 200, body = Components), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_increment_components_detail(
    call: JobCall,
) -> Result<Json<Components>, ApiError> {
    let job = call.control.get(&call.caller, &call.job_id).await.map_err(refused)?;
    if !job.engine.has_parts() {
        return Err(refused(Refusal::Unsupported {
            what: format!("parts of the increment of {}", job.engine.name()),
            instead: "monitor-data".to_owned(),
        }));
    }
    let now = call.control.monitor(&call.caller, &call.job_id).await.map_err(refused)?;
    let redo = now.position.as_ref().and_then(|position| position.redo);
    let captured = |redo: RedoPosition| now.captured_scn.unwrap_or(0).max(redo.read);
    let capture = Shown {
        kind: "capture",
        points: redo.map(|redo| (redo.begun, captured(redo))),
        delay_ms: now.read_delay_ms.or(now.delay_ms),
        is_held: job.held.capture,
        rests: now.capture_rests,
    };
    let apply = Shown {
        kind: "apply",
        points: redo.map(|redo| (redo.begun, redo.applied)),
        delay_ms: now.delay_ms,
        is_held: job.held.apply,
        rests: now.apply_rests,
    };
    Ok(Json(Components {
        increment_components_list: vec![capture.view(&job, &now), apply.view(&job, &now)],
        update_time: time::iso(now.at_ms),
    }))
}

/// A part as it is shown.
struct Shown {
    kind: &'static str,
    /// SCN at which it began, and up to which it is.
    points: Option<(u64, u64)>,
    delay_ms: Option<u64>,
    /// It is to rest.
    is_held: bool,
    /// It does.
    rests: bool,
}

impl Shown {
    fn view(self, job: &Job, now: &Monitor) -> Component {
        let newest = now.totals.source_time_ms;
        Component {
            r#type: self.kind,
            status: match (now.running, self.is_held, self.rests) {
                (false, ..) | (true, true, true) => "STOPPED",
                (true, true, false) => "STOPPING",
                (true, false, true) => "STARTING",
                (true, false, false) => "STARTED",
            },
            start_time: job.times.incremental_started_ms.map(time::iso),
            start_point: self.points.map(|(begun, _)| begun.to_string()),
            current_point: self.points.map(|(_, current)| current.to_string()),
            resolution_time: (newest > 0).then(|| time::iso(newest)),
            delay: self.delay_ms.map(|ms| (ms / 1000).to_string()),
        }
    }
}
