//! Changes of users, groups, projects and access keys.

use super::StoreFuture;
use super::iam::UserRow;
use crate::control::iam::{Group, Project, UserKey};

/// Users, groups, projects and access keys, as administrators change them.
///
/// What would leave a domain without a user who may manage users is refused with
/// [`super::StoreError::LastAdministrator`]; a name that is taken with [`super::StoreError::NameTaken`].
pub trait DirectoryStore {
    /// Adds a user.
    fn add_user<'a>(&'a self, user: &'a UserRow) -> StoreFuture<'a, ()>;

    /// Changes name, description, password and whether the user may log in; with `revoke`, the user's tokens go. `false` if
    /// there is no such user.
    fn update_user<'a>(&'a self, user: &'a UserRow, revoke: bool) -> StoreFuture<'a, bool>;

    /// Removes a user with keys, tokens, memberships and grants. `false` if there is no such user.
    fn delete_user<'a>(&'a self, id: &'a str) -> StoreFuture<'a, bool>;

    /// Adds a project.
    fn add_project<'a>(&'a self, project: &'a Project) -> StoreFuture<'a, ()>;

    /// Changes name and description of a project. `false` if there is no such project.
    fn update_project<'a>(&'a self, project: &'a Project) -> StoreFuture<'a, bool>;

    /// Groups of a domain by name, all or the one of this name.
    fn groups<'a>(
        &'a self,
        domain_id: &'a str,
        name: Option<&'a str>,
    ) -> StoreFuture<'a, Vec<Group>>;

    /// A group.
    fn group<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<Group>>;

    /// Adds a group.
    fn add_group<'a>(&'a self, group: &'a Group) -> StoreFuture<'a, ()>;

    /// Changes name and description of a group. `false` if there is no such group.
    fn update_group<'a>(&'a self, group: &'a Group) -> StoreFuture<'a, bool>;

    /// Removes a group with its grants. `false` if there is no such group.
    fn delete_group<'a>(&'a self, id: &'a str) -> StoreFuture<'a, bool>;

    /// Users of a group, by name.
    fn members<'a>(&'a self, group_id: &'a str) -> StoreFuture<'a, Vec<UserRow>>;

    /// Groups of a user, by name.
    fn groups_of<'a>(&'a self, user_id: &'a str) -> StoreFuture<'a, Vec<Group>>;

    /// Puts a user into a group; one who is in it stays.
    fn add_member<'a>(&'a self, group_id: &'a str, user_id: &'a str) -> StoreFuture<'a, ()>;

    /// Takes a user out of a group. `false` if the user is not in it.
    fn remove_member<'a>(&'a self, group_id: &'a str, user_id: &'a str) -> StoreFuture<'a, bool>;

    /// Access keys of a domain, oldest first, all or those of a user.
    fn access_keys<'a>(
        &'a self,
        domain_id: &'a str,
        user_id: Option<&'a str>,
    ) -> StoreFuture<'a, Vec<UserKey>>;

    /// Adds an access key with its sealed secret.
    fn add_access_key<'a>(&'a self, key: &'a UserKey, sealed: &'a [u8]) -> StoreFuture<'a, ()>;

    /// Changes description and whether it may be used. `false` if there is no such key.
    fn update_access_key<'a>(&'a self, key: &'a UserKey) -> StoreFuture<'a, bool>;

    /// Removes an access key. `false` if there is no such key.
    fn delete_access_key<'a>(&'a self, ak: &'a str) -> StoreFuture<'a, bool>;
}
