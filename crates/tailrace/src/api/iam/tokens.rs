//! Tokens: `POST`, `GET` and `DELETE /v3/auth/tokens`.

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use secrecy::ExposeSecret;

use crate::{
    api::{
        audit::{Actor, ActorSlot},
        auth::token,
        body::V3Body,
        error::{ApiError, Dialect},
        message::Message,
        origin::Origin,
        query::QueryText,
        state::ApiState,
        time,
    },
    control::{
        Refusal,
        iam::{IssuedToken, Role, Scope, ScopeWanted, Session},
    },
};

use super::{
    BaseUrl,
    call::IamCall,
    wire::{
        Auth, AuthRequest, CatalogEndpoint, CatalogEntry, IdName, Identity, NameOrId,
        Scope as WireScope, ScopedProject, TokenAnswer, TokenUser, TokenView,
    },
};

/// Header with the token that an answer is about.
const SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// Issues a token for a password or for another token.
#[utoipa::path(post, path = "/v3/auth/tokens", tag = "IAM", security(()),
    params(("nocatalog" = Option<String>, Query, description = "Leave the catalog out")),
    request_body = AuthRequest,
    responses((status = 201, body = TokenAnswer, headers(("X-Subject-Token" = String))),
              (status = 401, description = "The user name, password or token is wrong")))]
pub(crate) async fn create_token(
    State(state): State<ApiState>,
    Extension(origin): Extension<Origin>,
    BaseUrl(base): BaseUrl,
    query: QueryText,
    actor: Option<Extension<ActorSlot>>,
    V3Body(body): V3Body<AuthRequest>,
) -> Result<Response, ApiError> {
    let auth = body.auth.ok_or_else(|| missing("auth"))?;
    let (issued, method) = login(&state, origin, auth).await?;
    if let Some(Extension(slot)) = actor {
        let user = &issued.session.user;
        let (user_id, user_name) = (user.id.clone(), user.name.clone());
        slot.fill(Actor { user_id, user_name, access_key: None });
    }
    let catalog = (!query.has("nocatalog")).then(|| catalog(&base, &issued.session));
    let roles = roles(&state, &issued.session).await?;
    let answer = TokenAnswer { token: view(issued.session, roles, method, catalog) };
    let mut value = HeaderValue::from_str(issued.token.expose_secret())
        .map_err(|e| ApiError::internal(format!("a token that is no header value: {e}")))?;
    value.set_sensitive(true);
    Ok((StatusCode::CREATED, [(SUBJECT_TOKEN, value)], Json(answer)).into_response())
}

/// What a token stands for.
#[utoipa::path(get, path = "/v3/auth/tokens", tag = "IAM",
    params(("X-Subject-Token" = String, Header, description = "The token asked about"),
           ("nocatalog" = Option<String>, Query, description = "Leave the catalog out")),
    responses((status = 200, body = TokenAnswer), (status = 404, description = "No such token")))]
pub(crate) async fn show_token(
    State(state): State<ApiState>,
    call: IamCall,
    query: QueryText,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let session = subject(&state, &call, &headers).await?;
    let catalog = (!query.has("nocatalog")).then(|| catalog(&call.base, &session));
    let roles = roles(&state, &session).await?;
    let answer = TokenAnswer { token: view(session, roles, "password", catalog) };
    let mut response = Json(answer).into_response();
    if let Some(value) = headers.get(&SUBJECT_TOKEN) {
        response.headers_mut().insert(SUBJECT_TOKEN, value.clone());
    }
    Ok(response)
}

/// Revokes a token.
#[utoipa::path(delete, path = "/v3/auth/tokens", tag = "IAM",
    params(("X-Subject-Token" = String, Header, description = "The token to revoke")),
    responses((status = 204), (status = 404, description = "No such token")))]
pub(crate) async fn revoke_token(
    State(state): State<ApiState>,
    call: IamCall,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    subject(&state, &call, &headers).await?;
    let token = token(&headers, SUBJECT_TOKEN.as_str())?;
    state.control.iam().revoke(&token).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The session of `X-Subject-Token`: the caller's own, or for administrators anybody's.
async fn subject(
    state: &ApiState,
    call: &IamCall,
    headers: &HeaderMap,
) -> Result<Session, ApiError> {
    if !headers.contains_key(&SUBJECT_TOKEN) {
        return Err(missing("X-Subject-Token"));
    }
    let token = token(headers, SUBJECT_TOKEN.as_str())?;
    let not_found =
        || ApiError::keystone(StatusCode::NOT_FOUND, Message::IamNotFound { what: "token".into() });
    match state.control.iam().validate_token(&token).await {
        Ok(session)
            if session.user.domain == *call.domain()
                && call.check_user(&session.user.id).is_ok() =>
        {
            Ok(session)
        }
        Ok(_) | Err(Refusal::LoginFailed) => Err(not_found()),
        Err(other) => Err(refused(other)),
    }
}

async fn login(
    state: &ApiState,
    origin: Origin,
    auth: Auth,
) -> Result<(IssuedToken, &'static str), ApiError> {
    let domain = scope_domain(auth.scope.as_ref());
    let scope = scope_wanted(auth.scope)?;
    let identity = auth.identity.ok_or_else(|| missing("auth.identity"))?;
    let [method] = identity.methods.as_slice() else {
        return Err(bad(Message::Invalid {
            field: "auth.identity.methods".into(),
            value: identity.methods.join(","),
            allowed: "exactly one of password, token".into(),
        }));
    };
    let iam = state.control.iam();
    let (issued, method) = match method.as_str() {
        "password" => {
            let (domain, user, password) = password_login(identity)?;
            iam.check_address(origin.address).map_err(refused)?;
            let issued = iam.login_password(&domain, &user, &password, scope).await;
            if matches!(issued, Err(Refusal::LoginFailed | Refusal::Locked { .. })) {
                iam.login_failed_from(origin.address);
            }
            (issued, "password")
        }
        "token" => {
            let id = identity.token.and_then(|t| t.id).filter(|id| !id.is_empty());
            let id = id.ok_or_else(|| missing("auth.identity.token.id"))?.into_secret();
            (iam.login_token(&id, scope).await, "token")
        }
        other => {
            return Err(bad(Message::Invalid {
                field: "auth.identity.methods[0]".into(),
                value: other.to_owned(),
                allowed: "password, token".into(),
            }));
        }
    };
    let issued = issued.map_err(refused)?;
    check_domain(&issued.session, domain)?;
    Ok((issued, method))
}

/// The domain that a scope names.
fn scope_domain(scope: Option<&WireScope>) -> Option<NameOrId> {
    let scope = scope?;
    scope.domain.clone().or_else(|| scope.project.as_ref()?.domain.clone())
}

/// A scope is always in the user's own domain; if it names another, the login is refused.
fn check_domain(session: &Session, named: Option<NameOrId>) -> Result<(), ApiError> {
    let Some(named) = named else { return Ok(()) };
    let own = &session.user.domain;
    let differs = named.id.is_some_and(|id| !id.is_empty() && id != own.id)
        || named.name.is_some_and(|name| !name.is_empty() && name != own.name);
    if differs {
        let message = Message::IamNotFound { what: "domain in auth.scope".into() };
        return Err(ApiError::keystone(StatusCode::UNAUTHORIZED, message));
    }
    Ok(())
}

fn password_login(identity: Identity) -> Result<(String, String, secrecy::SecretString), ApiError> {
    let user = identity.password.and_then(|p| p.user);
    let user = user.ok_or_else(|| missing("auth.identity.password.user"))?;
    let field = |name: &str| missing(&format!("auth.identity.password.user.{name}"));
    let name = user.name.filter(|n| !n.is_empty()).ok_or_else(|| field("name"))?;
    let password = user.password.ok_or_else(|| field("password"))?.into_secret();
    let domain = user.domain.and_then(|d| d.name).filter(|n| !n.is_empty());
    let domain = domain.ok_or_else(|| field("domain.name"))?;
    Ok((domain, name, password))
}

fn scope_wanted(scope: Option<WireScope>) -> Result<ScopeWanted, ApiError> {
    let Some(scope) = scope else { return Ok(ScopeWanted::Unscoped) };
    match (scope.project, scope.domain) {
        (Some(_), Some(_)) => Err(bad(Message::Invalid {
            field: "auth.scope".into(),
            value: "project and domain".into(),
            allowed: "one of project, domain".into(),
        })),
        (Some(project), None) => {
            if let Some(id) = project.id.filter(|id| !id.is_empty()) {
                return Ok(ScopeWanted::ProjectId(id));
            }
            let name = project.name.filter(|name| !name.is_empty());
            name.map(ScopeWanted::ProjectName)
                .ok_or_else(|| missing("auth.scope.project.id or auth.scope.project.name"))
        }
        (None, Some(NameOrId { .. })) => Ok(ScopeWanted::Domain),
        (None, None) => Ok(ScopeWanted::Unscoped),
    }
}

/// The roles that a session has.
async fn roles(state: &ApiState, session: &Session) -> Result<Vec<Role>, ApiError> {
    let project = match &session.scope {
        Scope::Project(project) => Some(project.id.as_str()),
        Scope::Domain => None,
    };
    state.control.iam().effective_roles(&session.user, project).await.map_err(refused)
}

fn view(
    session: Session,
    roles: Vec<Role>,
    method: &'static str,
    catalog: Option<Vec<CatalogEntry>>,
) -> TokenView {
    let domain = IdName { id: session.user.domain.id, name: session.user.domain.name };
    let (project, scoped_domain) = match session.scope {
        Scope::Project(p) => {
            (Some(ScopedProject { id: p.id, name: p.name, domain: domain.clone() }), None)
        }
        Scope::Domain => (None, Some(domain.clone())),
    };
    TokenView {
        expires_at: time::keystone(session.expires_ms),
        issued_at: time::keystone(session.issued_ms),
        methods: vec![method],
        user: TokenUser {
            id: session.user.id,
            name: session.user.name,
            domain,
            password_expires_at: "",
        },
        project,
        domain: scoped_domain,
        roles: roles.into_iter().map(|role| IdName { id: role.id, name: role.name }).collect(),
        catalog,
    }
}

fn catalog(base: &str, session: &Session) -> Vec<CatalogEntry> {
    let (region, drs) = match &session.scope {
        Scope::Project(p) => (p.name.clone(), format!("{base}/v5/{}", p.id)),
        Scope::Domain => ("*".to_owned(), format!("{base}/v5")),
    };
    let endpoint = |id, region: &str, url| CatalogEndpoint {
        id,
        interface: "public",
        region: region.to_owned(),
        region_id: region.to_owned(),
        url,
    };
    let iam = endpoint("iam-public", "*", format!("{base}/v3"));
    vec![
        CatalogEntry { id: "iam", name: "iam", r#type: "iam", endpoints: vec![iam] },
        CatalogEntry {
            id: "drs",
            name: "drs",
            r#type: "drs",
            endpoints: vec![endpoint("drs-public", &region, drs)],
        },
    ]
}

fn missing(field: &str) -> ApiError {
    bad(Message::Missing { field: field.to_owned() })
}

fn bad(message: Message) -> ApiError {
    ApiError::keystone(StatusCode::BAD_REQUEST, message)
}

fn refused(refusal: Refusal) -> ApiError {
    let status = match &refusal {
        Refusal::LoginFailed | Refusal::Locked { .. } => StatusCode::UNAUTHORIZED,
        // Keystone answers a scope that the user has no role in like a wrong password.
        Refusal::WrongProject => StatusCode::UNAUTHORIZED,
        _ => return ApiError::refused(Dialect::V3, refusal),
    };
    let message = match refusal {
        Refusal::Locked { .. } => Message::LoginLocked,
        Refusal::WrongProject => Message::IamNotFound { what: "project in auth.scope".into() },
        _ => Message::LoginRefused,
    };
    ApiError::keystone(status, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::json;

    fn scope(text: &str) -> Result<ScopeWanted, ApiError> {
        scope_wanted(Some(json::read(text.as_bytes()).expect("a scope")))
    }

    #[test]
    fn scopes_are_read_as_clients_send_them() {
        assert_eq!(
            scope(r#"{"project":{"id":"p"}}"#).expect("ok"),
            ScopeWanted::ProjectId("p".into())
        );
        assert_eq!(
            scope(r#"{"project":{"name":"r","domain":{"name":"d"}}}"#).expect("ok"),
            ScopeWanted::ProjectName("r".into())
        );
        assert_eq!(scope(r#"{"domain":{"name":"d"}}"#).expect("ok"), ScopeWanted::Domain);
        assert_eq!(scope("{}").expect("ok"), ScopeWanted::Unscoped);
        assert!(scope(r#"{"project":{}}"#).is_err());
        assert!(scope(r#"{"project":{"id":"p"},"domain":{}}"#).is_err());
    }
}
