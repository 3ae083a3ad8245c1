//! Custom policies, and who has which role where.

use super::StoreFuture;
use crate::control::iam::{Grant, Role};

/// Custom policies and grants.
pub trait GrantStore {
    /// Custom policies of a domain, by name for people.
    fn custom_roles<'a>(&'a self, domain_id: &'a str) -> StoreFuture<'a, Vec<Role>>;

    /// Adds a custom policy. [`super::StoreError::NameTaken`] if another has the name for people.
    fn add_custom_role<'a>(&'a self, role: &'a Role) -> StoreFuture<'a, ()>;

    /// Changes a custom policy. `false` if there is no such.
    fn update_custom_role<'a>(&'a self, role: &'a Role) -> StoreFuture<'a, bool>;

    /// Removes a custom policy and all grants of it. `false` if there is no such.
    fn delete_custom_role<'a>(&'a self, id: &'a str) -> StoreFuture<'a, bool>;

    /// Grants a role; one that is granted stays.
    fn add_grant<'a>(&'a self, grant: &'a Grant) -> StoreFuture<'a, ()>;

    /// Takes a role back. `false` if it was not granted; [`super::StoreError::LastAdministrator`] if the domain would be
    /// left without a user who may manage users.
    fn remove_grant<'a>(&'a self, grant: &'a Grant) -> StoreFuture<'a, bool>;

    /// All grants of a domain.
    fn grants<'a>(&'a self, domain_id: &'a str) -> StoreFuture<'a, Vec<Grant>>;

    /// Ids of the roles that a user has, alone or by a group, and where: `None` is the domain.
    fn roles_of<'a>(&'a self, user_id: &'a str) -> StoreFuture<'a, Vec<(String, Option<String>)>>;
}
