//! Domains, projects, users, access keys, tokens.

use super::StoreFuture;
use crate::control::iam::{Domain, Project, User};

/// A user with what proves the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// User.
    pub user: User,
    /// PHC string of the password's hash.
    pub password_hash: String,
    /// May log in.
    pub enabled: bool,
    /// Who it is.
    pub description: String,
    /// Made, milliseconds of the Unix epoch.
    pub created_ms: i64,
}

/// An access key as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKeyRow {
    /// AK.
    pub ak: String,
    /// Sealed SK.
    pub sealed: Vec<u8>,
    /// Its user.
    pub user: User,
    /// Key and user may be used.
    pub enabled: bool,
}

/// A token as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// SHA-256 of the token's text.
    pub hash: [u8; 32],
    /// User.
    pub user_id: String,
    /// Project; `None` is the domain.
    pub project_id: Option<String>,
    /// Issued.
    pub issued_ms: i64,
    /// Expires.
    pub expires_ms: i64,
}

/// What an empty store begins with.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// Domain.
    pub domain: Domain,
    /// Its project.
    pub project: Project,
    /// Its administrator.
    pub user: UserRow,
    /// Ids of the roles that the administrator has in the domain.
    pub roles: Vec<String>,
    /// The administrator's access key.
    pub ak: String,
    /// Its sealed SK.
    pub sealed: Vec<u8>,
    /// Now.
    pub at_ms: i64,
}

/// Users and what belongs to them.
pub trait IamStore {
    /// Whether there is any domain.
    fn has_domain(&self) -> StoreFuture<'_, bool>;

    /// Fills an empty store; `false`, and nothing done, if there is a domain already.
    fn bootstrap<'a>(&'a self, with: &'a Bootstrap) -> StoreFuture<'a, bool>;

    /// A domain.
    fn domain<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<Domain>>;

    /// A project.
    fn project<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<Project>>;

    /// Projects of a domain by name, all or the one of this name.
    fn projects<'a>(
        &'a self,
        domain_id: &'a str,
        name: Option<&'a str>,
    ) -> StoreFuture<'a, Vec<Project>>;

    /// A user by names.
    fn user_by_name<'a>(
        &'a self,
        domain: &'a str,
        name: &'a str,
    ) -> StoreFuture<'a, Option<UserRow>>;

    /// A user.
    fn user<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<UserRow>>;

    /// Users of a domain by name, all or the one of this name.
    fn users<'a>(
        &'a self,
        domain_id: &'a str,
        name: Option<&'a str>,
    ) -> StoreFuture<'a, Vec<UserRow>>;

    /// An access key.
    fn access_key<'a>(&'a self, ak: &'a str) -> StoreFuture<'a, Option<AccessKeyRow>>;

    /// Stores a token and removes those that expired before it was issued.
    fn add_token<'a>(&'a self, token: &'a TokenRow) -> StoreFuture<'a, ()>;

    /// A token by its hash.
    fn token<'a>(&'a self, hash: &'a [u8; 32]) -> StoreFuture<'a, Option<TokenRow>>;

    /// Removes a token.
    fn remove_token<'a>(&'a self, hash: &'a [u8; 32]) -> StoreFuture<'a, ()>;
}
