//! Bodies of the IAM operations (Keystone v3, as far as DRS clients use it).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::secret_text::SecretText;

/// Body of `POST /v3/auth/tokens`.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct AuthRequest {
    /// Who and for what.
    pub auth: Option<Auth>,
}

/// Identity and scope.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct Auth {
    /// Who.
    pub identity: Option<Identity>,
    /// For what; absent is the user's domain.
    pub scope: Option<Scope>,
}

/// Proof of identity.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct Identity {
    /// `["password"]` or `["token"]`.
    #[serde(default)]
    pub methods: Vec<String>,
    /// For method `password`.
    pub password: Option<PasswordMethod>,
    /// For method `token`.
    pub token: Option<TokenMethod>,
}

/// Method `password`.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct PasswordMethod {
    /// The account.
    pub user: Option<UserLogin>,
}

/// Name and password.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct UserLogin {
    /// User name.
    pub name: Option<String>,
    /// Password.
    pub password: Option<SecretText>,
    /// Domain of the user.
    pub domain: Option<NameOrId>,
}

/// Method `token`.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct TokenMethod {
    /// A valid token.
    pub id: Option<SecretText>,
}

/// What the token is for: one of the two.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct Scope {
    /// A project.
    pub project: Option<ProjectRef>,
    /// A domain.
    pub domain: Option<NameOrId>,
}

/// A project by name or id.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct ProjectRef {
    /// Id.
    pub id: Option<String>,
    /// Name; the region's name in Huawei Cloud.
    pub name: Option<String>,
    /// Its domain.
    pub domain: Option<NameOrId>,
}

/// A domain by name or id.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
pub(crate) struct NameOrId {
    /// Id.
    pub id: Option<String>,
    /// Name.
    pub name: Option<String>,
}

/// Answer of the token operations.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenAnswer {
    /// The token's data; the token itself is in header `X-Subject-Token`.
    pub token: TokenView,
}

/// What a token is good for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenView {
    /// End of validity, `2026-11-25T02:00:00.000000Z`.
    pub expires_at: String,
    /// Begin of validity.
    pub issued_at: String,
    /// How it was obtained.
    pub methods: Vec<&'static str>,
    /// Whose it is.
    pub user: TokenUser,
    /// Project it is scoped to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<ScopedProject>,
    /// Domain it is scoped to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<IdName>,
    /// Roles.
    pub roles: Vec<IdName>,
    /// Services; absent with `?nocatalog`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalog: Option<Vec<CatalogEntry>>,
}

/// User of a token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenUser {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Domain.
    pub domain: IdName,
    /// Always empty: passwords do not expire.
    pub password_expires_at: &'static str,
}

/// Project of a token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScopedProject {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Domain.
    pub domain: IdName,
}

/// Id and name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct IdName {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
}

/// One service of the catalog.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogEntry {
    /// Id.
    pub id: &'static str,
    /// Name.
    pub name: &'static str,
    /// Type.
    pub r#type: &'static str,
    /// Where it is.
    pub endpoints: Vec<CatalogEndpoint>,
}

/// An address of a service.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogEndpoint {
    /// Id.
    pub id: &'static str,
    /// `public`.
    pub interface: &'static str,
    /// Region.
    pub region: String,
    /// Region.
    pub region_id: String,
    /// Address.
    pub url: String,
}

/// Links of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListLinks {
    /// The list itself.
    #[serde(rename = "self")]
    pub this: String,
    /// Always null: lists are not paged.
    pub next: Option<String>,
    /// Always null.
    pub previous: Option<String>,
}

/// Link of an object.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SelfLink {
    /// The object itself.
    #[serde(rename = "self")]
    pub this: String,
}

/// Answer of `GET /v3/auth/domains`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DomainList {
    /// Domains.
    pub domains: Vec<DomainView>,
    /// Links.
    pub links: ListLinks,
}

/// A domain.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DomainView {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Always true.
    pub enabled: bool,
    /// Always empty.
    pub description: &'static str,
    /// Links.
    pub links: SelfLink,
}
