//! Who works on a job.

use super::StoreFuture;

/// Leases of jobs.
pub trait LeaseStore {
    /// Takes the lease of a job that nobody holds, whose lease ran out, or that is the owner's
    /// already, and answers its new epoch; `None` if another holds it.
    fn acquire_lease<'a>(
        &'a self,
        job_id: &'a str,
        owner: &'a str,
        now_ms: i64,
        expires_ms: i64,
    ) -> StoreFuture<'a, Option<u64>>;

    /// Moves the end of a lease; `false` if its epoch is not the newest.
    fn renew_lease<'a>(
        &'a self,
        job_id: &'a str,
        owner: &'a str,
        epoch: u64,
        expires_ms: i64,
    ) -> StoreFuture<'a, bool>;

    /// Lets a lease end now, so that another may have it at once. Does nothing if the epoch is old.
    fn release_lease<'a>(
        &'a self,
        job_id: &'a str,
        owner: &'a str,
        epoch: u64,
    ) -> StoreFuture<'a, ()>;
}
