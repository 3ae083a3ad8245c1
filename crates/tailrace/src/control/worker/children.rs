//! A re-edit shows on a child of the job: the parent's worker takes the child through its statuses
//! as the parent's new run gets on.

use super::{Lost, Worker};
use crate::control::job::Failure;
use crate::control::job_state::{JobEvent, Report, next};
use crate::control::status::JobStatus;
use crate::store::{JobChange, StoreError};

impl Worker {
    /// The new run was started.
    pub(super) async fn begin_children(&mut self) -> Result<(), Lost> {
        self.report_children(&[Report::EditApplying], None).await
    }

    /// The new run is in the incremental phase with the edited objects.
    pub(super) async fn finish_children(&mut self) -> Result<(), Lost> {
        let reports =
            [Report::EditApplying, Report::EditApplied, Report::ChildClosing, Report::ChildClosed];
        self.report_children(&reports, None).await
    }

    /// The parent failed before the edited objects were in force.
    pub(super) async fn fail_children(&mut self, failure: &Failure) -> Result<(), Lost> {
        self.report_children(&[Report::EditFailed], Some(failure)).await
    }

    /// Reports to every child that is not closed; what does not fit a child's status is passed over.
    async fn report_children(
        &mut self,
        reports: &[Report],
        failure: Option<&Failure>,
    ) -> Result<(), Lost> {
        let children = self.inner.store.children(std::slice::from_ref(&self.job_id)).await?;
        for (_, child) in children {
            if child.status == JobStatus::ReleaseChildTransferComplete {
                continue;
            }
            for report in reports {
                self.report_child(&child.id, *report, failure).await?;
            }
        }
        Ok(())
    }

    async fn report_child(
        &mut self,
        child_id: &str,
        report: Report,
        failure: Option<&Failure>,
    ) -> Result<(), Lost> {
        let Some(mut stored) = self.inner.store.job(child_id).await? else { return Ok(()) };
        let Ok((state, _)) = next(&stored.job.state, JobEvent::Report(report)) else {
            return Ok(());
        };
        stored.job.state = state;
        stored.job.times.updated_ms = self.inner.now_ms();
        if let Some(failure) = failure {
            stored.job.failure = Some(failure.clone());
        }
        // Nobody but the parent's worker and a deletion writes a child.
        match self.inner.store.change_job(JobChange::of(&stored.job, stored.revision)).await {
            Ok(_) | Err(StoreError::Stale) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}
