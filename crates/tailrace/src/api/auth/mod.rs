//! Who is calling: AK/SK signatures and tokens, and whether the project of the path is theirs.

mod canonical;
mod signature;
mod signing;

use std::{sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{MatchedPath, RawPathParams, Request, State},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::Response,
};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::control::{
    Language, Refusal,
    iam::{AccessKey, Scope, User},
};

pub(crate) use canonical::percent_decode;
pub(crate) use signing::{Unsigned, sign};

use self::{
    canonical::Signable,
    signature::{Authorization, SignatureFault},
};
use super::{
    audit::{Actor, ActorSlot},
    body::read_whole,
    error::{ApiError, Dialect},
    permission::{self, Needs, Permissions},
    rate::{self, RateLimiter},
    state::ApiState,
};

/// Header of a token.
pub(crate) const TOKEN_HEADER: &str = "x-auth-token";
const PROJECT_HEADER: &str = "x-project-id";
const SECURITY_TOKEN_HEADER: &str = "x-security-token";

/// Who called, and for a token what it is scoped to.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    /// User.
    pub user: User,
    /// Scope of the token; `None` for a signature.
    pub scope: Option<Scope>,
    /// Access key of the signature; `None` for a token.
    pub access_key: Option<String>,
}

/// Whether a call of IAM may be about others than the caller.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    /// The caller has the right that the operation needs for others.
    pub is_administrator: bool,
}

/// The state, and what every route needs.
#[derive(Clone)]
pub(crate) struct Gate {
    /// The state.
    pub state: ApiState,
    /// What every route needs.
    pub permissions: Arc<Permissions>,
    /// How often each key asked.
    pub keys: Arc<RateLimiter>,
}

/// Lets a request pass if it is authenticated and its caller has the right to it, with its [`Principal`] and, on a path with
/// a project, its [`crate::control::Caller`].
pub(crate) async fn authenticate(
    State(Gate { state, permissions, keys }): State<Gate>,
    route: MatchedPath,
    params: RawPathParams,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let project_id =
        params.iter().find(|(name, _)| *name == "project_id").map(|(_, id)| id.to_owned());
    let (mut parts, body) = request.into_parts();
    let (principal, body) = match parts.headers.get(header::AUTHORIZATION) {
        Some(_) => by_signature(&state, &parts, body).await?,
        None => (by_token(&state, &parts.headers).await?, body),
    };
    let actor = Actor {
        user_id: principal.user.id.clone(),
        user_name: principal.user.name.clone(),
        access_key: principal.access_key.clone(),
    };
    // Only who proved to be it uses up what a key has.
    let key = actor.access_key.as_ref().unwrap_or(&actor.user_id);
    let counted = keys.take(key, Instant::now());
    if let Some(slot) = parts.extensions.get::<ActorSlot>() {
        slot.fill(actor);
    }
    if let Err(wait) = counted {
        return Ok(rate::refused(wait));
    }
    // A route that is not in the table is nobody's: a test finds it.
    let (_, needs) = permissions
        .of_route(&parts.method, route.as_str())
        .ok_or_else(|| ApiError::internal(format!("{} has no rights", route.as_str())))?;
    let iam = state.control.iam();
    let refused = |refusal| ApiError::refused(Dialect::V5, refusal);
    match project_id {
        Some(project_id) => {
            check_project(&parts.headers, &principal, &project_id)?;
            let language = parts.extensions.get::<Language>().copied().unwrap_or_default();
            let caller = iam.caller(&principal.user, &project_id, language).await;
            let caller = caller.map_err(refused)?;
            permission::check(needs, &caller.rights).map_err(refused)?;
            parts.extensions.insert(caller);
        }
        None => {
            let rights = iam.rights(&principal.user, None).await.map_err(refused)?;
            permission::check(needs, &rights).map_err(refused)?;
            let is_administrator = match needs {
                Needs::Own(right) => !right.is_empty() && rights.allow(right),
                _ => true,
            };
            parts.extensions.insert(Reach { is_administrator });
        }
    }
    parts.extensions.insert(principal);
    Ok(next.run(Request::from_parts(parts, body)).await)
}

async fn by_token(state: &ApiState, headers: &HeaderMap) -> Result<Principal, ApiError> {
    let token = token(headers, TOKEN_HEADER)?;
    match state.control.iam().validate_token(&token).await {
        Ok(session) => {
            Ok(Principal { user: session.user, scope: Some(session.scope), access_key: None })
        }
        Err(Refusal::LoginFailed) => Err(ApiError::unauthenticated("decrypt token fail")),
        Err(other) => Err(ApiError::refused(Dialect::V5, other)),
    }
}

/// The token in a header.
pub(crate) fn token(headers: &HeaderMap, name: &str) -> Result<SecretString, ApiError> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .filter(|text| !text.trim().is_empty())
        .map(|text| SecretString::from(text.trim().to_owned()))
        .ok_or_else(|| ApiError::unauthenticated(format!("{name} not found")))
}

/// What can be checked without the body is checked first, so that nobody without a key can make the
/// server hold bodies.
async fn by_signature(
    state: &ApiState,
    parts: &Parts,
    body: Body,
) -> Result<(Principal, Body), ApiError> {
    let header = parts
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| fault(&SignatureFault::Malformed("it is not ASCII")))?;
    let authorization = Authorization::parse(header).map_err(|e| fault(&e))?;
    let now = Timestamp::from_millisecond(state.clock.now_ms()).map_err(ApiError::internal)?;
    signature::check_date(&parts.headers, now).map_err(|e| fault(&e))?;
    if parts.headers.contains_key(SECURITY_TOKEN_HEADER) {
        return Err(ApiError::unauthenticated(
            "X-Security-Token is not accepted: temporary access keys are not issued here",
        ));
    }
    let key = access_key(state, authorization.access_key).await?;

    let bytes = read_whole(body, &state.limits).await?;
    let signable = Signable {
        method: &parts.method,
        path: parts.uri.path(),
        query: parts.uri.query(),
        headers: &parts.headers,
        authority: parts.uri.authority().map(|a| a.as_str()),
        body: &bytes,
    };
    let iam = state.control.iam();
    match authorization.verify(&signable, key.secret.expose_secret().as_bytes()) {
        Ok(()) => iam.signature_verified(&key.ak),
        Err(e) => {
            if e == SignatureFault::Mismatch {
                iam.signature_failed(&key.ak);
            }
            return Err(fault(&e));
        }
    }
    let principal = Principal { user: key.user, scope: None, access_key: Some(key.ak) };
    Ok((principal, Body::from(bytes)))
}

async fn access_key(state: &ApiState, ak: &str) -> Result<AccessKey, ApiError> {
    state.control.iam().access_key(ak).await.map_err(|refusal| match refusal {
        Refusal::LoginFailed => {
            let ak: String = ak.chars().filter(|c| c.is_ascii_graphic()).take(64).collect();
            ApiError::unauthenticated(format!("Get secretKey failed,ak:{ak},err:ak not exist"))
        }
        Refusal::Locked { .. } => {
            ApiError::unauthenticated("AK access failed to reach the limit,forbidden")
        }
        other => ApiError::refused(Dialect::V5, other),
    })
}

fn fault(fault: &SignatureFault) -> ApiError {
    ApiError::unauthenticated(fault.to_string())
}

/// Path, header and token scope have to name the same project.
fn check_project(
    headers: &HeaderMap,
    principal: &Principal,
    project_id: &str,
) -> Result<(), ApiError> {
    let header_differs =
        headers.get(PROJECT_HEADER).is_some_and(|value| value.as_bytes() != project_id.as_bytes());
    let scope_differs = match &principal.scope {
        None => false,
        Some(Scope::Project(project)) => project.id != project_id,
        Some(Scope::Domain) => true,
    };
    if header_differs || scope_differs { Err(ApiError::wrong_project()) } else { Ok(()) }
}

/// The hash of the canonical request, for tests that sign.
#[cfg(test)]
pub(in crate::api) fn sign_for_test(
    request: &axum::http::Request<()>,
    signed_headers: &[&str],
    body: &[u8],
) -> String {
    let signable = Signable {
        method: request.method(),
        path: request.uri().path(),
        query: request.uri().query(),
        headers: request.headers(),
        authority: None,
        body,
    };
    let order = canonical::RepeatedValues::Sorted;
    let text = signable.canonical_request(signed_headers, order, &canonical::sha256_hex(body));
    canonical::sha256_hex(&text.expect("the signed headers are there"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::iam::{Domain, Project};

    fn principal(scope: Option<Scope>) -> Principal {
        let domain = Domain { id: "d".into(), name: "d".into() };
        Principal {
            user: User { id: "u".into(), name: "u".into(), domain },
            scope,
            access_key: None,
        }
    }

    #[test]
    fn path_header_and_scope_have_to_agree() {
        let project = |id: &str| {
            Scope::Project(Project {
                id: id.into(),
                domain_id: "d".into(),
                name: "p".into(),
                description: String::new(),
            })
        };
        let mut headers = HeaderMap::new();
        assert!(check_project(&headers, &principal(None), "p1").is_ok());
        assert!(check_project(&headers, &principal(Some(project("p1"))), "p1").is_ok());
        for scope in [project("p2"), Scope::Domain] {
            let error =
                check_project(&headers, &principal(Some(scope)), "p1").expect_err("differs");
            assert_eq!((error.status.as_u16(), error.code), (403, "DRS.M00261"));
        }
        headers.insert(PROJECT_HEADER, "p2".parse().expect("a header value"));
        assert!(check_project(&headers, &principal(None), "p1").is_err());
        headers.insert(PROJECT_HEADER, "p1".parse().expect("a header value"));
        assert!(check_project(&headers, &principal(None), "p1").is_ok());
    }
}
