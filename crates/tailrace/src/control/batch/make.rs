//! The jobs of a committed batch: each is stored with all of its settings, prechecked and started. One that is there already
//! goes on from where it is.

use std::time::Duration;

use tokio::time::Instant;

use super::{BatchStatus, Batches, DraftStage, asker};
use crate::control::caller::Caller;
use crate::control::query::{CheckResult, Precheck, PrecheckMode, QueryStatus};
use crate::control::refusal::{Refusal, Result};
use crate::control::status::JobStatus;
use crate::store::{BatchRow, DraftRow};

/// How often a job is looked at that is waited for.
const LOOK_PAUSE: Duration = Duration::from_millis(200);
/// Longest wait for a new job to be ready to be configured.
const READY_AGE_MAX: Duration = Duration::from_secs(60);

/// Why a job is not started.
enum Halt {
    /// The process stops; the next one goes on.
    Stopped,
    /// Of its own reasons.
    Refused(Refusal),
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Batches {
    /// Makes and starts all jobs of a batch, one behind the other, and says of each what came of it.
    pub(super) async fn make_all(&self, batch: &BatchRow) -> Result<()> {
        let (caller, store) = (asker(batch), &self.inner().store);
        for mut draft in store.drafts(&batch.id).await? {
            if matches!(draft.stage, DraftStage::Started | DraftStage::Failed) {
                continue;
            }
            match self.make(&caller, &draft).await {
                Ok(()) => draft.stage = DraftStage::Started,
                Err(Halt::Stopped) => return Ok(()),
                Err(Halt::Refused(Refusal::Internal(e))) => return Err(Refusal::Internal(e)),
                Err(Halt::Refused(refusal)) => {
                    (draft.stage, draft.message) = (DraftStage::Failed, Some(refusal.to_string()));
                }
            }
            // The job has its secrets, or the user has to ask for it anew.
            draft.sealed = None;
            let creating = BatchStatus::Creating;
            store.change_batch(&batch.id, creating, creating, &[draft]).await?;
        }
        let (from, to) = (BatchStatus::Creating, BatchStatus::Completed);
        store.change_batch(&batch.id, from, to, &[]).await?;
        Ok(())
    }

    async fn make(&self, caller: &Caller, draft: &DraftRow) -> Result<(), Halt> {
        let job_id = draft.job_id.as_str();
        match self.control.get(caller, job_id).await {
            Ok(_) => {}
            Err(Refusal::JobMissing { .. }) => {
                let (job, sealed) = self.ready(caller, draft).await?;
                self.control.insert(caller, &job, &sealed, "create").await?;
            }
            Err(other) => return Err(other.into()),
        }
        let patience = Patience::new("the job to be configured", READY_AGE_MAX);
        while self.control.get(caller, job_id).await?.status() == JobStatus::Creating {
            self.pause(&patience).await?;
        }
        if self.control.get(caller, job_id).await?.status() != JobStatus::Configuration {
            // Started before the process ended, or taken over by its user.
            return Ok(());
        }
        self.precheck(caller, job_id).await?;
        Ok(self.control.start(caller, job_id, None).await?)
    }

    /// Prechecks a job; anything that fails is said.
    async fn precheck(&self, caller: &Caller, job_id: &str) -> Result<(), Halt> {
        let query = self.control.precheck(caller, job_id, PrecheckMode::Start).await?;
        let patience = Patience::new("the precheck", self.inner().bounds.precheck_age_max);
        let precheck = loop {
            let precheck = self.control.precheck_result(caller, job_id, Some(&query)).await?;
            if precheck.status != QueryStatus::Pending {
                break precheck;
            }
            self.pause(&patience).await?;
        };
        if precheck.passed() {
            return Ok(());
        }
        Err(Refusal::NotPrechecked { reason: what_failed(&precheck) }.into())
    }

    /// Waits a little for what is waited for.
    async fn pause(&self, patience: &Patience) -> Result<(), Halt> {
        if Instant::now() >= patience.end {
            let what = format!("{}, for {} s by now,", patience.what, patience.age_max.as_secs());
            return Err(Refusal::Busy { what }.into());
        }
        tokio::select! {
            () = self.inner().stop.cancelled() => Err(Halt::Stopped),
            () = tokio::time::sleep(LOOK_PAUSE) => Ok(()),
        }
    }
}

/// What is waited for, and how long.
struct Patience {
    what: &'static str,
    age_max: Duration,
    end: Instant,
}

impl Patience {
    fn new(what: &'static str, age_max: Duration) -> Self {
        Self { what, age_max, end: Instant::now() + age_max }
    }
}

/// The checks that failed, with what to do about them.
fn what_failed(precheck: &Precheck) -> String {
    let failed = precheck.items.iter().filter(|item| item.result == CheckResult::Failed);
    let said = failed.map(|item| {
        let parts = [&item.reason, &item.remedy].into_iter().flatten();
        let words: Vec<&str> = parts.map(String::as_str).collect();
        format!("{}: {}", item.item, words.join(" "))
    });
    let mut said: Vec<String> = said.collect();
    said.extend(precheck.error_message.clone());
    said.join("; ")
}
