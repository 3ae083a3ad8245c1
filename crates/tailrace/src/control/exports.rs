//! Files that are made for users to fetch: lists of jobs, templates to create jobs by.

use super::caller::Caller;
use super::refusal::{Refusal, Result};
use super::{Control, naming};
use crate::store::ExportRow;

/// Bytes of one file.
pub const EXPORT_BYTES_MAX: usize = 16 << 20;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportKind {
    /// A list of jobs.
    Jobs,
    /// Jobs in the form of a template.
    Template,
}

impl ExportKind {
    /// Name in the store, and in the names of files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Template => "template",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Jobs, Self::Template].into_iter().find(|kind| kind.name() == name)
    }
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportFile {
    /// Id of the request that made it.
    pub id: String,
    /// Name.
    pub file_name: String,
    /// Made, milliseconds of the Unix epoch.
    pub created_ms: i64,
}

impl Control {
    /// Keeps a file for a while; gives the id of the request.
    ///
    /// # Errors
    /// [`Refusal::QuotaReached`] for one that is too large.
    pub async fn keep_export(
        &self,
        caller: &Caller,
        kind: ExportKind,
        stamp: &str,
        content: &[u8],
    ) -> Result<String> {
        if content.len() > EXPORT_BYTES_MAX {
            let limit = EXPORT_BYTES_MAX as u64;
            return Err(Refusal::QuotaReached { what: "bytes in one file", limit });
        }
        let id = naming::new_id();
        let tail = &id[..8.min(id.len())];
        let row = ExportRow {
            file_name: format!("{}-{stamp}-{tail}.xlsx", kind.name()),
            id: id.clone(),
            project_id: caller.project_id.clone(),
            kind,
            created_ms: self.inner.now_ms(),
        };
        self.inner.store.add_export(&row, content).await?;
        Ok(id)
    }

    /// Files of a kind of the caller's project, the newest first.
    ///
    /// # Errors
    /// [`Refusal::Internal`] if the store does not answer.
    pub async fn exports(&self, caller: &Caller, kind: ExportKind) -> Result<Vec<ExportFile>> {
        let rows = self.inner.store.exports(&caller.project_id).await?;
        let of_kind = rows.into_iter().filter(|row| row.kind == kind);
        let file = |row: ExportRow| {
            let ExportRow { id, file_name, created_ms, .. } = row;
            ExportFile { id, file_name, created_ms }
        };
        Ok(of_kind.map(file).collect())
    }

    /// Content of a file of the caller's project.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if there is none of this kind and name.
    pub async fn export(
        &self,
        caller: &Caller,
        kind: ExportKind,
        file_name: &str,
    ) -> Result<Vec<u8>> {
        let missing = || Refusal::invalid("files", file_name, "the name of a file that is listed");
        let files = self.exports(caller, kind).await?;
        let file = files.into_iter().find(|file| file.file_name == file_name);
        let file = file.ok_or_else(missing)?;
        self.inner.store.export_content(&file.id).await?.ok_or_else(missing)
    }
}
