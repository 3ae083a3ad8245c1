//! Batches: jobs that are asked for together.

use super::StoreFuture;
use crate::control::batch::{BatchStatus, DraftStage};

/// Batches of one project that are kept; the oldest at rest go.
pub const BATCHES_KEPT_MAX: u64 = 100;

/// A batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRow {
    /// Id.
    pub id: String,
    /// Domain of who asked.
    pub domain_id: String,
    /// Project of its jobs.
    pub project_id: String,
    /// Who asked.
    pub user_id: String,
    /// Name of who asked.
    pub user_name: String,
    /// Process that works on it.
    pub owner: String,
    /// How far it is.
    pub status: BatchStatus,
    /// Asked.
    pub created_ms: i64,
}

/// One job of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftRow {
    /// Its place in the batch, from 0.
    pub position: u32,
    /// Id of the job that it becomes.
    pub job_id: String,
    /// What was asked for, sealed; nothing once the job is there.
    pub sealed: Option<Vec<u8>>,
    /// How far it is.
    pub stage: DraftStage,
    /// What is wrong with it.
    pub message: Option<String>,
}

/// Batches.
pub trait BatchStore {
    /// Adds a batch with its drafts and removes the oldest of its project beyond the number kept that nobody works on.
    fn add_batch<'a>(&'a self, batch: &'a BatchRow, drafts: &'a [DraftRow]) -> StoreFuture<'a, ()>;

    /// Batches of a project, the newest first.
    fn batches<'a>(&'a self, project_id: &'a str) -> StoreFuture<'a, Vec<BatchRow>>;

    /// Batches of all projects that this owner has work to do for.
    fn batches_at_work<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<BatchRow>>;

    /// Drafts of a batch, in order.
    fn drafts<'a>(&'a self, batch_id: &'a str) -> StoreFuture<'a, Vec<DraftRow>>;

    /// Writes drafts as they are now and the batch's status, if that is still `from`; all or nothing. `false` if it is not.
    fn change_batch<'a>(
        &'a self,
        batch_id: &'a str,
        from: BatchStatus,
        to: BatchStatus,
        drafts: &'a [DraftRow],
    ) -> StoreFuture<'a, bool>;
}
