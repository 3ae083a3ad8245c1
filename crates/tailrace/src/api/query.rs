//! Query parameters: repeated keys as DRS's clients send them, and errors that name parameter, value
//! and what is allowed.

use std::ops::RangeInclusive;

use axum::{extract::FromRequestParts, http::request::Parts};

use crate::control::{Refusal, Result, job::Page};

use super::{
    auth::percent_decode,
    error::{ApiError, Dialect},
    message::Message,
};

/// The decoded query of a request.
#[derive(Debug, Default)]
pub(crate) struct QueryText {
    pairs: Vec<(String, String)>,
}

impl QueryText {
    /// Decodes a query.
    pub(crate) fn parse(query: &str) -> Result<Self, Message> {
        let decode = |text: &str| {
            String::from_utf8(percent_decode(text.as_bytes())).map_err(|_| Message::Malformed {
                field: String::new(),
                detail: "the query is not UTF-8".into(),
            })
        };
        let pairs = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode(name)?, decode(value)?))
            })
            .collect::<Result<_, Message>>()?;
        Ok(Self { pairs })
    }

    /// Whether the parameter is there, with or without a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(key, _)| key == name)
    }

    /// The first non-empty value of a parameter.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, value)| key == name && !value.is_empty()).map(|p| &*p.1)
    }

    /// The value of a mandatory parameter.
    pub(crate) fn required(&self, name: &str) -> Result<&str> {
        self.text(name).ok_or_else(|| Refusal::Missing { field: name.to_owned() })
    }

    /// All non-empty values of a parameter that may be repeated.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        self.pairs
            .iter()
            .filter(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.clone())
            .collect()
    }

    /// An integer.
    pub(crate) fn integer(
        &self,
        name: &str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Result<u64> {
        let Some(text) = self.text(name) else { return Ok(default) };
        text.parse().ok().filter(|n| range.contains(n)).ok_or_else(|| {
            let allowed = if *range.end() == u64::MAX {
                format!("an integer from {}", range.start())
            } else {
                format!("an integer in {}..={}", range.start(), range.end())
            };
            Refusal::invalid(name, text, allowed)
        })
    }

    /// A boolean.
    pub(crate) fn boolean(&self, name: &str, default: bool) -> Result<bool> {
        match self.text(name) {
            None => Ok(default),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(text) => Err(Refusal::invalid(name, text, "true or false")),
        }
    }

    /// `offset` and `limit`.
    pub(crate) fn page(&self) -> Result<Page> {
        Ok(Page {
            offset: self.integer("offset", 0, 0..=u64::MAX)?,
            limit: self.integer("limit", 10, 1..=Page::LIMIT_MAX)?,
        })
    }
}

impl<S: Sync> FromRequestParts<S> for QueryText {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::parse(parts.uri.query().unwrap_or(""))
            .map_err(|message| ApiError::bad_request(Dialect::V5, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_empty_ones_are_absent() {
        let q = QueryText::parse("a=1&b=x%20y&a=2&c=&d&e=%C3%BC").expect("a query");
        assert_eq!(q.text("a"), Some("1"));
        assert_eq!(q.all("a"), ["1", "2"]);
        assert_eq!(q.text("b"), Some("x y"));
        assert_eq!(q.text("c"), None);
        assert!(q.has("c") && q.has("d") && !q.has("z"));
        assert_eq!(q.text("e"), Some("ü"));
        assert!(QueryText::parse("a=%ff").is_err());
    }

    #[test]
    fn wrong_values_name_parameter_and_range() {
        let q = QueryText::parse("limit=0&offset=-1&b=yes&n=5").expect("a query");
        assert_eq!(
            q.integer("limit", 10, 1..=1000),
            Err(Refusal::invalid("limit", "0", "an integer in 1..=1000"))
        );
        assert_eq!(
            q.integer("offset", 0, 0..=u64::MAX),
            Err(Refusal::invalid("offset", "-1", "an integer from 0"))
        );
        assert_eq!(q.boolean("b", true), Err(Refusal::invalid("b", "yes", "true or false")));
        assert_eq!(q.integer("n", 0, 1..=9), Ok(5));
        assert_eq!(q.required("m"), Err(Refusal::Missing { field: "m".into() }));
    }
}
