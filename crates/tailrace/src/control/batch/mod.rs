//! Batches: jobs that are asked for together, looked at in the background, corrected where something is wrong, and then made,
//! prechecked and started.

mod examine;
mod make;

use std::sync::Arc;

use secrecy::SecretString;

use super::caller::{Caller, Language};
use super::iam::Rights;
use super::inner::Inner;
use super::job::{Job, NewJob, Page, SpeedWindow};
use super::objects::ObjectSelection;
use super::policy::PolicyText;
use super::refusal::{Refusal, Result};
use super::{Control, naming};
use crate::secret::Place;
use crate::store::{BatchRow, DraftRow, SealedTable};

/// Jobs that one batch may have.
pub const BATCH_JOBS_MAX: usize = 50;

/// How far a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchStatus {
    /// Its jobs are being looked at.
    Validating,
    /// Something is wrong with one of them.
    Invalid,
    /// All of them can be made.
    Valid,
    /// They are being made and started.
    Creating,
    /// Each of them is started, or says why it is not.
    Completed,
}

impl BatchStatus {
    const ALL: [Self; 5] =
        [Self::Validating, Self::Invalid, Self::Valid, Self::Creating, Self::Completed];

    /// Name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Validating => "ASYNC_JOB_VALIDATING",
            Self::Invalid => "ASYNC_JOB_VALIDATE_FAILED",
            Self::Valid => "AUTO_PARAM_VALIDATE_SUCCESS",
            Self::Creating => "ASYNC_JOB_CREATING",
            Self::Completed => "ASYNC_JOB_COMPLETED",
        }
    }

    /// The status of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// How far one job of a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DraftStage {
    /// Not looked at yet.
    Asked,
    /// It can be made.
    Valid,
    /// It cannot be made as it is.
    Invalid,
    /// It is started.
    Started,
    /// It could not be started.
    Failed,
}

impl DraftStage {
    const ALL: [Self; 5] = [Self::Asked, Self::Valid, Self::Invalid, Self::Started, Self::Failed];

    /// Name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Started => "started",
            Self::Failed => "failed",
        }
    }

    /// The stage of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

/// All that a job needs up to its start.
#[derive(Debug, Clone)]
pub struct JobDraft {
    /// Name, link, endpoints.
    pub new: NewJob,
    /// Policy.
    pub policy: PolicyText,
    /// Objects.
    pub selection: ObjectSelection,
    /// Windows of the speed limit.
    pub speed: Vec<SpeedWindow>,
    /// Parameters.
    pub parameters: Vec<(String, String)>,
}

/// Reads what was asked for of one job, in whose form the caller of this module likes.
pub type ReadDraft = fn(&str) -> Result<JobDraft>;

/// A batch in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Id.
    pub id: String,
    /// How far it is.
    pub status: BatchStatus,
    /// Who asked.
    pub user_name: String,
    /// Asked.
    pub created_ms: i64,
}

/// One job of a batch.
#[derive(Debug, Clone)]
pub struct BatchJob {
    /// Id of the job that it becomes, or is.
    pub job_id: String,
    /// How far it is.
    pub stage: DraftStage,
    /// What is wrong with it.
    pub message: Option<String>,
    /// The job as it is, or as it would be; none if it cannot be read.
    pub job: Option<Job>,
}

/// Batches of a control plane, in one form of what is asked for.
#[derive(Clone)]
pub struct Batches {
    control: Control,
    read: ReadDraft,
}

impl Batches {
    /// Batches whose jobs are asked for in this form.
    pub fn new(control: &Control, read: ReadDraft) -> Self {
        Self { control: control.clone(), read }
    }

    fn inner(&self) -> &Arc<Inner> {
        &self.control.inner
    }

    /// Goes on with what was under way when the process ended.
    ///
    /// # Errors
    /// [`Refusal::Internal`] if the store does not answer.
    pub async fn go_on(&self) -> Result<()> {
        for batch in self.inner().store.batches_at_work(&self.inner().owner).await? {
            self.work_on(batch);
        }
        Ok(())
    }

    /// Takes a batch in; it is looked at in the background. Gives its id.
    ///
    /// # Errors
    /// [`Refusal::Missing`] for none, [`Refusal::Invalid`] for too many jobs.
    pub async fn create(&self, caller: &Caller, asked: &[SecretString]) -> Result<String> {
        if asked.is_empty() {
            return Err(Refusal::Missing { field: "jobs".to_owned() });
        }
        if asked.len() > BATCH_JOBS_MAX {
            let allowed = format!("1..={BATCH_JOBS_MAX} jobs");
            return Err(Refusal::invalid("jobs", asked.len(), allowed));
        }
        let batch = BatchRow {
            id: naming::new_id(),
            domain_id: caller.domain_id.clone(),
            project_id: caller.project_id.clone(),
            user_id: caller.user_id.clone(),
            user_name: caller.user_name.clone(),
            owner: self.inner().owner.clone(),
            status: BatchStatus::Validating,
            created_ms: self.inner().now_ms(),
        };
        let drafts: Vec<_> = (0..)
            .zip(asked)
            .map(|(position, asked)| self.draft(position, naming::new_job_id(), asked))
            .collect::<Result<_>>()?;
        self.inner().store.add_batch(&batch, &drafts).await?;
        let id = batch.id.clone();
        self.work_on(batch);
        Ok(id)
    }

    fn draft(&self, position: u32, job_id: String, asked: &SecretString) -> Result<DraftRow> {
        let sealed = self.inner().vault.seal(place(&job_id), asked).map_err(Refusal::internal)?;
        let stage = DraftStage::Asked;
        Ok(DraftRow { position, job_id, sealed: Some(sealed), stage, message: None })
    }

    /// What was asked for of a draft.
    fn asked(&self, draft: &DraftRow) -> Result<Option<SecretString>> {
        let unseal = |sealed: &Vec<u8>| {
            self.inner().vault.unseal(place(&draft.job_id), sealed).map_err(Refusal::internal)
        };
        draft.sealed.as_ref().map(unseal).transpose()
    }

    /// Batches of the caller's project, the newest first.
    ///
    /// # Errors
    /// [`Refusal::Internal`] if the store does not answer.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<Batch>> {
        let rows = self.inner().store.batches(&caller.project_id).await?;
        let view = |row: BatchRow| {
            let BatchRow { id, status, user_name, created_ms, .. } = row;
            Batch { id, status, user_name, created_ms }
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// How much of a batch that is at work is done, percent.
    ///
    /// # Errors
    /// [`Refusal::Internal`] if the store does not answer.
    pub async fn percent(&self, batch: &Batch) -> Result<usize> {
        let drafts = self.inner().store.drafts(&batch.id).await?;
        let is_done = |draft: &&DraftRow| match batch.status {
            BatchStatus::Creating => {
                matches!(draft.stage, DraftStage::Started | DraftStage::Failed)
            }
            _ => draft.stage != DraftStage::Asked,
        };
        Ok(drafts.iter().filter(is_done).count() * 100 / drafts.len().max(1))
    }

    /// Jobs of a batch in order, and how many there are.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if there is no such batch in the caller's project.
    pub async fn jobs(
        &self,
        caller: &Caller,
        batch_id: &str,
        page: Page,
    ) -> Result<(usize, Vec<BatchJob>)> {
        self.load(caller, batch_id).await?;
        let drafts = self.inner().store.drafts(batch_id).await?;
        let count = drafts.len();
        let mut jobs = Vec::new();
        for draft in page.of(drafts) {
            let job = match self.control.get(caller, &draft.job_id).await {
                Ok(job) => Some(job),
                Err(Refusal::JobMissing { .. } | Refusal::JobDeleted { .. }) => {
                    self.would_be(caller, &draft).await?
                }
                Err(other) => return Err(other),
            };
            let DraftRow { job_id, stage, message, .. } = draft;
            jobs.push(BatchJob { job_id, stage, message, job });
        }
        Ok((count, jobs))
    }

    /// Corrects jobs of a batch; all of it is looked at anew. `correct` gets what was asked for of a job of the batch, and
    /// gives what is asked for now.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for another batch or another job than one of its own, [`Refusal::WrongBatchStatus`] once it is
    /// committed or while it is being looked at, and those of `correct`.
    pub async fn change(
        &self,
        caller: &Caller,
        batch_id: &str,
        job_ids: &[String],
        correct: &(dyn Fn(usize, &SecretString) -> Result<SecretString> + Sync),
    ) -> Result<()> {
        use BatchStatus::{Invalid, Valid, Validating};
        let batch = self.load(caller, batch_id).await?;
        let refused = || wrong_status(batch.status, &[Invalid, Valid]);
        if !matches!(batch.status, Invalid | Valid) {
            return Err(refused());
        }
        let mut drafts = self.inner().store.drafts(batch_id).await?;
        for (i, job_id) in job_ids.iter().enumerate() {
            let field = || format!("jobs[{i}].params.job_id");
            let draft = drafts.iter_mut().find(|draft| draft.job_id == *job_id);
            let draft = draft
                .ok_or_else(|| Refusal::invalid(field(), job_id, "the id of a job of the batch"))?;
            let asked = self.asked(draft)?.ok_or_else(refused)?;
            *draft = self.draft(draft.position, job_id.clone(), &correct(i, &asked)?)?;
        }
        let changed = self.inner().store.change_batch(batch_id, batch.status, Validating, &drafts);
        if !changed.await? {
            return Err(Refusal::Busy { what: "another change of the batch".to_owned() });
        }
        self.work_on(BatchRow { status: Validating, ..batch });
        Ok(())
    }

    /// Has the jobs of a batch made, prechecked and started, in the background.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for another batch, [`Refusal::WrongBatchStatus`] unless all of its jobs can be made.
    pub async fn commit(&self, caller: &Caller, batch_id: &str) -> Result<()> {
        use BatchStatus::{Creating, Valid};
        let batch = self.load(caller, batch_id).await?;
        let changed = self.inner().store.change_batch(batch_id, Valid, Creating, &[]);
        if !changed.await? {
            return Err(wrong_status(batch.status, &[Valid]));
        }
        self.work_on(BatchRow { status: Creating, ..batch });
        Ok(())
    }

    /// A batch of the caller's project.
    async fn load(&self, caller: &Caller, batch_id: &str) -> Result<BatchRow> {
        let rows = self.inner().store.batches(&caller.project_id).await?;
        rows.into_iter().find(|row| row.id == batch_id).ok_or_else(|| {
            Refusal::invalid("async_job_id", batch_id, "the id of a batch of this project")
        })
    }

    /// Does what is to be done for a batch, in the background.
    fn work_on(&self, batch: BatchRow) {
        let this = self.clone();
        self.inner().tasks.spawn(async move {
            let id = batch.id.clone();
            let outcome = match batch.status {
                BatchStatus::Creating => this.make_all(&batch).await,
                _ => this.examine_all(&batch).await,
            };
            if let Err(e) = outcome {
                tracing::error!(
                    batch_id = id,
                    "a batch is left as it is until the next start: {e:?}"
                );
            }
        });
    }
}

/// Who asked for a batch, for what is done in the background.
fn asker(batch: &BatchRow) -> Caller {
    Caller {
        domain_id: batch.domain_id.clone(),
        project_id: batch.project_id.clone(),
        user_id: batch.user_id.clone(),
        user_name: batch.user_name.clone(),
        rights: Rights::default(),
        language: Language::English,
    }
}

fn place(job_id: &str) -> Place<'_> {
    Place { table: SealedTable::BatchDrafts.name(), row: job_id, column: "sealed" }
}

fn wrong_status(status: BatchStatus, allowed: &'static [BatchStatus]) -> Refusal {
    Refusal::WrongBatchStatus { status, allowed }
}
