//! Error answers: status, code and text, in the form of the service that the caller talks to.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::control::Language;

use super::message::Message;

/// Whose error body it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// DRS: `{"error_code","error_msg"}`.
    Drs,
    /// The gateway in front of it: DRS's, and `request_id`.
    Gateway,
    /// IAM: `{"error":{"code","message","title"}}`.
    Keystone,
}

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// DRS or gateway code; not used in Keystone's form.
    pub code: &'static str,
    /// Text.
    pub message: Message,
    /// Form of the body.
    pub form: Form,
    /// Members beside the error's own: `count` and `results` of a batch.
    pub members: Map<String, Value>,
}

/// `error_code` and `error_msg`, as a body or as part of a batch item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct ErrorBody {
    /// Code.
    pub error_code: String,
    /// Text in the caller's language.
    pub error_msg: String,
}

/// Which generation of the DRS API speaks: the same fault has different codes in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `/v3/{project_id}/jobs/…`
    V3,
    /// `/v5/…` and `/v5.1/…`
    V5,
}

impl ApiError {
    /// A DRS error.
    pub(crate) fn drs(status: StatusCode, code: &'static str, message: Message) -> Self {
        Self { status, code, message, form: Form::Drs, members: Map::new() }
    }

    /// A refusal of the gateway.
    pub(crate) fn gateway(status: StatusCode, code: &'static str, message: Message) -> Self {
        Self { form: Form::Gateway, ..Self::drs(status, code, message) }
    }

    /// An IAM error.
    pub(crate) fn keystone(status: StatusCode, message: Message) -> Self {
        Self { form: Form::Keystone, ..Self::drs(status, "", message) }
    }

    /// 401 in the gateway's words.
    pub(crate) fn unauthenticated(detail: impl Into<String>) -> Self {
        let message = Message::Unauthenticated { detail: detail.into() };
        Self::gateway(StatusCode::UNAUTHORIZED, "APIGW.0301", message)
    }

    /// A fault of ours. The cause goes to the log, never to the caller.
    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(cause = %cause, "request failed");
        Self::drs(StatusCode::INTERNAL_SERVER_ERROR, "DRS.M00004", Message::Internal)
    }

    /// A fault of the request itself.
    pub(crate) fn bad_request(dialect: Dialect, message: Message) -> Self {
        let code = match (dialect, &message) {
            (Dialect::V5, _) => "DRS.10000009",
            (Dialect::V3, Message::Missing { .. }) => "DRS.M00201",
            (Dialect::V3, Message::Duplicate { .. }) => "DRS.M00301",
            (Dialect::V3, Message::Malformed { .. }) => "DRS.M00300",
            (Dialect::V3, _) => "DRS.M00202",
        };
        Self::drs(StatusCode::BAD_REQUEST, code, message)
    }

    /// The error's code and text.
    pub(crate) fn body(&self, language: Language) -> ErrorBody {
        ErrorBody { error_code: self.code.to_owned(), error_msg: self.message.text(language) }
    }

    /// The whole answer.
    pub(crate) fn render(&self, language: Language, request_id: &str) -> Response {
        let text = self.message.text(language);
        let mut body = match self.form {
            Form::Drs => json!({"error_code": self.code, "error_msg": text}),
            Form::Gateway => {
                json!({"error_code": self.code, "error_msg": text, "request_id": request_id})
            }
            Form::Keystone => json!({"error": {
                "code": self.status.as_u16(),
                "message": text,
                "title": self.status.canonical_reason().unwrap_or("Error"),
            }}),
        };
        if let Some(object) = body.as_object_mut() {
            object.extend(self.members.clone());
        }
        (self.status, axum::Json(body)).into_response()
    }
}

/// Language and request id are not known here: the error travels with the response, and
/// [`super::answer`] renders it.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn body(error: &ApiError) -> Value {
        let response = error.render(Language::English, "r-1");
        assert_eq!(response.status(), error.status);
        let bytes = axum::body::to_bytes(response.into_body(), 4096).await.expect("a body");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    #[tokio::test]
    async fn each_service_has_its_own_form() {
        let drs = ApiError::bad_request(Dialect::V5, Message::Missing { field: "job".into() });
        assert_eq!(
            body(&drs).await,
            json!({"error_code": "DRS.10000009", "error_msg": "The parameter job is empty."})
        );
        let gateway = body(&ApiError::unauthenticated("x-auth-token not found")).await;
        assert_eq!(gateway["error_code"], "APIGW.0301");
        assert_eq!(gateway["request_id"], "r-1");
        let keystone = ApiError::keystone(StatusCode::UNAUTHORIZED, Message::LoginRefused);
        assert_eq!(
            body(&keystone).await,
            json!({"error": {"code": 401, "message": "The username or password is wrong.",
                             "title": "Unauthorized"}})
        );
    }
}
