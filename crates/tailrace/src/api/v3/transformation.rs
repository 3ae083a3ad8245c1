//! `POST …/jobs/batch-transformation`: row filters of tables.

use axum::{http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body,
        call::ProjectCall,
        error::{ApiError, ErrorBody},
        kept::non_empty,
        refusal::at,
        v5::rules::{ObjectId, short_filter},
    },
    control::{Refusal, Result, rules::TableRule},
};

use super::batch::{BatchAnswer, answer_plain, check_count, check_ids, refused};

/// Body of `batch-transformation`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3BatchDataTransformationReq)]
pub(crate) struct BatchTransformation {
    /// Filters, one per job, 1..=100.
    #[serde(default)]
    pub jobs: Vec<Transformation>,
}

/// The filter of a job's tables.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3CheckDataTransformationReq)]
pub(crate) struct Transformation {
    /// Job.
    pub job_id: Option<String>,
    /// Its tables.
    #[serde(default)]
    pub object_info: Vec<TransformedObject>,
    /// The filter.
    pub transformation_info: Option<TransformationInfo>,
    /// Of joined tables; not offered.
    #[schema(value_type = Option<Object>)]
    pub config_transformation: Option<serde_json::Value>,
}

/// A table.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3TransformedObject)]
pub(crate) struct TransformedObject {
    /// `database-*-*-table`
    pub id: Option<String>,
    /// `true`, or `false`, which takes its filter away
    pub select: Option<String>,
}

/// A filter.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3TransformationInfo)]
pub(crate) struct TransformationInfo {
    /// `contentConditionalFilter`
    pub transformation_type: Option<String>,
    /// Condition as behind WHERE, at most 512 characters.
    pub value: Option<String>,
}

/// Sets row filters of tables that are selected.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/batch-transformation", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = BatchTransformation,
    responses((status = 200, body = BatchAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_change_data(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<BatchTransformation>,
) -> Result<Response, ApiError> {
    check_count(body.jobs.len(), "jobs")?;
    check_ids(body.jobs.iter().map(|j| j.job_id.as_deref().unwrap_or("")), "jobs")?;
    let mut outcomes = Vec::with_capacity(body.jobs.len());
    for (i, job) in body.jobs.into_iter().enumerate() {
        let id = job.job_id.clone().unwrap_or_default();
        let outcome = match job.into_control() {
            Ok(rules) => control.set_rules(&caller, &id, &rules).await.map(drop),
            Err(refusal) => Err(refusal),
        };
        outcomes.push((id, outcome.map_err(|r| refused(at(&format!("jobs[{i}]"), r)))));
    }
    Ok(answer_plain(StatusCode::OK, &caller, outcomes))
}

impl Transformation {
    fn into_control(self) -> Result<Vec<TableRule>> {
        let missing = |field: &str| Refusal::Missing { field: field.to_owned() };
        let info = self.transformation_info.ok_or_else(|| missing("transformation_info"))?;
        let joined = || Refusal::Unsupported {
            what: "a condition over joined tables".to_owned(),
            instead: "contentConditionalFilter".to_owned(),
        };
        if self.config_transformation.is_some_and(|given| given != serde_json::json!({})) {
            return Err(joined());
        }
        let field = "transformation_info.transformation_type";
        match non_empty(info.transformation_type).as_deref() {
            Some("contentConditionalFilter") => {}
            Some("configConditionalFilter") => return Err(joined()),
            None => return Err(missing(field)),
            Some(other) => return Err(Refusal::invalid(field, other, "contentConditionalFilter")),
        }
        let field = "transformation_info.value";
        let condition = short_filter(field, info.value)?.ok_or_else(|| missing(field))?;
        if self.object_info.is_empty() {
            return Err(missing("object_info"));
        }
        let rule = |(i, object): (usize, TransformedObject)| {
            let field = |name: &str| format!("object_info[{i}].{name}");
            let id = non_empty(object.id).ok_or_else(|| missing(&field("id")))?;
            let ObjectId { database, table } = ObjectId::read(&field("id"), &id)?;
            let filter = match object.select.as_deref() {
                None | Some("" | "true") => Some(Some(condition.clone())),
                Some("false") => Some(None),
                Some(other) => return Err(Refusal::invalid(field("select"), other, "true, false")),
            };
            Ok(TableRule { database, table, filter, ..TableRule::default() })
        };
        self.object_info.into_iter().enumerate().map(rule).collect()
    }
}
