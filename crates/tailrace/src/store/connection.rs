//! Endpoints that are kept apart from jobs.

use super::StoreFuture;

/// A kept endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionRow {
    /// Id.
    pub id: String,
    /// Project that it belongs to.
    pub project_id: String,
    /// Name, one of its project's without regard to case.
    pub name: String,
    /// When it was made, milliseconds of the Unix epoch.
    pub created_ms: i64,
    /// The rest, as JSON.
    pub document: String,
    /// Its password, sealed.
    pub sealed: Option<Vec<u8>>,
}

/// Kept endpoints.
pub trait ConnectionStore {
    /// Those of a project, by name.
    fn connections<'a>(&'a self, project_id: &'a str) -> StoreFuture<'a, Vec<ConnectionRow>>;

    /// One of a project's.
    fn connection<'a>(
        &'a self,
        project_id: &'a str,
        id: &'a str,
    ) -> StoreFuture<'a, Option<ConnectionRow>>;

    /// Adds one.
    ///
    /// # Errors
    /// [`super::StoreError::NameTaken`] if another one of the project has its name.
    fn insert_connection<'a>(&'a self, row: &'a ConnectionRow) -> StoreFuture<'a, ()>;

    /// Takes a new name, document and password in; `false` if it is not there any more.
    ///
    /// # Errors
    /// As [`insert_connection`](Self::insert_connection).
    fn update_connection<'a>(&'a self, row: &'a ConnectionRow) -> StoreFuture<'a, bool>;

    /// Removes one; `false` if it was not there.
    fn delete_connection<'a>(&'a self, project_id: &'a str, id: &'a str) -> StoreFuture<'a, bool>;
}
