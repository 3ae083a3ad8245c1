//! How a user's command changes a job: read, transition, edit, write, and again if another change
//! came between; with an entry in the timeline whatever comes of it.

use super::caller::Caller;
use super::command::Command;
use super::inner::Inner;
use super::job::{HeldParts, Job, TaskMode};
use super::job_state::{Effect, IllegalTransition, JobEvent, next};
use super::refusal::{Refusal, Result};
use super::view::{ParameterChange, TimelineEntry};
use super::{Control, naming, rereads};
use crate::control::job_state::JobState;
use crate::store::{JobChange, SealedSecret, StoreError, StoredJob};

/// How often a change is tried again that another one overtook.
const STALE_RETRIES_MAX: usize = 16;

/// What is written along with the job.
#[derive(Default)]
pub(crate) struct Extra {
    pub(crate) secrets: Vec<SealedSecret>,
    pub(crate) parameters: Vec<ParameterChange>,
}

/// Changes a job that passed its transition.
pub(crate) type Edit<'a> = &'a (dyn Fn(&mut Job) -> Result<Extra> + Sync);

/// An edit that changes nothing.
pub(crate) fn unchanged(_: &mut Job) -> Result<Extra> {
    Ok(Extra::default())
}

impl From<IllegalTransition> for Refusal {
    fn from(illegal: IllegalTransition) -> Self {
        match illegal {
            IllegalTransition::Command { status, command } => {
                Self::WrongState { status, command, allowed: command.allowed() }
            }
            IllegalTransition::NotPrechecked { .. } => {
                Self::NotPrechecked { reason: illegal.to_string() }
            }
            IllegalTransition::NotEdited => Self::NotConfigured { reason: illegal.to_string() },
            IllegalTransition::Report { .. } => Self::internal(illegal),
        }
    }
}

impl Inner {
    /// A job of the caller's project.
    pub(crate) async fn load(&self, caller: &Caller, job_id: &str) -> Result<StoredJob> {
        if let Some(stored) = self.store.job(job_id).await?
            && stored.job.project_id == caller.project_id
        {
            return Ok(stored);
        }
        let job_id = job_id.to_owned();
        if self.store.was_deleted(&caller.project_id, &job_id).await? {
            return Err(Refusal::JobDeleted { job_id });
        }
        Err(Refusal::JobMissing { job_id })
    }

    /// Writes an entry into a job's timeline. A timeline that cannot be written does not undo what
    /// was done.
    pub(crate) async fn note(
        &self,
        caller: &Caller,
        job_id: &str,
        name: &str,
        outcome: Result<(), &Refusal>,
    ) {
        let detail = match outcome {
            Ok(()) => None,
            // The job is not there to have a timeline.
            Err(Refusal::JobMissing { .. } | Refusal::JobDeleted { .. }) => return,
            Err(refusal) => Some(refusal.to_string()),
        };
        let entry = TimelineEntry {
            name: name.to_owned(),
            success: outcome.is_ok(),
            at_ms: self.now_ms(),
            user_name: caller.user_name.clone(),
            detail,
        };
        if let Err(e) = self.store.add_timeline(job_id, &entry).await {
            tracing::error!(job_id, "timeline cannot be written: {e}");
        }
    }
}

impl Control {
    /// Gives a command to a job.
    pub(crate) async fn command(
        &self,
        caller: &Caller,
        job_id: &str,
        command: Command,
        edit: Edit<'_>,
    ) -> Result<Job> {
        self.command_at(caller, job_id, command, None, edit).await
    }

    pub(crate) async fn command_at(
        &self,
        caller: &Caller,
        job_id: &str,
        command: Command,
        at_ms: Option<i64>,
        edit: Edit<'_>,
    ) -> Result<Job> {
        let done = self.try_command(caller, job_id, command, at_ms, edit).await;
        if let Err(refusal) = &done {
            self.inner.note(caller, job_id, command.name(), Err(refusal)).await;
        }
        done
    }

    async fn try_command(
        &self,
        caller: &Caller,
        job_id: &str,
        command: Command,
        at_ms: Option<i64>,
        edit: Edit<'_>,
    ) -> Result<Job> {
        for _ in 0..STALE_RETRIES_MAX {
            let StoredJob { mut job, revision } = self.inner.load(caller, job_id).await?;
            let (state, effects) = next(&job.state, JobEvent::Command { command, at_ms })?;
            let was = std::mem::replace(&mut job.state, state).status;
            let child = self.apply_effects(&mut job, &effects);
            job.times.updated_ms = self.inner.now_ms();
            let extra = edit(&mut job)?;
            let change = JobChange {
                secrets: &extra.secrets,
                parameters: &extra.parameters,
                child: child.as_ref(),
                timeline: Some(TimelineEntry {
                    name: command.name().to_owned(),
                    success: true,
                    at_ms: job.times.updated_ms,
                    user_name: caller.user_name.clone(),
                    detail: None,
                }),
                ..JobChange::of(&job, revision)
            };
            match self.inner.store.change_job(change).await {
                Ok(_) => {
                    let (now, user) = (job.status(), caller.user_name.as_str());
                    tracing::info!(job_id, %command, user, %was, %now, "command accepted");
                    if effects.contains(&Effect::Wake) {
                        self.inner.wake(job_id);
                    }
                    return Ok(job);
                }
                Err(StoreError::Stale) => {}
                Err(StoreError::NameTaken) => return Err(Refusal::NameTaken { name: job.name }),
                Err(e) => return Err(e.into()),
            }
        }
        Err(Refusal::Busy { what: "another change of the job".to_owned() })
    }

    /// Applies what a transition asks for on the row itself; answers the child to add.
    fn apply_effects(&self, job: &mut Job, effects: &[Effect]) -> Option<Job> {
        if effects.contains(&Effect::ClearFailure) {
            // As DRS has it: whoever starts a job starts all of it.
            job.held = HeldParts::default();
            job.failure = None;
        }
        if !effects.contains(&Effect::ApplyEdit) {
            return None;
        }
        let child_id = naming::new_job_id();
        if let Some(edited) = job.edited_selection.take() {
            if let Some(old) = job.selection.as_ref().filter(|_| job.task != TaskMode::Incremental)
            {
                job.rereads.extend(rereads::added(old, &edited, &child_id));
            }
            // What was to be read of a table that is taken away is not read any more.
            job.rereads.retain(|one| one.is_of(&edited));
            job.selection = Some(edited);
        }
        let mut child = job.clone();
        child.id = child_id;
        child.rereads = Vec::new();
        child.parent_id = Some(job.id.clone());
        child.state = JobState::new_child(job.task);
        child.failure = None;
        child.times = super::job::JobTimes {
            created_ms: self.inner.now_ms(),
            updated_ms: self.inner.now_ms(),
            ..Default::default()
        };
        Some(child)
    }
}
