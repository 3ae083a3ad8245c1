//! Users, groups and projects, as administrators manage them.

use secrecy::SecretString;

use super::{Account, Domain, Group, Iam, Project, User, input};
use crate::control::inner::locked;
use crate::control::refusal::{Refusal, Result};
use crate::store::{StoreError, UserRow};

/// Users of a domain.
const USERS_MAX: usize = 1000;
/// Groups of a domain.
const GROUPS_MAX: usize = 100;
/// Projects of a domain.
const PROJECTS_MAX: usize = 100;

/// A user to be made.
#[derive(Debug, Default)]
pub struct NewUser {
    /// Name.
    pub name: String,
    /// Password; without one the user cannot log in by it.
    pub password: Option<SecretString>,
    /// May log in; true where it is not said.
    pub enabled: Option<bool>,
    /// Who it is.
    pub description: Option<String>,
}

/// What of a user is to be changed.
#[derive(Debug, Default)]
pub struct UserChange {
    /// Name.
    pub name: Option<String>,
    /// Password.
    pub password: Option<SecretString>,
    /// May log in.
    pub enabled: Option<bool>,
    /// Who it is.
    pub description: Option<String>,
}

/// Name and description of a group or project.
#[derive(Debug, Default)]
pub struct Naming {
    /// Name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
}

pub(super) fn missing(what: &'static str, id: &str) -> Refusal {
    Refusal::IamMissing { what, id: id.to_owned() }
}

pub(super) fn taken(name: &str) -> impl FnOnce(StoreError) -> Refusal {
    let name = name.to_owned();
    move |error| match error {
        StoreError::NameTaken => Refusal::NameTaken { name },
        other => other.into(),
    }
}

pub(super) fn check_quota(count: usize, max: usize, what: &'static str) -> Result<()> {
    if count >= max {
        return Err(Refusal::QuotaReached { what, limit: max as u64 });
    }
    Ok(())
}

pub(super) fn new_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

fn found(changed: bool, what: &'static str, id: &str) -> Result<()> {
    if changed { Ok(()) } else { Err(missing(what, id)) }
}

impl Naming {
    fn check(&self) -> Result<()> {
        self.name.as_deref().map_or(Ok(()), |name| input::name("name", name))?;
        self.description.as_deref().map_or(Ok(()), |text| input::description("description", text))
    }

    fn required(&self) -> Result<String> {
        self.check()?;
        self.name.clone().ok_or_else(|| Refusal::Missing { field: "name".into() })
    }
}

impl Iam {
    /// Makes a user, who may nothing yet.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::NameTaken`], [`Refusal::QuotaReached`].
    pub async fn create_user(&self, domain: &Domain, new: NewUser) -> Result<Account> {
        input::name("name", &new.name)?;
        let description = new.description.unwrap_or_default();
        input::description("description", &description)?;
        if let Some(password) = &new.password {
            input::password("password", password)?;
        }
        check_quota(self.store.users(&domain.id, None).await?.len(), USERS_MAX, "users")?;
        // Nobody knows the password of a user that was made without one.
        let password = match new.password {
            Some(password) => password,
            None => SecretString::from(super::bootstrap::random_password()),
        };
        let row = UserRow {
            user: User { id: new_id(), name: new.name, domain: domain.clone() },
            password_hash: self.passwords.hash(&password).await?,
            enabled: new.enabled.unwrap_or(true),
            description,
            created_ms: self.clock.now_ms(),
        };
        self.store.add_user(&row).await.map_err(taken(&row.user.name))?;
        Ok(row.into())
    }

    /// Users of a domain by name, all or the one of this name.
    ///
    /// # Errors
    /// [`Refusal::Internal`].
    pub async fn users(&self, domain_id: &str, name: Option<&str>) -> Result<Vec<Account>> {
        let rows = self.store.users(domain_id, name).await?;
        Ok(rows.into_iter().map(Account::from).collect())
    }

    /// A user of a domain.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`].
    pub async fn user(&self, domain_id: &str, id: &str) -> Result<Account> {
        self.user_row(domain_id, id).await.map(Account::from)
    }

    pub(super) async fn user_row(&self, domain_id: &str, id: &str) -> Result<UserRow> {
        let row = self.store.user(id).await?;
        row.filter(|row| row.user.domain.id == domain_id).ok_or_else(|| missing("user", id))
    }

    /// Changes a user. A new password, and being locked out, ends the user's tokens.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`], [`Refusal::Invalid`], [`Refusal::NameTaken`], [`Refusal::LastAdministrator`].
    pub async fn update_user(
        &self,
        domain_id: &str,
        id: &str,
        change: UserChange,
    ) -> Result<Account> {
        let mut row = self.user_row(domain_id, id).await?;
        let revoke = change.password.is_some() || change.enabled == Some(false);
        if let Some(name) = change.name {
            input::name("name", &name)?;
            row.user.name = name;
        }
        if let Some(description) = change.description {
            input::description("description", &description)?;
            row.description = description;
        }
        row.enabled = change.enabled.unwrap_or(row.enabled);
        if let Some(password) = change.password {
            input::password("password", &password)?;
            row.password_hash = self.passwords.hash(&password).await?;
        }
        let done = self.store.update_user(&row, revoke).await.map_err(taken(&row.user.name))?;
        found(done, "user", id)?;
        Ok(row.into())
    }

    /// Removes a user.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`], [`Refusal::LastAdministrator`].
    pub async fn delete_user(&self, domain_id: &str, id: &str) -> Result<()> {
        self.user_row(domain_id, id).await?;
        found(self.store.delete_user(id).await?, "user", id)
    }

    /// A user changes the own password; all tokens of the user end.
    ///
    /// # Errors
    /// [`Refusal::LoginFailed`] for a wrong old one, [`Refusal::Locked`] after too many, [`Refusal::Invalid`].
    pub async fn change_password(
        &self,
        user: &User,
        original: &SecretString,
        password: &SecretString,
    ) -> Result<()> {
        input::password("user.password", password)?;
        let key = super::user_key(&user.domain.name, &user.name);
        self.check_lock(&key)?;
        let mut row = self.user_row(&user.domain.id, &user.id).await?;
        let known = Some(row.password_hash.clone());
        if !self.passwords.check(original, known, || self.check_lock(&key)).await? {
            locked(&self.lockout).failed(&key, self.clock.now_ms());
            return Err(Refusal::LoginFailed);
        }
        row.password_hash = self.passwords.hash(password).await?;
        found(self.store.update_user(&row, true).await?, "user", &user.id)
    }

    /// Makes a project.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::NameTaken`], [`Refusal::QuotaReached`].
    pub async fn create_project(&self, domain_id: &str, naming: Naming) -> Result<Project> {
        let name = naming.required()?;
        let count = self.store.projects(domain_id, None).await?.len();
        check_quota(count, PROJECTS_MAX, "projects")?;
        let project = Project {
            id: new_id(),
            domain_id: domain_id.to_owned(),
            name,
            description: naming.description.unwrap_or_default(),
        };
        self.store.add_project(&project).await.map_err(taken(&project.name))?;
        Ok(project)
    }

    /// A project of a domain.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`].
    pub async fn project(&self, domain_id: &str, id: &str) -> Result<Project> {
        let project = self.store.project(id).await?;
        project
            .filter(|project| project.domain_id == domain_id)
            .ok_or_else(|| missing("project", id))
    }

    /// Changes name or description of a project.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`], [`Refusal::Invalid`], [`Refusal::NameTaken`].
    pub async fn update_project(
        &self,
        domain_id: &str,
        id: &str,
        naming: Naming,
    ) -> Result<Project> {
        naming.check()?;
        let mut project = self.project(domain_id, id).await?;
        project.name = naming.name.unwrap_or(project.name);
        project.description = naming.description.unwrap_or(project.description);
        let done = self.store.update_project(&project).await.map_err(taken(&project.name))?;
        found(done, "project", id)?;
        Ok(project)
    }

    /// Groups of a domain by name, all or the one of this name.
    ///
    /// # Errors
    /// [`Refusal::Internal`].
    pub async fn groups(&self, domain_id: &str, name: Option<&str>) -> Result<Vec<Group>> {
        Ok(self.store.groups(domain_id, name).await?)
    }

    /// A group of a domain.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`].
    pub async fn group(&self, domain_id: &str, id: &str) -> Result<Group> {
        let group = self.store.group(id).await?;
        group.filter(|group| group.domain_id == domain_id).ok_or_else(|| missing("group", id))
    }

    /// Makes a group.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::NameTaken`], [`Refusal::QuotaReached`].
    pub async fn create_group(&self, domain_id: &str, naming: Naming) -> Result<Group> {
        let name = naming.required()?;
        check_quota(self.store.groups(domain_id, None).await?.len(), GROUPS_MAX, "groups")?;
        let group = Group {
            id: new_id(),
            domain_id: domain_id.to_owned(),
            name,
            description: naming.description.unwrap_or_default(),
            created_ms: self.clock.now_ms(),
        };
        self.store.add_group(&group).await.map_err(taken(&group.name))?;
        Ok(group)
    }

    /// Changes name or description of a group.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`], [`Refusal::Invalid`], [`Refusal::NameTaken`].
    pub async fn update_group(&self, domain_id: &str, id: &str, naming: Naming) -> Result<Group> {
        naming.check()?;
        let mut group = self.group(domain_id, id).await?;
        group.name = naming.name.unwrap_or(group.name);
        group.description = naming.description.unwrap_or(group.description);
        let done = self.store.update_group(&group).await.map_err(taken(&group.name))?;
        found(done, "group", id)?;
        Ok(group)
    }

    /// Removes a group; its users stay, without what it gave them.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`], [`Refusal::LastAdministrator`].
    pub async fn delete_group(&self, domain_id: &str, id: &str) -> Result<()> {
        self.group(domain_id, id).await?;
        found(self.store.delete_group(id).await?, "group", id)
    }

    /// Users of a group.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`].
    pub async fn members(&self, domain_id: &str, group_id: &str) -> Result<Vec<Account>> {
        self.group(domain_id, group_id).await?;
        let rows = self.store.members(group_id).await?;
        Ok(rows.into_iter().map(Account::from).collect())
    }

    /// Groups of a user.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`].
    pub async fn groups_of(&self, domain_id: &str, user_id: &str) -> Result<Vec<Group>> {
        self.user_row(domain_id, user_id).await?;
        Ok(self.store.groups_of(user_id).await?)
    }

    /// Puts a user into a group.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`].
    pub async fn add_member(&self, domain_id: &str, group_id: &str, user_id: &str) -> Result<()> {
        self.group(domain_id, group_id).await?;
        self.user_row(domain_id, user_id).await?;
        Ok(self.store.add_member(group_id, user_id).await?)
    }

    /// Takes a user out of a group.
    ///
    /// # Errors
    /// [`Refusal::IamMissing`], [`Refusal::LastAdministrator`].
    pub async fn remove_member(
        &self,
        domain_id: &str,
        group_id: &str,
        user_id: &str,
    ) -> Result<()> {
        self.group(domain_id, group_id).await?;
        found(self.store.remove_member(group_id, user_id).await?, "user in the group", user_id)
    }
}
