//! Who has which role where, and what that allows.

use super::directory::{check_quota, missing, new_id, taken};
use super::rights::{Policy, Rights};
use super::roles::{self, Role, RoleKind};
use super::{Iam, Project, SECURITY_ADMINISTRATOR, User, input};
use crate::control::refusal::{Refusal, Result};

/// Custom policies of a domain.
const CUSTOM_ROLES_MAX: usize = 200;
/// Grants of a domain.
const GRANTS_MAX: usize = 10_000;

/// Who has a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The user of this id.
    User(String),
    /// All users of the group of this id.
    Group(String),
}

impl Actor {
    /// Id of the user.
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::User(id) => Some(id),
            Self::Group(_) => None,
        }
    }

    /// Id of the group.
    pub fn group(&self) -> Option<&str> {
        match self {
            Self::Group(id) => Some(id),
            Self::User(_) => None,
        }
    }
}

/// A role of a user or group in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Domain.
    pub domain_id: String,
    /// Who has it.
    pub actor: Actor,
    /// In which project; `None` is the domain with all its projects.
    pub project_id: Option<String>,
    /// Role.
    pub role_id: String,
}

/// A custom policy as it was asked for.
#[derive(Debug)]
pub struct RoleInput {
    /// Name for people.
    pub display_name: String,
    /// Where it is meant to be granted.
    pub kind: RoleKind,
    /// What it is for.
    pub description: String,
    /// What it allows and denies.
    pub policy: Policy,
}

impl RoleInput {
    fn check(&self) -> Result<()> {
        input::name("role.display_name", &self.display_name)?;
        input::description("role.description", &self.description)?;
        self.policy.check().map_err(|refusal| match refusal {
            Refusal::Invalid { field, value, allowed } => {
                Refusal::Invalid { field: format!("role.policy.{field}"), value, allowed }
            }
            other => other,
        })
    }
}

impl Iam {
    /// Predefined roles, then the custom policies of a domain.
    ///
    /// # Errors
    /// [`Refusal::Internal`].
    pub async fn roles(&self, domain_id: &str) -> Result<Vec<Role>> {
        let mut all = roles::predefined();
        all.extend(self.store.custom_roles(domain_id).await?);
        Ok(all)
    }

    /// A role that can be granted in a domain.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`].
    pub async fn role(&self, domain_id: &str, id: &str) -> Result<Role> {
        if let Some(role) = roles::predefined_role(id) {
            return Ok(role);
        }
        let custom = self.store.custom_roles(domain_id).await?;
        custom.into_iter().find(|role| role.id == id).ok_or_else(|| missing("role", id))
    }

    /// Makes a custom policy.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::NameTaken`], [`Refusal::QuotaReached`].
    pub async fn create_role(&self, domain_id: &str, input: RoleInput) -> Result<Role> {
        input.check()?;
        let count = self.store.custom_roles(domain_id).await?.len();
        check_quota(count, CUSTOM_ROLES_MAX, "custom policies")?;
        let (id, now_ms) = (new_id(), self.clock.now_ms());
        let role = Role {
            name: format!("custom_{id}"),
            id,
            domain_id: Some(domain_id.to_owned()),
            display_name: input.display_name,
            kind: input.kind,
            description: input.description,
            policy: input.policy,
            created_ms: now_ms,
            updated_ms: now_ms,
        };
        self.store.add_custom_role(&role).await.map_err(taken(&role.display_name))?;
        Ok(role)
    }

    /// Replaces a custom policy; who has it may from now on what the new one says.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`], [`Refusal::Invalid`], [`Refusal::NameTaken`].
    pub async fn update_role(&self, domain_id: &str, id: &str, input: RoleInput) -> Result<Role> {
        input.check()?;
        let old = self.custom_role(domain_id, id).await?;
        let role = Role {
            display_name: input.display_name,
            kind: input.kind,
            description: input.description,
            policy: input.policy,
            updated_ms: self.clock.now_ms(),
            ..old
        };
        match self.store.update_custom_role(&role).await.map_err(taken(&role.display_name))? {
            true => Ok(role),
            false => Err(missing("custom policy", id)),
        }
    }

    /// Removes a custom policy and takes it back from everybody.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`].
    pub async fn delete_role(&self, domain_id: &str, id: &str) -> Result<()> {
        self.custom_role(domain_id, id).await?;
        match self.store.delete_custom_role(id).await? {
            true => Ok(()),
            false => Err(missing("custom policy", id)),
        }
    }

    /// A custom policy of a domain.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`].
    pub async fn custom_role(&self, domain_id: &str, id: &str) -> Result<Role> {
        let custom = self.store.custom_roles(domain_id).await?;
        custom.into_iter().find(|role| role.id == id).ok_or_else(|| missing("custom policy", id))
    }

    /// Gives a role.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`] for a user, group, project or role that is not there, [`Refusal::QuotaReached`],
    /// [`Refusal::Invalid`] for a role of the domain in a project.
    pub async fn grant(&self, grant: &Grant) -> Result<()> {
        self.check_ends(grant).await?;
        let role = self.role(&grant.domain_id, &grant.role_id).await?;
        if role.id == SECURITY_ADMINISTRATOR && grant.project_id.is_some() {
            return Err(Refusal::invalid("role_id", &role.id, "a role that holds in projects"));
        }
        let grants = self.store.grants(&grant.domain_id).await?;
        if !grants.contains(grant) {
            check_quota(grants.len(), GRANTS_MAX, "grants")?;
        }
        Ok(self.store.add_grant(grant).await?)
    }

    /// Takes a role back.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`] if it was not given, [`Refusal::LastAdministrator`].
    pub async fn revoke_grant(&self, grant: &Grant) -> Result<()> {
        match self.store.remove_grant(grant).await? {
            true => Ok(()),
            false => Err(missing("grant of role", &grant.role_id)),
        }
    }

    /// Whether a role was given just here.
    ///
    /// # Errors
    /// [`Refusal::Internal`].
    pub async fn is_granted(&self, grant: &Grant) -> Result<bool> {
        Ok(self.store.grants(&grant.domain_id).await?.contains(grant))
    }

    /// The roles that a user or group was given just here.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`].
    pub async fn granted(
        &self,
        domain_id: &str,
        actor: &Actor,
        project_id: Option<&str>,
    ) -> Result<Vec<Role>> {
        let place = Grant {
            domain_id: domain_id.to_owned(),
            actor: actor.clone(),
            project_id: project_id.map(str::to_owned),
            role_id: String::new(),
        };
        self.check_ends(&place).await?;
        let grants = self.store.grants(domain_id).await?;
        let given = |role: &Role| {
            grants.iter().any(|grant| {
                grant.role_id == role.id
                    && grant.actor == *actor
                    && grant.project_id.as_deref() == project_id
            })
        };
        Ok(self.roles(domain_id).await?.into_iter().filter(given).collect())
    }

    async fn check_ends(&self, grant: &Grant) -> Result<()> {
        match &grant.actor {
            Actor::User(id) => drop(self.user_row(&grant.domain_id, id).await?),
            Actor::Group(id) => drop(self.group(&grant.domain_id, id).await?),
        }
        if let Some(id) = &grant.project_id {
            self.project(&grant.domain_id, id).await?;
        }
        Ok(())
    }

    /// The roles a user has in a project, or in the domain itself: given alone or to a group.
    ///
    /// # Errors
    /// [`Refusal::Internal`].
    pub async fn effective_roles(
        &self,
        user: &User,
        project_id: Option<&str>,
    ) -> Result<Vec<Role>> {
        let mut found: Vec<Role> = Vec::new();
        let mut custom: Option<Vec<Role>> = None;
        for (role_id, place) in self.store.roles_of(&user.id).await? {
            let holds = place.is_none() || place.as_deref() == project_id;
            if !holds || found.iter().any(|role| role.id == role_id) {
                continue;
            }
            if let Some(role) = roles::predefined_role(&role_id) {
                found.push(role);
                continue;
            }
            if custom.is_none() {
                custom = Some(self.store.custom_roles(&user.domain.id).await?);
            }
            let custom = custom.iter().flatten();
            found.extend(custom.filter(|role| role.id == role_id).cloned());
        }
        Ok(found)
    }

    /// What a user may in a project, or in the domain itself.
    ///
    /// # Errors
    /// [`Refusal::Internal`].
    pub async fn rights(&self, user: &User, project_id: Option<&str>) -> Result<Rights> {
        let roles = self.effective_roles(user, project_id).await?;
        Ok(Rights::of(roles.iter().map(|role| &role.policy)))
    }

    /// The projects in which a user has a role; all, if it is one of the domain.
    ///
    /// # Errors
    /// [`Refusal::Internal`].
    pub async fn projects_of(&self, user: &User, name: Option<&str>) -> Result<Vec<Project>> {
        let roles = self.store.roles_of(&user.id).await?;
        let all = roles.iter().any(|(_, place)| place.is_none());
        let mut projects = self.store.projects(&user.domain.id, name).await?;
        projects.retain(|project| {
            all || roles.iter().any(|(_, place)| place.as_ref() == Some(&project.id))
        });
        Ok(projects)
    }
}
