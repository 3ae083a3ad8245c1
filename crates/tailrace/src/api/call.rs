//! What a handler needs to know of an authenticated request.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};

use crate::control::{Caller, Control};

use super::{error::ApiError, state::ApiState};

/// A call within a project.
pub(crate) struct ProjectCall {
    /// The control plane.
    pub control: Control,
    /// Who asks.
    pub caller: Caller,
}

/// A call about one job.
pub(crate) struct JobCall {
    /// The control plane.
    pub control: Control,
    /// Who asks.
    pub caller: Caller,
    /// The job of the path.
    pub job_id: String,
}

impl FromRequestParts<ApiState> for ProjectCall {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let caller = parts
            .extensions
            .get::<Caller>()
            .cloned()
            .ok_or_else(|| ApiError::internal("a project route without authentication"))?;
        Ok(Self { control: state.control.clone(), caller })
    }
}

impl FromRequestParts<ApiState> for JobCall {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let ProjectCall { control, caller } = ProjectCall::from_request_parts(parts, state).await?;
        let path = PathValues::from_request_parts(parts, state).await?;
        let job_id = path.get("job_id").to_owned();
        Ok(Self { control, caller, job_id })
    }
}

/// The decoded values of the path.
pub(crate) struct PathValues(Vec<(String, String)>);

impl PathValues {
    /// The value of this name; empty if the route has none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

impl FromRequestParts<ApiState> for PathValues {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let values = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|e| ApiError::internal(format!("path: {e}")))?;
        Ok(Self(values.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()))
    }
}
