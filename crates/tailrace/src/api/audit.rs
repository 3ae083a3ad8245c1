//! Writes the audit log: an entry for every call that changes something or wants to, however it ends.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};

use crate::audit::{AuditEntry, bounded};

use super::{
    answer::RequestId,
    auth::Gate,
    error::{ApiError, Form},
    origin::Origin,
    permission::is_write,
    time,
};

/// Who is calling; known once the request is authenticated.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    /// User.
    pub user_id: String,
    /// Name of the user.
    pub user_name: String,
    /// Access key that signed.
    pub access_key: Option<String>,
}

/// Where [`super::auth::authenticate`] and the login leave who is calling.
#[derive(Debug, Clone, Default)]
pub(crate) struct ActorSlot(Arc<OnceLock<Actor>>);

impl ActorSlot {
    /// Says who is calling; only the first word counts.
    pub(crate) fn fill(&self, actor: Actor) {
        self.0.get_or_init(|| actor);
    }
}

/// Address of the client, if the server was told.
pub(crate) fn address(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<Origin>().and_then(|origin| origin.address)
}

/// Lets a request pass and writes an entry if it was to change something.
pub(crate) async fn record(
    State(Gate { state, permissions, .. }): State<Gate>,
    route: MatchedPath,
    mut request: Request,
    next: Next,
) -> Response {
    let operation = permissions.of_route(request.method(), route.as_str()).map(|(name, _)| name);
    let (Some(audit), Some(operation)) = (state.audit.clone(), operation) else {
        return next.run(request).await;
    };
    if !is_write(request.method(), operation) {
        return next.run(request).await;
    }
    let slot = ActorSlot::default();
    request.extensions_mut().insert(slot.clone());
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    let method = request.method().to_string();
    let path = bounded(request.uri().path());
    let address = address(&request).map(|address| address.to_string());
    let response = next.run(request).await;
    let actor = slot.0.get().cloned();
    let error = response.extensions().get::<ApiError>();
    let entry = AuditEntry {
        at: time::keystone(state.clock.now_ms()),
        request_id: request_id.unwrap_or_default(),
        user_id: actor.as_ref().map(|actor| actor.user_id.clone()),
        user_name: actor.as_ref().map(|actor| actor.user_name.clone()),
        access_key: actor.and_then(|actor| actor.access_key),
        address,
        operation: operation.to_owned(),
        method,
        path,
        status: response.status().as_u16(),
        // Keystone's errors have no code of their own.
        code: error.filter(|e| e.form != Form::Keystone).map(|error| error.code.to_owned()),
    };
    let written = tokio::task::spawn_blocking(move || audit.append(&entry)).await;
    match written.map_err(std::io::Error::other).flatten() {
        Ok(()) => {}
        // What was done is done; that the log lacks it must be seen.
        Err(error) => tracing::error!(%error, operation, "the audit log cannot be written"),
    }
    response
}
