//! Files that were made for users to fetch.

use super::StoreFuture;
use crate::control::exports::ExportKind;

/// Files of one kind that are kept of one project; the oldest go.
pub const EXPORTS_KEPT_MAX: u64 = 20;

/// A file without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRow {
    /// Id of the request that made it.
    pub id: String,
    /// Project.
    pub project_id: String,
    /// What it is.
    pub kind: ExportKind,
    /// Name, one of its project's.
    pub file_name: String,
    /// Made, milliseconds of the Unix epoch.
    pub created_ms: i64,
}

/// Files.
pub trait ExportStore {
    /// Adds a file and removes the oldest of its kind beyond the number kept.
    fn add_export<'a>(&'a self, row: &'a ExportRow, content: &'a [u8]) -> StoreFuture<'a, ()>;

    /// Files of a project, the newest first.
    fn exports<'a>(&'a self, project_id: &'a str) -> StoreFuture<'a, Vec<ExportRow>>;

    /// Content of a file.
    fn export_content<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<Vec<u8>>>;
}
