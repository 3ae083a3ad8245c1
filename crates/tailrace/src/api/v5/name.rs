//! `POST …/jobs/name-validation`.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::ProjectCall,
        error::{ApiError, ErrorBody},
        kept::non_empty,
    },
    control::Refusal,
};

use super::{missing, refused};

/// A name to check.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5CheckJobNameReq)]
pub(crate) struct NameRequest {
    /// Name.
    pub name: Option<String>,
    /// `trans`, `subscription` or `offline`; names of jobs are checked in any case.
    pub r#type: Option<String>,
}

/// The name can be used.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ValidateJobNameResponse)]
pub(crate) struct NameAnswer {
    /// Always true; a name that cannot be used is answered with 400.
    pub is_valid: bool,
}

/// Checks a name before use.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/name-validation", tag = "v5 jobs",
    params(("project_id" = String, Path)), request_body = NameRequest,
    responses((status = 200, body = NameAnswer),
              (status = 400, description = "The name is taken or malformed", body = ErrorBody)))]
pub(crate) async fn validate_job_name(
    ProjectCall { control, caller }: ProjectCall,
    V5Body(body): V5Body<NameRequest>,
) -> Result<Json<NameAnswer>, ApiError> {
    let name = non_empty(body.name).ok_or_else(|| refused(missing("name")))?;
    match non_empty(body.r#type).as_deref() {
        Some("trans" | "subscription" | "offline") => {}
        None => return Err(refused(missing("type"))),
        Some(other) => {
            return Err(refused(Refusal::invalid("type", other, "trans, subscription, offline")));
        }
    }
    control.check_name(&caller, &name).await.map_err(refused)?;
    Ok(Json(NameAnswer { is_valid: true }))
}
