//! The schema registry beside a Kafka target: an extension, DRS has no member for it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::kept::non_empty;
use super::secret_text::SecretText;
use crate::control::endpoint::{EndpointSecrets, RegistrySettings};

/// A schema registry, as a client sends it.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
pub(crate) struct SchemaRegistryInput {
    /// Address with the path where Confluent's interface begins: `https://registry:8081`.
    pub url: Option<String>,
    /// User; without one the password is a bearer token.
    pub user: Option<String>,
    /// Password or token.
    pub registry_password: Option<SecretText>,
    /// CA certificates that are trusted, PEM or base64 of it; the system's by default.
    pub ca: Option<String>,
}

/// A schema registry, as it is answered: no password.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SchemaRegistryView {
    /// Address.
    pub url: String,
    /// User.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// CA certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
}

impl SchemaRegistryInput {
    /// The settings in control's form, none without an address; the password goes to `secrets`.
    pub(crate) fn into_control(self, secrets: &mut EndpointSecrets) -> Option<RegistrySettings> {
        let url = non_empty(self.url)?;
        secrets.registry_password = self.registry_password.and_then(SecretText::given);
        Some(RegistrySettings { url, user: non_empty(self.user), ca: non_empty(self.ca) })
    }
}

impl SchemaRegistryView {
    /// The settings as they are answered.
    pub(crate) fn of(registry: &RegistrySettings) -> Self {
        let RegistrySettings { url, user, ca } = registry.clone();
        Self { url, user, ca }
    }
}
