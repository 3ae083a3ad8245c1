//! IAM: tokens, projects, and users with what they may.

pub(crate) mod call;
pub(crate) mod domains;
pub(crate) mod grants;
pub(crate) mod groups;
pub(crate) mod keys;
pub(crate) mod projects;
pub(crate) mod roles;
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod versions;
pub(crate) mod wire;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};

use super::{auth::Principal, error::ApiError};

/// Address of this server as the client knows it, for links.
pub(crate) struct BaseUrl(pub String);

impl<S: Sync> FromRequestParts<S> for BaseUrl {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let authority = parts.uri.authority().map(|a| a.as_str().to_owned());
        Ok(Self(base_url(&parts.headers, authority)))
    }
}

fn base_url(headers: &HeaderMap, authority: Option<String>) -> String {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim);
    let host = text(header::HOST.as_str()).map(str::to_owned).or(authority);
    let scheme = match text("x-forwarded-proto") {
        Some("https") => "https",
        _ => "http",
    };
    format!("{scheme}://{}", host.unwrap_or_else(|| "localhost".into()))
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| ApiError::internal("an IAM route without authentication"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_name_the_server_as_the_client_does() {
        let mut headers = HeaderMap::new();
        assert_eq!(base_url(&headers, None), "http://localhost");
        assert_eq!(base_url(&headers, Some("a:1".into())), "http://a:1");
        headers.insert(header::HOST, "b:2".parse().expect("a header value"));
        assert_eq!(base_url(&headers, None), "http://b:2");
        headers.insert("x-forwarded-proto", "https".parse().expect("a header value"));
        assert_eq!(base_url(&headers, None), "https://b:2");
    }
}
