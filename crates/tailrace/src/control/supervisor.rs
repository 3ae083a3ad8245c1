//! Finds jobs that have work and no worker: after a start of the process, after another process died.

use std::sync::Arc;

use super::inner::Inner;
use super::status::JobStatus;

/// Statuses in which a job may have work for a worker.
const WITH_WORK: [JobStatus; 7] = [
    JobStatus::Creating,
    JobStatus::WaitingForStart,
    JobStatus::Startjobing,
    JobStatus::FullTransferStarted,
    JobStatus::FullTransferComplete,
    JobStatus::IncreTransferStarted,
    JobStatus::ReleaseResourceStarted,
];

/// Searches the store at intervals until the process stops.
pub(crate) async fn supervise(inner: Arc<Inner>) {
    loop {
        match inner.store.job_ids_in(&WITH_WORK).await {
            Ok(ids) => ids.iter().for_each(|id| inner.wake(id)),
            Err(e) => tracing::error!("jobs cannot be searched for: {e}"),
        }
        tokio::select! {
            () = inner.stop.cancelled() => return,
            () = tokio::time::sleep(inner.bounds.scan_interval) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::job::TaskMode;
    use crate::control::job_state::{JobState, Work, work};

    #[test]
    fn every_status_with_work_is_searched_for() {
        for status in JobStatus::ALL {
            let state = JobState { status, ..JobState::new(TaskMode::FullIncremental) };
            assert_eq!(WITH_WORK.contains(&status), work(&state) != Work::Nothing, "{status}");
        }
    }
}
