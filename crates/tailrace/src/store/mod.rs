//! What Tailrace remembers. One trait per subject, one implementation per engine, one test suite over
//! all of them ([`suite`]).
//!
//! Writers of a job hold its lease: every write of a worker carries the lease's epoch and is refused
//! once a newer one was given out. Changes of a job's row carry the revision they were read at.

pub mod batch;
mod connection;
mod directory;
mod error;
pub mod export;
mod grant;
mod iam;
pub mod job;
mod key;
mod lease;
mod lock;
pub mod progress;
pub mod query;
pub mod rotation;
pub mod sqlite;
#[cfg(test)]
mod suite;

use std::future::Future;
use std::pin::Pin;

pub use batch::{BatchRow, BatchStore, DraftRow};
pub use connection::{ConnectionRow, ConnectionStore};
pub use directory::DirectoryStore;
pub use error::StoreError;
pub use export::{ExportRow, ExportStore};
pub use grant::GrantStore;
pub use iam::{AccessKeyRow, Bootstrap, IamStore, TokenRow, UserRow};
pub use job::{JobChange, JobStore, NewJobRow, SealedSecret, StoredJob};
pub use key::{KeyStore, SealedRow, SealedTable};
pub use lease::LeaseStore;
pub use lock::DataDirLock;
pub use progress::{ProgressStore, ProgressWrite, StoredProgress};
pub use query::{QueryKind, QueryRow, QueryStore};

/// Result of the store.
pub type StoreResult<T> = Result<T, StoreError>;

/// Future of a store's answer; boxed, so that the engine can be chosen when the process starts.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = StoreResult<T>> + Send + 'a>>;

/// A whole store.
pub trait Store:
    BatchStore
    + ConnectionStore
    + DirectoryStore
    + ExportStore
    + GrantStore
    + IamStore
    + JobStore
    + KeyStore
    + LeaseStore
    + ProgressStore
    + QueryStore
    + Send
    + Sync
    + 'static
{
    /// Answers if the store does.
    fn ping(&self) -> StoreFuture<'_, ()>;

    /// Writes everything out and closes; nothing may be asked afterwards.
    fn close(&self) -> StoreFuture<'_, ()>;
}
