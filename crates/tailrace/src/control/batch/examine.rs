//! Whether the jobs of a batch can be made: every rule that needs no connection.

use std::collections::HashSet;

use secrecy::ExposeSecret as _;

use super::{BatchStatus, Batches, DraftStage, JobDraft, asker};
use crate::control::caller::Caller;
use crate::control::job::Job;
use crate::control::policy::SyncPolicy;
use crate::control::refusal::{Refusal, Result};
use crate::control::secrets::JobSecrets;
use crate::control::{parameter, settings, spec, speed};
use crate::store::{BatchRow, DraftRow, SealedSecret};

impl Batches {
    /// Looks at all jobs of a batch and says what it finds.
    pub(super) async fn examine_all(&self, batch: &BatchRow) -> Result<()> {
        let caller = asker(batch);
        let mut drafts = self.inner().store.drafts(&batch.id).await?;
        let mut names = HashSet::new();
        for draft in &mut drafts {
            let found = self.examine(&caller, draft).await.and_then(|job| {
                if names.insert(job.name.to_lowercase()) {
                    return Ok(());
                }
                Err(Refusal::invalid("base_info.name", job.name, "a name of its own in the batch"))
            });
            match found {
                Ok(()) => (draft.stage, draft.message) = (DraftStage::Valid, None),
                Err(Refusal::Internal(e)) => return Err(Refusal::Internal(e)),
                Err(refusal) => {
                    (draft.stage, draft.message) = (DraftStage::Invalid, Some(refusal.to_string()));
                }
            }
        }
        let is_valid = drafts.iter().all(|draft| draft.stage == DraftStage::Valid);
        let to = if is_valid { BatchStatus::Valid } else { BatchStatus::Invalid };
        self.inner().store.change_batch(&batch.id, BatchStatus::Validating, to, &drafts).await?;
        Ok(())
    }

    /// The job that a draft would be.
    async fn examine(&self, caller: &Caller, draft: &DraftRow) -> Result<Job> {
        let (job, _) = self.ready(caller, draft).await?;
        if self.inner().store.name_taken(&caller.project_id, &job.name, None).await? {
            return Err(Refusal::NameTaken { name: job.name });
        }
        Ok(job)
    }

    /// The job that a draft would be, if it can be read at all.
    pub(super) async fn would_be(&self, caller: &Caller, draft: &DraftRow) -> Result<Option<Job>> {
        let Some(JobDraft { new, .. }) = self.read_draft(draft)?.and_then(Result::ok) else {
            return Ok(None);
        };
        match self.control.prepared(caller, draft.job_id.clone(), new).await {
            Ok((job, _)) => Ok(Some(job)),
            Err(Refusal::Internal(e)) => Err(Refusal::Internal(e)),
            Err(_) => Ok(None),
        }
    }

    fn read_draft(&self, draft: &DraftRow) -> Result<Option<Result<JobDraft>>> {
        Ok(self.asked(draft)?.map(|asked| (self.read)(asked.expose_secret())))
    }

    /// The job of a draft with all of its settings, ready to be stored.
    pub(super) async fn ready(
        &self,
        caller: &Caller,
        draft: &DraftRow,
    ) -> Result<(Job, Vec<SealedSecret>)> {
        let gone = || Refusal::internal(format!("the draft of job {} is gone", draft.job_id));
        let asked = self.read_draft(draft)?.ok_or_else(gone)??;
        let JobDraft { new, policy, selection, speed, parameters } = asked;
        let (mut job, sealed) = self.control.prepared(caller, draft.job_id.clone(), new).await?;
        let secrets = JobSecrets::unseal(&self.inner().vault, &job.id, &sealed)?;
        let policy = SyncPolicy::parse(&policy, job.engine)?;
        selection.validate()?;
        settings::check_link(job.engine, &selection)?;
        speed::validate(&speed)?;
        for (name, value) in &parameters {
            job.parameters.insert(name.clone(), parameter::parse(name, value)?);
        }
        job.policy = Some(policy);
        job.speed_windows = speed;
        let named = spec::named_selection(&selection)
            .unwrap_or_else(|| spec::whole_databases(&["-".to_owned()]));
        spec::build(&job, (named, selection.mappings.clone()), &secrets)?;
        job.selection = Some(selection);
        Ok((job, sealed))
    }
}
