//! The OpenAPI document, generated from the handlers.

use std::sync::Arc;

use axum::{
    Extension,
    http::header,
    response::{IntoResponse, Response},
};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme},
};

/// Head of the document; paths and schemas come from the router.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tailrace",
        description = "The DRS API as Tailrace offers it. Where it departs from DRS: docs/api-quirks.md.",
    ),
    modifiers(&Security),
)]
pub(crate) struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let key = |name: &str, text: &str| {
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, text)))
        };
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(
            "signature",
            key("Authorization", "SDK-HMAC-SHA256 signature with an access key"),
        );
        components
            .add_security_scheme("token", key("X-Auth-Token", "Token of POST /v3/auth/tokens"));
        let none: [&str; 0] = [];
        document.security = Some(vec![
            SecurityRequirement::new("signature", none),
            SecurityRequirement::new("token", none),
        ]);
    }
}

/// The document as it is served.
#[derive(Clone)]
pub(crate) struct DocumentText(pub Arc<str>);

/// The OpenAPI document.
#[utoipa::path(get, path = "/openapi.json", tag = "server", security(()),
    responses((status = 200, description = "OpenAPI", content_type = "application/json")))]
pub(crate) async fn show_document(Extension(text): Extension<DocumentText>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text.0.to_string()).into_response()
}
