//! `…/compare-policy` and `…/health-compare-jobs`: comparisons that a job makes by itself.

use std::collections::BTreeSet;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::JobCall,
        error::{ApiError, ErrorBody},
        kept::non_empty,
        query::QueryText,
        time,
    },
    control::{
        Refusal, Result,
        compare::{CompareKind, Comparison},
        compare_policy::ComparePolicy,
    },
};

use super::{
    compare::{objects, status},
    delete::{Empty, unsupported},
    missing, refused,
};

/// What compares a number of rows, rows, or objects, by the names of this call.
const KINDS: [(&str, CompareKind); 3] = [
    ("object_comparison", CompareKind::Object),
    ("lines", CompareKind::Lines),
    ("contents", CompareKind::Contents),
];
/// The form of `period`.
const PERIOD: &str = "* * DAYS: `*`, or days of the week with commas between, 0 or 7 for Sunday";

/// When a job is to compare.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5ModifyComparePolicyReq)]
pub(crate) struct PolicyRequest {
    /// `open` or `close`
    pub action: Option<String>,
    /// `* * 1,3,5`: days of the week; every day if it is absent.
    pub period: Option<String>,
    /// `HH:mm:ss`, UTC: when a day's first comparison begins.
    pub begin_time: Option<String>,
    /// `HH:mm:ss`, UTC: when none runs any more.
    pub end_time: Option<String>,
    /// `object_comparison`, `lines`, `contents`
    #[serde(default)]
    pub compare_type: Vec<String>,
    /// Must be `normal`.
    pub compare_policy: Option<String>,
    /// Hours from one comparison to the next, 1..=24; one a day if it is absent.
    pub interval_hour: Option<u32>,
    /// Not offered.
    pub conflict_strategy: Option<String>,
}

impl PolicyRequest {
    fn into_control(self) -> Result<Option<ComparePolicy>> {
        match self.action.as_deref() {
            Some("open") => {}
            Some("close") => return Ok(None),
            None | Some("") => return Err(missing("action")),
            Some(other) => return Err(Refusal::invalid("action", other, "open, close")),
        }
        if let Some(policy) = self.compare_policy.filter(|p| !p.is_empty() && p != "normal") {
            return Err(unsupported(format!("compare_policy {policy}"), "normal"));
        }
        if let Some(strategy) = non_empty(self.conflict_strategy) {
            return Err(unsupported(format!("conflict_strategy {strategy}"), "none"));
        }
        let time = |field: &'static str, text: Option<String>| {
            let text = non_empty(text).ok_or_else(|| missing(field))?;
            seconds(&text).ok_or_else(|| Refusal::invalid(field, &text, "HH:mm:ss, UTC"))
        };
        let kind = |name: &String| {
            let known = KINDS.iter().find(|(known, _)| known == name);
            let allowed = "object_comparison, lines, contents";
            known
                .map(|(_, kind)| *kind)
                .ok_or_else(|| Refusal::invalid("compare_type", name, allowed))
        };
        if self.compare_type.is_empty() {
            return Err(missing("compare_type"));
        }
        Ok(Some(ComparePolicy {
            is_open: true,
            days: days(self.period.as_deref().unwrap_or("* * *"))?,
            begin_s: time("begin_time", self.begin_time)?,
            end_s: time("end_time", self.end_time)?,
            every_hours: self.interval_hour,
            kinds: self.compare_type.iter().map(kind).collect::<Result<_>>()?,
            next_ms: None,
        }))
    }
}

/// Seconds of `HH:mm:ss`.
fn seconds(text: &str) -> Option<u32> {
    let mut parts =
        text.split(':').map(|part| Some(part).filter(|part| part.len() == 2)?.parse::<u32>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let is_time = parts.next().is_none() && hours < 24 && minutes < 60 && seconds < 60;
    is_time.then_some(hours * 3600 + minutes * 60 + seconds)
}

fn days(period: &str) -> Result<BTreeSet<u8>> {
    let invalid = || Refusal::invalid("period", period, PERIOD);
    let list = period.strip_prefix("* * ").ok_or_else(invalid)?;
    if list == "*" {
        return Ok((0..7).collect());
    }
    let day = |text: &str| {
        let day = text.parse::<u8>().ok().filter(|day| *day <= 7);
        day.map(|day| day % 7).ok_or_else(invalid)
    };
    list.split(',').map(day).collect()
}

/// When a job compares.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowComparePolicyResponse)]
pub(crate) struct PolicyView {
    /// `OPEN` or `CLOSED`
    pub status: &'static str,
    /// As it was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    /// As it was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begin_time: Option<String>,
    /// As it was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
    /// As it was set.
    pub compare_type: Vec<&'static str>,
    /// When the next comparison is due, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_compare_time: Option<String>,
    /// `normal`
    pub compare_policy: &'static str,
    /// As it was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_hour: Option<u32>,
}

impl PolicyView {
    fn of(policy: Option<&ComparePolicy>) -> Self {
        let clock = |seconds: u32| {
            format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
        };
        let days = |policy: &ComparePolicy| {
            let named: Vec<String> = policy.days.iter().map(u8::to_string).collect();
            if named.len() == 7 { "* * *".to_owned() } else { format!("* * {}", named.join(",")) }
        };
        let named = |policy: &ComparePolicy| {
            let named = KINDS.iter().filter(|(_, kind)| policy.kinds.contains(kind));
            named.map(|(name, _)| *name).collect()
        };
        Self {
            status: if policy.is_some_and(|policy| policy.is_open) { "OPEN" } else { "CLOSED" },
            period: policy.map(days),
            begin_time: policy.map(|policy| clock(policy.begin_s)),
            end_time: policy.map(|policy| clock(policy.end_s)),
            compare_type: policy.map(named).unwrap_or_default(),
            next_compare_time: policy.and_then(|policy| policy.next_ms).map(time::iso),
            compare_policy: "normal",
            interval_hour: policy.and_then(|policy| policy.every_hours),
        }
    }
}

/// Shows when a job compares by itself.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/compare-policy", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path)),
    responses((status = 200, body = PolicyView), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_compare_policy(call: JobCall) -> Result<Json<PolicyView>, ApiError> {
    let job = call.control.get(&call.caller, &call.job_id).await.map_err(refused)?;
    Ok(Json(PolicyView::of(job.compare_policy.as_ref())))
}

/// Sets when a job compares by itself.
#[utoipa::path(put, path = "/v5/{project_id}/jobs/{job_id}/compare-policy", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = PolicyRequest,
    responses((status = 200, body = Empty), (status = 400, body = ErrorBody)))]
pub(crate) async fn update_compare_policy(
    call: JobCall,
    V5Body(body): V5Body<PolicyRequest>,
) -> Result<Json<Empty>, ApiError> {
    let policy = body.into_control().map_err(refused)?;
    let set = call.control.set_compare_policy(&call.caller, &call.job_id, policy).await;
    set.map_err(refused)?;
    Ok(Json(Empty {}))
}

/// Comparisons by the policy.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowHealthCompareJobListResponse)]
pub(crate) struct HealthList {
    /// How many are kept.
    pub count: usize,
    /// The newest first.
    pub compare_jobs: Vec<HealthView>,
}

/// A comparison by the policy.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5HealthCompareJob)]
pub(crate) struct HealthView {
    /// Id, also of `?type=compare&compare_task_id=`.
    pub id: String,
    /// `object_comparison`, `lines` or `contents`
    pub r#type: &'static str,
    /// As that of other tasks.
    pub status: &'static str,
    /// When it began.
    pub start_time: Option<String>,
    /// When it ended.
    pub end_time: Option<String>,
    /// The job's name, where one is shown alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
}

impl HealthView {
    fn of(comparison: &Comparison) -> Self {
        let named = KINDS.iter().find(|(_, kind)| *kind == comparison.input.kind);
        Self {
            id: comparison.id.clone(),
            r#type: named.map_or("", |(name, _)| name),
            status: status(comparison.status),
            start_time: comparison.started_ms.map(time::iso),
            end_time: comparison.ended_ms.map(time::iso),
            job_name: None,
        }
    }
}

/// Lists comparisons by the policy.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/health-compare-jobs", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query),
        ("status" = Option<String>, Query, description = "only those with this status")),
    responses((status = 200, body = HealthList), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_health_compare_job_list(
    call: JobCall,
    query: QueryText,
) -> Result<Json<HealthList>, ApiError> {
    let page = query.page().map_err(refused)?;
    let all = call.control.comparisons(&call.caller, &call.job_id).await.map_err(refused)?;
    let wanted = query.text("status");
    let by_policy: Vec<HealthView> = all
        .iter()
        .filter(|one| one.input.by_policy)
        .map(HealthView::of)
        .filter(|one| wanted.is_none_or(|wanted| one.status == wanted))
        .collect();
    let count = by_policy.len();
    Ok(Json(HealthList { count, compare_jobs: page.of(by_policy).collect() }))
}

/// Shows a comparison by the policy.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/health-compare-jobs/{compare_job_id}", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("compare_job_id" = String, Path)),
    responses((status = 200, body = HealthView), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_health_compare_job_detail(
    call: JobCall,
    axum::extract::Path(path): axum::extract::Path<ComparePath>,
) -> Result<Json<HealthView>, ApiError> {
    let (control, caller) = (&call.control, &call.caller);
    let job = control.get(caller, &call.job_id).await.map_err(refused)?;
    let comparison = control.comparison(caller, &call.job_id, &path.compare_job_id).await;
    let view = HealthView::of(&comparison.map_err(refused)?);
    Ok(Json(HealthView { job_name: Some(job.name), ..view }))
}

/// The place of a comparison; the job's parts are read with the call.
#[derive(Debug, Deserialize)]
pub(crate) struct ComparePath {
    compare_job_id: String,
}

/// What a comparison of objects by the policy found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowHealthObjectCompareJobOverviewResponse)]
pub(crate) struct HealthObjects {
    /// Databases and tables by number.
    pub compare_result: Vec<super::compare::ObjectCountView>,
}

/// Shows what a comparison of objects by the policy found.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/health-compare-jobs/object/{compare_job_id}",
    tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("compare_job_id" = String, Path)),
    responses((status = 200, body = HealthObjects), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_health_object_compare_job_overview(
    call: JobCall,
    axum::extract::Path(path): axum::extract::Path<ComparePath>,
) -> Result<Json<HealthObjects>, ApiError> {
    let id = &path.compare_job_id;
    let comparison = call.control.comparison(&call.caller, &call.job_id, id).await;
    let found = objects(&comparison.map_err(refused)?);
    Ok(Json(HealthObjects { compare_result: found.compare_results }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_days_have_one_form() {
        assert_eq!(seconds("01:02:03"), Some(3723));
        for bad in ["", "1:02:03", "24:00:00", "01:60:00", "01:02", "01:02:03:04", "-1:02:03"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
        assert_eq!(days("* * 1,3,7").unwrap(), BTreeSet::from([0, 1, 3]));
        assert_eq!(days("* * *").unwrap().len(), 7);
        for bad in ["", "*", "* * ", "* * 8", "1 * 1", "* * 1,,2", "* * mon"] {
            assert!(days(bad).is_err(), "{bad}");
        }
    }
}
