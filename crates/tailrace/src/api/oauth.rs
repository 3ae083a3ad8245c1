//! Where the tokens of a login at Kafka come from: an extension, DRS has no member for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::kept::non_empty;
use crate::control::kafka_login::OAuthSettings;

/// An OAuth 2.0 server, as a client sends it. `db_user` and `db_password` are the client's id and secret there.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct OAuthInput {
    /// Where tokens are asked for with the grant of client credentials: `https://login:8443/token`.
    pub token_endpoint_url: String,
    /// Scope that is asked for; the server's default by default.
    pub scope: Option<String>,
    /// SASL extensions that the brokers want beside the token, such as `logicalCluster`.
    pub extensions: BTreeMap<String, String>,
    /// CA certificates that are trusted, PEM or base64 of it; the system's by default.
    pub ca: Option<String>,
}

/// The same as it is answered.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct OAuthView {
    /// Where tokens are asked for.
    pub token_endpoint_url: String,
    /// Scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// SASL extensions.
    pub extensions: BTreeMap<String, String>,
    /// CA certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
}

impl OAuthInput {
    /// The settings in control's form.
    pub(crate) fn into_control(self) -> OAuthSettings {
        OAuthSettings {
            token_endpoint_url: self.token_endpoint_url,
            scope: non_empty(self.scope),
            extensions: self.extensions,
            ca: non_empty(self.ca),
        }
    }
}

impl OAuthView {
    /// The settings as they are answered.
    pub(crate) fn of(settings: &OAuthSettings) -> Self {
        let OAuthSettings { token_endpoint_url, scope, extensions, ca } = settings.clone();
        Self { token_endpoint_url, scope, extensions, ca }
    }
}
