//! The caller's domain. The Terraform provider asks for it.

use axum::Json;

use crate::api::error::ApiError;

use super::{
    call::{IamCall, refused},
    wire::{DomainList, DomainView},
};

/// The caller's domain.
#[utoipa::path(get, path = "/v3/auth/domains", tag = "IAM",
    responses((status = 200, body = DomainList)))]
pub(crate) async fn list_domains(call: IamCall) -> Result<Json<DomainList>, ApiError> {
    let domains = call.iam().domains(&call.domain().id).await.map_err(refused)?;
    let domains = domains
        .into_iter()
        .map(|domain| DomainView {
            links: call.link("/v3/domains", &domain.id),
            id: domain.id,
            name: domain.name,
            enabled: true,
            description: "",
        })
        .collect();
    Ok(Json(DomainList { domains, links: call.links("/v3/auth/domains") }))
}
