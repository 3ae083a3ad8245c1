//! A number that DRS declares as text and shows as an integer in its own examples: both are taken.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

/// Text, or an integer as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextOrInteger(pub String);

impl<'de> Deserialize<'de> for TextOrInteger {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = TextOrInteger;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an integer")
            }

            fn visit_str<E: Error>(self, v: &str) -> Result<TextOrInteger, E> {
                Ok(TextOrInteger(v.to_owned()))
            }

            fn visit_i64<E: Error>(self, v: i64) -> Result<TextOrInteger, E> {
                Ok(TextOrInteger(v.to_string()))
            }

            fn visit_u64<E: Error>(self, v: u64) -> Result<TextOrInteger, E> {
                Ok(TextOrInteger(v.to_string()))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl utoipa::PartialSchema for TextOrInteger {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .into()
    }
}

impl utoipa::ToSchema for TextOrInteger {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_integers_are_taken_and_nothing_else() {
        let read = |text: &str| serde_json::from_str::<TextOrInteger>(text).map(|v| v.0);
        assert_eq!(read("\"14\"").expect("text"), "14");
        assert_eq!(read("14").expect("an integer"), "14");
        assert_eq!(read("-1").expect("an integer"), "-1");
        for wrong in ["1.5", "true", "[]", "{}"] {
            let error = read(wrong).expect_err("neither text nor an integer").to_string();
            assert!(error.contains("a string or an integer"), "{error}");
        }
    }
}
