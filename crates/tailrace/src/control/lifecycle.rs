//! Start, pause, resume, reset, end, delete.

use tailrace_pipeline::run::Part;

use super::caller::Caller;
use super::change::{Extra, unchanged};
use super::command::{self, Actions, Command};
use super::job::Job;
use super::job_state::{JobEvent, Work, next, work};
use super::refusal::{Refusal, Result};
use super::status::{Action, JobStatus};
use super::{Control, PauseMode};
use crate::store::{StoreError, StoredJob};

impl Control {
    /// Starts a job, now or at a time in milliseconds of the Unix epoch.
    ///
    /// # Errors
    /// [`Refusal::NotPrechecked`], [`Refusal::WrongState`], [`Refusal::Invalid`] for a time that is
    /// past.
    pub async fn start(&self, caller: &Caller, job_id: &str, at_ms: Option<i64>) -> Result<()> {
        let now_ms = self.inner.now_ms();
        if let Some(at_ms) = at_ms.filter(|at_ms| *at_ms <= now_ms) {
            let refusal = Refusal::invalid("start_time", at_ms, format!("later than {now_ms}"));
            self.inner.note(caller, job_id, Command::Start.name(), Err(&refusal)).await;
            return Err(refusal);
        }
        self.command_at(caller, job_id, Command::Start, at_ms, &|job| {
            if at_ms.is_none() {
                job.times.started_ms.get_or_insert(now_ms);
            }
            Ok(Extra::default())
        })
        .await
        .map(|_| ())
    }

    /// Pauses a job: it shows `PAUSING` once its data path has stopped at a durable checkpoint. Both
    /// modes do the same.
    ///
    /// # Errors
    /// [`Refusal::WrongState`].
    pub async fn pause(&self, caller: &Caller, job_id: &str, mode: PauseMode) -> Result<()> {
        let (PauseMode::Target | PauseMode::All) = mode;
        self.command(caller, job_id, Command::Pause, &unchanged).await.map(|_| ())
    }

    /// Resumes or retries a job, or restarts a running one with changed parameters; with `re_edit`
    /// the edited objects come into force.
    ///
    /// # Errors
    /// [`Refusal::WrongState`]; with `re_edit` also [`Refusal::NotPrechecked`] and
    /// [`Refusal::NotConfigured`] if nothing was edited.
    pub async fn resume(&self, caller: &Caller, job_id: &str, re_edit: bool) -> Result<()> {
        let command = if re_edit { Command::ResumeEdited } else { Command::Resume };
        self.command(caller, job_id, command, &unchanged).await.map(|_| ())
    }

    /// Has a part of the increment rest, or go on; the job itself runs. A part that rests goes on with every start of the job.
    ///
    /// # Errors
    /// [`Refusal::Unsupported`] of a job whose increment has one part only, [`Refusal::WrongState`].
    pub async fn hold(
        &self,
        caller: &Caller,
        job_id: &str,
        part: Part,
        is_held: bool,
    ) -> Result<()> {
        let job = self.inner.load(caller, job_id).await?.job;
        if !job.engine.has_parts() {
            return Err(Refusal::Unsupported {
                what: format!("stopping a part of the increment of {}", job.engine.name()),
                instead: "stop, for the whole job".to_owned(),
            });
        }
        self.command(caller, job_id, Command::HoldPart, &|job| {
            job.held.set(part, is_held);
            Ok(Extra::default())
        })
        .await
        .map(|_| ())
    }

    /// Forgets the progress and begins again with the full phase.
    ///
    /// # Errors
    /// [`Refusal::NotPrechecked`], [`Refusal::WrongState`].
    pub async fn reset(&self, caller: &Caller, job_id: &str) -> Result<()> {
        self.command(caller, job_id, Command::Reset, &|job| {
            job.listed_databases = None;
            job.rereads = Vec::new();
            Ok(Extra::default())
        })
        .await
        .map(|_| ())
    }

    /// Ends a job: its data path stops, its progress records go, its topics stay.
    ///
    /// # Errors
    /// [`Refusal::WrongState`].
    pub async fn end(&self, caller: &Caller, job_id: &str, force: bool) -> Result<()> {
        let command = if force { Command::EndForced } else { Command::End };
        self.command(caller, job_id, command, &unchanged).await.map(|_| ())
    }

    /// Deletes an ended job with all that belongs to it; answers the job as it was. Progress records
    /// that could not be removed at the end are tried once more; topics of the user are left alone.
    ///
    /// # Errors
    /// [`Refusal::WrongState`], [`Refusal::Busy`] if the job changes at the same moment.
    pub async fn delete(&self, caller: &Caller, job_id: &str) -> Result<Job> {
        let done = self.try_delete(caller, job_id).await;
        if let Err(refusal) = &done {
            self.inner.note(caller, job_id, Command::Delete.name(), Err(refusal)).await;
        }
        done
    }

    async fn try_delete(&self, caller: &Caller, job_id: &str) -> Result<Job> {
        let StoredJob { job, revision } = self.inner.load(caller, job_id).await?;
        next(&job.state, JobEvent::command(Command::Delete))?;
        if job.progress_left
            && let Err(e) = self.inner.forget_job(&job).await
        {
            tracing::warn!(job_id, "deleted; its progress records stay in the target: {e}");
        }
        match self.inner.store.delete_job(job_id, revision, self.inner.now_ms()).await {
            Ok(()) => {
                self.inner.drop_live(job_id);
                let user = caller.user_name.as_str();
                tracing::info!(job_id, user, name = job.name, "job deleted");
                Ok(job)
            }
            Err(StoreError::Stale) => {
                Err(Refusal::Busy { what: "another change of the job".to_owned() })
            }
            Err(e) => Err(e.into()),
        }
    }

    /// What can be done with a job, and what is under way.
    ///
    /// # Errors
    /// [`Refusal::JobMissing`] or [`Refusal::JobDeleted`].
    pub async fn actions(&self, caller: &Caller, job_id: &str) -> Result<Actions> {
        let job = self.inner.load(caller, job_id).await?.job;
        Ok(actions_of(&job))
    }
}

/// What can be done with a job that was read, and what is under way.
pub fn actions_of(job: &Job) -> Actions {
    let mut actions = command::actions(job.status());
    if job.status() == JobStatus::Startjobing && job.state.forget_first {
        actions.current = Some(Action::Reset);
    }
    if work(&job.state) == Work::Pause {
        actions.current = Some(Action::Pause);
    }
    if job.engine.has_parts() {
        let of_parts = command::part_actions(job.status(), job.held);
        actions.available.extend(of_parts.available);
        actions.unavailable.extend(of_parts.unavailable);
    }
    actions
}
