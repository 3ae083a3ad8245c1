//! Tokens: issued for a password or another token, checked, revoked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRng as _;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Iam, IssuedToken, Scope, ScopeWanted, Session, User};
use crate::control::inner::locked;
use crate::control::refusal::{Refusal, Result};
use crate::store::TokenRow;

/// How long a token holds, milliseconds.
const TOKEN_AGE_MS_MAX: i64 = 24 * 3600 * 1000;
/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;

fn hash(token: &SecretString) -> [u8; 32] {
    Sha256::digest(token.expose_secret().as_bytes()).into()
}

impl Iam {
    /// Issues a token for a name and password.
    ///
    /// # Errors
    /// [`Refusal::LoginFailed`], [`Refusal::Locked`] after too many failures,
    /// [`Refusal::WrongProject`] for a scope that is not the user's.
    pub async fn login_password(
        &self,
        domain_name: &str,
        user_name: &str,
        password: &SecretString,
        scope: ScopeWanted,
    ) -> Result<IssuedToken> {
        let key = super::user_key(domain_name, user_name);
        self.check_lock(&key)?;
        let row = self.store.user_by_name(domain_name, user_name).await?;
        let known = row.as_ref().map(|row| row.password_hash.clone());
        // Attempts that waited for room must see the failures of those before them.
        let right = self.passwords.check(password, known, || self.check_lock(&key)).await?;
        let user = row.filter(|row| right && row.enabled).map(|row| row.user);
        let Some(user) = user else {
            locked(&self.lockout).failed(&key, self.clock.now_ms());
            tracing::warn!(domain_name, user_name, "login failed");
            return Err(Refusal::LoginFailed);
        };
        locked(&self.lockout).succeeded(&key);
        let scope = self.scope(&user, scope).await?;
        let now_ms = self.clock.now_ms();
        self.issue(user, scope, now_ms, now_ms + TOKEN_AGE_MS_MAX).await
    }

    /// Issues a token for another token; it expires when that one does.
    ///
    /// # Errors
    /// [`Refusal::LoginFailed`] for a token that does not hold, [`Refusal::WrongProject`] for a scope
    /// that is not the user's.
    pub async fn login_token(
        &self,
        token: &SecretString,
        scope: ScopeWanted,
    ) -> Result<IssuedToken> {
        let session = self.validate_token(token).await?;
        let scope = self.scope(&session.user, scope).await?;
        self.issue(session.user, scope, self.clock.now_ms(), session.expires_ms).await
    }

    /// What a token stands for.
    ///
    /// # Errors
    /// [`Refusal::LoginFailed`] if it is unknown, expired or revoked, or its user is disabled.
    pub async fn validate_token(&self, token: &SecretString) -> Result<Session> {
        let row = self.store.token(&hash(token)).await?;
        let row = row.filter(|row| row.expires_ms > self.clock.now_ms());
        let Some(row) = row else { return Err(Refusal::LoginFailed) };
        let user = self.store.user(&row.user_id).await?.filter(|user| user.enabled);
        let Some(user) = user else { return Err(Refusal::LoginFailed) };
        let scope = match &row.project_id {
            None => Scope::Domain,
            Some(id) => Scope::Project(self.store.project(id).await?.ok_or(Refusal::LoginFailed)?),
        };
        Ok(Session { user: user.user, scope, issued_ms: row.issued_ms, expires_ms: row.expires_ms })
    }

    /// Revokes a token; one that is unknown is revoked already.
    ///
    /// # Errors
    /// [`Refusal::Internal`].
    pub async fn revoke(&self, token: &SecretString) -> Result<()> {
        Ok(self.store.remove_token(&hash(token)).await?)
    }

    async fn scope(&self, user: &User, wanted: ScopeWanted) -> Result<Scope> {
        let project = match wanted {
            ScopeWanted::Domain | ScopeWanted::Unscoped => return Ok(Scope::Domain),
            ScopeWanted::ProjectId(id) => self.store.project(&id).await?,
            ScopeWanted::ProjectName(name) => {
                self.store.projects(&user.domain.id, Some(&name)).await?.into_iter().next()
            }
        };
        let project = project.filter(|project| project.domain_id == user.domain.id);
        let project = project.ok_or(Refusal::WrongProject)?;
        if self.effective_roles(user, Some(&project.id)).await?.is_empty() {
            return Err(Refusal::WrongProject);
        }
        Ok(Scope::Project(project))
    }

    async fn issue(
        &self,
        user: User,
        scope: Scope,
        issued_ms: i64,
        expires_ms: i64,
    ) -> Result<IssuedToken> {
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        rand::rngs::SysRng.try_fill_bytes(bytes.as_mut_slice()).map_err(Refusal::internal)?;
        let token = SecretString::from(URL_SAFE_NO_PAD.encode(bytes.as_slice()));
        let row = TokenRow {
            hash: hash(&token),
            user_id: user.id.clone(),
            project_id: match &scope {
                Scope::Project(project) => Some(project.id.clone()),
                Scope::Domain => None,
            },
            issued_ms,
            expires_ms,
        };
        self.store.add_token(&row).await?;
        Ok(IssuedToken { token, session: Session { user, scope, issued_ms, expires_ms } })
    }
}
