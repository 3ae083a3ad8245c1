//! What a MySQL source's TLS needs beside DRS's members: an extension.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::secret_text::SecretText;
use crate::control::endpoint::EndpointSecrets;

/// Certificate of the client and check of the server's name, as a client sends them.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
pub(crate) struct SslClientInput {
    /// The name that was dialled must be one of the server's certificate; off by default, as with DRS.
    pub verify_host: Option<bool>,
    /// Certificate chain and private key that the server asks for: PEM, or base64 of a PEM, JKS or PKCS#12 file.
    pub key_store_key: Option<SecretText>,
    /// Password of a store.
    pub key_store_password: Option<SecretText>,
    /// Password of the key in it, if it is another.
    pub key_password: Option<SecretText>,
}

/// The same as it is answered: no key.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SslClientView {
    /// The server's name is checked.
    pub verify_host: bool,
}

impl SslClientInput {
    /// Whether the server's name is checked; what is secret goes to `secrets`.
    pub(crate) fn into_control(self, secrets: &mut EndpointSecrets) -> bool {
        let given = |text: Option<SecretText>| text.and_then(SecretText::given);
        secrets.key_store = given(self.key_store_key);
        secrets.key_store_password = given(self.key_store_password);
        secrets.key_password = given(self.key_password);
        self.verify_host.unwrap_or(false)
    }
}

impl SslClientView {
    /// Shown where it differs from DRS's way.
    pub(crate) fn of(verify_host: bool) -> Option<Self> {
        verify_host.then_some(Self { verify_host })
    }
}
