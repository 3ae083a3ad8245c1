//! A secret in a request body: it can be read from JSON and never written back.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

/// Secret text of a request.
#[derive(Clone)]
pub(crate) struct SecretText(SecretString);

impl SecretText {
    /// Whether it is the empty text, which clients send for "none".
    pub(crate) fn is_empty(&self) -> bool {
        self.0.expose_secret().is_empty()
    }

    /// The secret, none for the empty text.
    pub(crate) fn given(self) -> Option<SecretString> {
        if self.is_empty() { None } else { Some(self.0) }
    }

    /// The secret.
    pub(crate) fn into_secret(self) -> SecretString {
        self.0
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(SecretString::from(text)))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl utoipa::PartialSchema for SecretText {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(
                utoipa::openapi::KnownFormat::Password,
            )))
            .write_only(true)
            .into()
    }
}

impl utoipa::ToSchema for SecretText {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_it() {
        let secret: SecretText = serde_json::from_str("\"hunter2\"").expect("a string");
        assert_eq!(format!("{secret:?}"), "***");
        assert!(!secret.is_empty());
        assert_eq!(secret.into_secret().expose_secret(), "hunter2");
    }
}
