//! Ends a job: its data path stops, its progress records go.

use tokio::time::Instant;

use super::report::Note;
use super::{Lost, Then, Worker};
use crate::control::job::{Failure, Job};
use crate::control::job_state::Report;
use crate::control::view::LogLevel;
use crate::store::StoredJob;

impl Worker {
    pub(super) async fn release(&mut self, stored: StoredJob, force: bool) -> Result<Then, Lost> {
        if self.run.is_some() {
            self.ask_run_to_stop();
            let bound = self.inner.bounds.release_stop_age_max;
            let by = Instant::now() + if force { bound / 5 } else { bound };
            // A forced end after a patient one shortens the wait.
            let by = self.release_by.map_or(by, |earlier| earlier.min(by));
            self.release_by = Some(by);
            if Instant::now() < by {
                return Ok(Then::Wait(Some(by)));
            }
            self.release_by = None;
            if !force {
                self.report_stuck().await?;
                return Ok(Then::Again);
            }
            tracing::warn!(job_id = self.job_id, "the data path does not stop and is abandoned");
            self.give_up_run();
        }
        self.release_by = None;
        let left = self.inner.forget_job(&stored.job).await.err();
        self.report_released(left).await?;
        Ok(Then::Again)
    }

    async fn report_released(&mut self, left: Option<String>) -> Result<(), Lost> {
        let mut log = vec![self.log_entry(LogLevel::Info, "job ended")];
        if let Some(text) = &left {
            let text = format!("the progress records stay in the target: {text}");
            tracing::warn!(job_id = self.job_id, "{text}");
            log.push(self.log_entry(LogLevel::Warn, text));
        }
        let amend = |job: &mut Job| job.progress_left = left.is_some();
        self.report_with(Report::Released, Note { amend: &amend, log, timeline: None }).await?;
        Ok(())
    }

    async fn report_stuck(&mut self) -> Result<(), Lost> {
        let bound = self.inner.bounds.release_stop_age_max;
        let failure = Failure {
            kind: "local".to_owned(),
            message: format!("The data path did not stop within {} s.", bound.as_secs()),
            solution: "End the job by force.".to_owned(),
            at_ms: self.inner.now_ms(),
        };
        let note = Note {
            amend: &|job| job.failure = Some(failure.clone()),
            log: vec![self.log_entry(LogLevel::Error, failure.reason())],
            timeline: Some(self.timeline_entry("end", false, Some(failure.reason()))),
        };
        self.report_with(Report::ReleaseFailed, note).await?;
        Ok(())
    }
}
