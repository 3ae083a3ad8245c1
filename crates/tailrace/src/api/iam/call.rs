//! What a handler of IAM needs to know of its request, and how it refuses.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};

use crate::{
    api::{
        auth::{Principal, Reach},
        error::{ApiError, Dialect},
        message::Message,
        refusal::at,
        state::ApiState,
    },
    control::{
        Control, Refusal,
        iam::{Domain, Iam},
    },
};

use super::BaseUrl;

/// A call of IAM.
pub(crate) struct IamCall {
    control: Control,
    /// Who asks.
    pub principal: Principal,
    /// Whether it may be about others than the caller.
    pub is_administrator: bool,
    /// Address of the server, for links.
    pub base: String,
}

impl IamCall {
    /// Users, groups, projects, roles and keys.
    pub(crate) fn iam(&self) -> &Iam {
        self.control.iam()
    }

    /// The caller's domain, to which everything of the call belongs.
    pub(crate) fn domain(&self) -> &Domain {
        &self.principal.user.domain
    }

    /// The domain of a path or body, which has to be the caller's.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`].
    pub(crate) fn check_domain(&self, id: &str) -> Result<(), Refusal> {
        if id == self.domain().id {
            return Ok(());
        }
        Err(Refusal::IamMissing { what: "domain", id: id.to_owned() })
    }

    /// Lets pass what is about the caller, or asked by who may ask about others.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`].
    pub(crate) fn check_user(&self, user_id: &str) -> Result<(), Refusal> {
        if self.is_administrator || user_id == self.principal.user.id {
            return Ok(());
        }
        Err(Refusal::Forbidden)
    }

    /// Address of a thing of IAM.
    pub(crate) fn link(&self, path: &str, id: &str) -> super::wire::SelfLink {
        super::wire::SelfLink { this: format!("{}{path}/{id}", self.base) }
    }

    /// Links of a list.
    pub(crate) fn links(&self, path: &str) -> super::wire::ListLinks {
        super::wire::ListLinks { this: format!("{}{path}", self.base), next: None, previous: None }
    }
}

impl FromRequestParts<ApiState> for IamCall {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let BaseUrl(base) = BaseUrl::from_request_parts(parts, state).await?;
        let principal = Principal::from_request_parts(parts, state).await?;
        let reach = parts.extensions.get::<Reach>().copied();
        let reach = reach.ok_or_else(|| ApiError::internal("an IAM route without rights"))?;
        let control = state.control.clone();
        Ok(Self { control, principal, is_administrator: reach.is_administrator, base })
    }
}

/// The answer for a refusal, in Keystone's form.
pub(crate) fn refused(refusal: Refusal) -> ApiError {
    let status = match &refusal {
        Refusal::LoginFailed | Refusal::Locked { .. } => StatusCode::UNAUTHORIZED,
        Refusal::NameTaken { .. } => StatusCode::CONFLICT,
        Refusal::QuotaReached { .. } => StatusCode::FORBIDDEN,
        _ => return ApiError::refused(Dialect::V3, refusal),
    };
    let message = match refusal {
        Refusal::Locked { .. } => Message::LoginLocked,
        Refusal::NameTaken { name } => Message::IamNameTaken { name },
        Refusal::QuotaReached { what, limit } => Message::QuotaReached { what, limit },
        _ => Message::LoginRefused,
    };
    ApiError::keystone(status, message)
}

/// The same for a member of a body.
pub(crate) fn refused_at(member: &str, refusal: Refusal) -> ApiError {
    refused(at(member, refusal))
}

/// A mandatory member.
///
/// # Errors
/// 400 without it.
pub(crate) fn required<T>(field: &str, value: Option<T>) -> Result<T, ApiError> {
    value.ok_or_else(|| refused(Refusal::Missing { field: field.to_owned() }))
}
