//! Comparisons that are due by a job's policy.

use super::{Lost, Worker};
use crate::control::compare::CompareInput;
use crate::control::status::JobStatus;
use crate::control::view::LogLevel;
use crate::store::{JobChange, StoreError, StoredJob};

impl Worker {
    /// Begins what is due while the job follows the log.
    pub(super) async fn compare_by_policy(&mut self, stored: &StoredJob) -> Result<(), Lost> {
        let now_ms = self.inner.now_ms();
        let policy = stored.job.compare_policy.as_ref().filter(|policy| policy.is_open);
        let due = policy.and_then(|policy| policy.next_ms).filter(|due| *due <= now_ms);
        let (Some(policy), Some(due)) = (policy, due) else { return Ok(()) };
        if stored.job.status() != JobStatus::IncreTransferStarted {
            return Ok(());
        }
        // Written down first: what cannot be begun is not tried again and again.
        let mut job = stored.job.clone();
        if let Some(kept) = &mut job.compare_policy {
            kept.next_ms = policy.next_after(now_ms);
        }
        let change =
            JobChange { epoch: Some(self.epoch()?), ..JobChange::of(&job, stored.revision) };
        match self.inner.store.change_job(change).await {
            Ok(_) => {}
            // Another change came between: the next look is at that.
            Err(StoreError::Stale) => return Ok(()),
            Err(e) => return Err(e.into()),
        }
        let until_ms = policy.end_of(due);
        if until_ms <= now_ms {
            let text =
                "a comparison that was due is left out: its time was over before the job ran";
            let entry = self.log_entry(LogLevel::Warn, text);
            self.inner.store.add_log(&self.job_id, &[entry]).await?;
            return Ok(());
        }
        for kind in &policy.kinds {
            let input = CompareInput {
                until_ms: Some(until_ms),
                by_policy: true,
                ..CompareInput::of(*kind)
            };
            if let Err(refusal) = self.inner.begin_comparison(&job, input).await {
                let text = format!("a comparison that was due cannot be begun: {refusal}");
                let entry = self.log_entry(LogLevel::Warn, text);
                self.inner.store.add_log(&self.job_id, &[entry]).await?;
            }
        }
        Ok(())
    }
}
