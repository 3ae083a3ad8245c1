//! Result of one job in v5's batch operations: `Success` and `Failed`, with capitals.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::error::{ApiError, ErrorBody},
    control::{Caller, Control},
};

/// Result of one job of a batch.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = V5ItemResult)]
pub(crate) struct ItemResult {
    /// Job.
    pub id: String,
    /// Its name; empty if there is no such job.
    pub name: String,
    /// `Success` or `Failed`
    pub status: &'static str,
    /// Query to ask with, if the action is answered later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
    /// Code, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Text, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
}

/// Answer of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5BatchAnswer)]
pub(crate) struct BatchAnswer {
    /// A result per job, in the order of the request.
    pub jobs: Vec<ItemResult>,
}

impl ItemResult {
    /// The job did what was asked.
    pub(crate) fn success(id: String, name: String, query_id: Option<String>) -> Self {
        Self { id, name, status: "Success", query_id, ..Self::default() }
    }

    /// It did not.
    pub(crate) fn failure(id: String, name: String, caller: &Caller, error: &ApiError) -> Self {
        let ErrorBody { error_code, error_msg } = error.body(caller.language);
        Self {
            id,
            name,
            status: "Failed",
            query_id: None,
            error_code: Some(error_code),
            error_msg: Some(error_msg),
        }
    }
}

/// Name of a job for an answer; empty if there is no such job.
pub(crate) async fn name_of(control: &Control, caller: &Caller, job_id: &str) -> String {
    control.get(caller, job_id).await.map(|job| job.name).unwrap_or_default()
}
