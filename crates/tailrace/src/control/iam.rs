//! Users, projects, access keys and tokens.

use secrecy::SecretString;

use super::caller::{Caller, Language};
use super::refusal::Result;

/// A domain (account).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Id: 32 hexadecimal digits.
    pub id: String,
    /// Name.
    pub name: String,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Id: 32 hexadecimal digits.
    pub id: String,
    /// Domain.
    pub domain_id: String,
    /// Name; DRS clients take it for the region.
    pub name: String,
}

/// A user, without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Id: 32 hexadecimal digits.
    pub id: String,
    /// Name, unique in the domain.
    pub name: String,
    /// Domain.
    pub domain: Domain,
}

/// What a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One project.
    Project(Project),
    /// The domain.
    Domain,
}

/// How a client names the scope of a token it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeWanted {
    /// By id.
    ProjectId(String),
    /// By name, in the user's domain.
    ProjectName(String),
    /// The user's domain.
    Domain,
    /// Not said: the domain.
    Unscoped,
}

/// An identity that proved itself by a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// User.
    pub user: User,
    /// Scope.
    pub scope: Scope,
    /// Issued, milliseconds of the Unix epoch.
    pub issued_ms: i64,
    /// Expires, milliseconds of the Unix epoch.
    pub expires_ms: i64,
}

/// A token that was just issued. Its text is nowhere else.
#[derive(Debug)]
pub struct IssuedToken {
    /// Text for `X-Subject-Token`.
    pub token: SecretString,
    /// What it stands for.
    pub session: Session,
}

/// An access key with the secret that verifies signatures.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// AK.
    pub ak: String,
    /// SK.
    pub secret: SecretString,
    /// Its user.
    pub user: User,
}

/// Users, projects, access keys and tokens.
#[derive(Debug)]
pub struct Iam {}

#[allow(unused_variables, clippy::unused_async, clippy::todo, reason = "signatures first")]
impl Iam {
    /// Issues a token for a name and password.
    pub async fn login_password(
        &self,
        domain_name: &str,
        user_name: &str,
        password: &SecretString,
        scope: ScopeWanted,
    ) -> Result<IssuedToken> {
        todo!()
    }
    /// Issues a token for another token; it expires when that one does.
    pub async fn login_token(
        &self,
        token: &SecretString,
        scope: ScopeWanted,
    ) -> Result<IssuedToken> {
        todo!()
    }
    /// What a token stands for; `LoginFailed` if it is unknown, expired or revoked.
    pub async fn validate_token(&self, token: &SecretString) -> Result<Session> {
        todo!()
    }
    /// Revokes a token.
    pub async fn revoke(&self, token: &SecretString) -> Result<()> {
        todo!()
    }
    /// The key of an AK, to verify a signature with. `LoginFailed` if there is none, `Locked` after
    /// too many wrong signatures.
    pub async fn access_key(&self, ak: &str) -> Result<AccessKey> {
        todo!()
    }
    /// A signature with this AK was wrong.
    pub fn signature_failed(&self, ak: &str) {
        todo!()
    }
    /// A signature with this AK was right.
    pub fn signature_verified(&self, ak: &str) {
        todo!()
    }
    /// The caller a user is in a project. `WrongProject` if the project is not of the user's domain.
    pub async fn caller(
        &self,
        user: &User,
        project_id: &str,
        language: Language,
    ) -> Result<Caller> {
        todo!()
    }
    /// Projects of a domain, all or of one name.
    pub async fn projects(&self, domain_id: &str, name: Option<&str>) -> Result<Vec<Project>> {
        todo!()
    }
    /// The domain a user is in, as a list of one.
    pub async fn domains(&self, domain_id: &str) -> Result<Vec<Domain>> {
        todo!()
    }
    /// Users of a domain, all or of one name.
    pub async fn users(&self, domain_id: &str, name: Option<&str>) -> Result<Vec<User>> {
        todo!()
    }
}
