//! `GET /`: which version of IAM this is. The Terraform provider asks before it logs in.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::BaseUrl;

/// Answer of `GET /`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionList {
    /// Versions.
    pub versions: VersionValues,
}

/// List of versions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionValues {
    /// Versions.
    pub values: Vec<Version>,
}

/// A version.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Version {
    /// `v3.14`
    pub id: &'static str,
    /// `stable`
    pub status: &'static str,
    /// When it was made.
    pub updated: &'static str,
    /// Where it is.
    pub links: Vec<VersionLink>,
}

/// A link.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionLink {
    /// `self`
    pub rel: &'static str,
    /// Address, ending in `/v3/`.
    pub href: String,
}

/// Versions of the IAM API.
#[utoipa::path(get, path = "/", tag = "IAM", security(()), responses((status = 200, body = VersionList)))]
pub(crate) async fn list_versions(BaseUrl(base): BaseUrl) -> Json<VersionList> {
    let version = Version {
        id: "v3.14",
        status: "stable",
        updated: "2020-04-07T00:00:00Z",
        links: vec![VersionLink { rel: "self", href: format!("{base}/v3/") }],
    };
    Json(VersionList { versions: VersionValues { values: vec![version] } })
}
