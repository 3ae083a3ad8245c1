//! What a worker writes into its job's row.

use tailrace_pipeline::Error;

use super::{Lost, Worker};
use crate::control::job::{Failure, Job};
use crate::control::job_state::{JobEvent, Report, RunPhase, next};
use crate::control::view::{LogEntry, LogLevel, TimelineEntry};
use crate::store::{JobChange, StoreError};

/// How often a change is tried again that another one overtook.
const STALE_RETRIES_MAX: usize = 32;

/// Name in the timeline for what no user did.
pub(crate) const SYSTEM_USER: &str = "system";

/// A report with what goes into log and timeline.
pub(super) struct Note<'a> {
    pub(super) amend: &'a (dyn Fn(&mut Job) + Sync),
    pub(super) log: Vec<LogEntry>,
    pub(super) timeline: Option<TimelineEntry>,
}

impl Worker {
    /// Reports what was seen; `false` if it says nothing about the job's present state.
    pub(super) async fn report(&mut self, report: Report) -> Result<bool, Lost> {
        self.report_with(report, Note { amend: &|_| {}, log: Vec::new(), timeline: None }).await
    }

    pub(super) async fn report_with(
        &mut self,
        report: Report,
        note: Note<'_>,
    ) -> Result<bool, Lost> {
        let epoch = self.epoch()?;
        for _ in 0..STALE_RETRIES_MAX {
            let Some(mut stored) = self.inner.store.job(&self.job_id).await? else {
                return Ok(false);
            };
            let state = match next(&stored.job.state, JobEvent::Report(report)) {
                Ok((state, _)) => state,
                Err(illegal) => {
                    tracing::debug!(job_id = self.job_id, "late report: {illegal}");
                    return Ok(false);
                }
            };
            let (from, to) = (stored.job.state.status, state.status);
            stored.job.state = state;
            set_times(&mut stored.job, report, self.inner.now_ms());
            (note.amend)(&mut stored.job);
            let change = JobChange {
                epoch: Some(epoch),
                log: &note.log,
                timeline: note.timeline.clone(),
                ..JobChange::of(&stored.job, stored.revision)
            };
            match self.inner.store.change_job(change).await {
                Ok(_) => {
                    if from != to {
                        tracing::info!(job_id = self.job_id, %from, %to, "job status changed");
                    }
                    return Ok(true);
                }
                Err(StoreError::Stale) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Err(Lost::Store(StoreError::Stale))
    }

    /// Gives the job up because of an error.
    pub(super) async fn report_failure(&mut self, error: &Error) -> Result<(), Lost> {
        let failure = Failure {
            kind: error.kind().name().to_owned(),
            message: error.message().to_owned(),
            solution: error.kind().advice(),
            at_ms: self.inner.now_ms(),
        };
        tracing::error!(job_id = self.job_id, kind = failure.kind, "job failed: {error:?}");
        let note = Note {
            amend: &|job| job.failure = Some(failure.clone()),
            log: vec![self.log_entry(LogLevel::Error, failure.reason())],
            timeline: Some(self.timeline_entry("job failed", false, Some(failure.reason()))),
        };
        self.report_with(Report::Failed, note).await?;
        self.fail_children(&failure).await
    }

    pub(super) fn log_entry(&self, level: LogLevel, message: impl Into<String>) -> LogEntry {
        LogEntry { at_ms: self.inner.now_ms(), level, message: message.into() }
    }

    pub(super) fn timeline_entry(
        &self,
        name: &str,
        success: bool,
        detail: Option<String>,
    ) -> TimelineEntry {
        TimelineEntry {
            name: name.to_owned(),
            success,
            at_ms: self.inner.now_ms(),
            user_name: SYSTEM_USER.to_owned(),
            detail,
        }
    }
}

fn set_times(job: &mut Job, report: Report, now_ms: i64) {
    let times = &mut job.times;
    times.updated_ms = now_ms;
    let first = |time: &mut Option<i64>| {
        time.get_or_insert(now_ms);
    };
    match report {
        Report::StartDue => first(&mut times.started_ms),
        Report::Entered(RunPhase::Full) => first(&mut times.full_started_ms),
        Report::Entered(RunPhase::FullComplete) | Report::Finished => {
            first(&mut times.full_completed_ms);
        }
        Report::Entered(RunPhase::Incremental) => first(&mut times.incremental_started_ms),
        Report::Released => first(&mut times.ended_ms),
        Report::Forgotten => {
            times.full_started_ms = None;
            times.full_completed_ms = None;
            times.incremental_started_ms = None;
        }
        _ => {}
    }
}
