//! Wrapped data keys, and the sealed values a rotation has to go through.

use super::StoreFuture;
use crate::secret::WrappedKey;

/// Tables with sealed values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedTable {
    /// `access_keys`: row is the AK, column is `sealed`.
    AccessKeys,
    /// `job_secrets`: row is `job/side`, column is the name.
    JobSecrets,
    /// `connections`: row is the id, column is `sealed`.
    Connections,
    /// `batch_drafts`: row is the id of the job, column is `sealed`.
    BatchDrafts,
}

impl SealedTable {
    /// Name, as authenticated with the value.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessKeys => "access_keys",
            Self::JobSecrets => "job_secrets",
            Self::Connections => "connections",
            Self::BatchDrafts => "batch_drafts",
        }
    }
}

/// A sealed value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRow {
    /// Table.
    pub table: SealedTable,
    /// Row.
    pub row: String,
    /// Column or name.
    pub column: String,
    /// Value.
    pub sealed: Vec<u8>,
}

/// Keys.
pub trait KeyStore {
    /// All data keys, by id.
    fn data_keys(&self) -> StoreFuture<'_, Vec<WrappedKey>>;

    /// Adds keys or replaces those of the same id, all or none.
    fn put_data_keys<'a>(&'a self, keys: &'a [WrappedKey]) -> StoreFuture<'a, ()>;

    /// All sealed values.
    fn sealed_rows(&self) -> StoreFuture<'_, Vec<SealedRow>>;

    /// Replaces sealed values that are still there, then removes all data keys but one; all or
    /// nothing.
    fn replace_sealed<'a>(&'a self, rows: &'a [SealedRow], keep_key: u32) -> StoreFuture<'a, ()>;
}
