//! Changes that a target database refused and that were put aside: DRS's dirty data of jobs whose target is no Kafka.

use tailrace_pipeline::ErrorKind;
pub use tailrace_pipeline::oracle_gaussdb::AsideRow;
use tailrace_pipeline::oracle_gaussdb::compare::Repaired;

use super::Control;
use super::caller::Caller;
use super::change::unchanged;
use super::command::Command;
use super::compare::{CompareInput, CompareKind};
use super::comparing::spec_of;
use super::create::check_page;
use super::job::{Job, Page};
use super::probe::explain;
use super::refusal::{Refusal, Result};

/// Most changes that one call brings to an end.
pub const SETTLED_MAX: usize = 1000;

/// How changes that were put aside come to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// Their rows become what they are at the source by now.
    Reapply,
    /// They are forgotten.
    Discard,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Its number.
    pub id: u64,
    /// Why it is still put aside.
    pub error: Option<String>,
}

impl Control {
    /// A page of the changes of a job that are put aside between two moments, oldest first, and how many there are.
    ///
    /// # Errors
    /// [`Refusal::JobMissing`], [`Refusal::JobDeleted`], and [`Refusal::Unreachable`] if the target cannot be asked.
    pub async fn dirty_rows(
        &self,
        caller: &Caller,
        job_id: &str,
        between_ms: (i64, i64),
        page: Page,
    ) -> Result<(u64, Vec<AsideRow>)> {
        check_page(page)?;
        let job = self.inner.load(caller, job_id).await?.job;
        if job.state.generation == 0 {
            return Ok((0, Vec::new()));
        }
        let plan = self.inner.spec_of_target(&job).await?;
        let age_max = self.inner.bounds.letters_age_max;
        let found = self.inner.blocking(ErrorKind::TargetConnection, age_max, move |runner| {
            runner.dirty_rows(&plan, between_ms, (page.offset, page.limit))
        });
        found.await.map_err(|e| Refusal::Unreachable { why: explain(&e) })
    }

    /// Brings changes that were put aside to an end; what came of each that there is.
    ///
    /// # Errors
    /// [`Refusal::Unsupported`] of a job whose target is Kafka, [`Refusal::Invalid`] for too many or none,
    /// [`Refusal::WrongState`], and [`Refusal::Unreachable`] if source or target cannot be asked.
    pub async fn settle_dirty_rows(
        &self,
        caller: &Caller,
        job_id: &str,
        how: Settlement,
        ids: Vec<u64>,
    ) -> Result<Vec<Settled>> {
        if ids.is_empty() || ids.len() > SETTLED_MAX {
            let allowed = format!("1 to {SETTLED_MAX} numbers of changes");
            return Err(Refusal::invalid("ids", format!("{} numbers", ids.len()), allowed));
        }
        let job = self.inner.load(caller, job_id).await?.job;
        refuse_kafka(&job)?;
        let job = self.command(caller, &job.id, Command::Repair, &unchanged).await?;
        let secrets = self.inner.secrets_of(&job.id).await?;
        let all = CompareInput::of(CompareKind::Lines);
        let (plan, _) = spec_of(&job, &secrets, &all)?;
        let age_max = self.inner.bounds.letters_age_max;
        let settled = self.inner.blocking(ErrorKind::TargetConnection, age_max, move |runner| {
            let outcomes = match how {
                Settlement::Reapply => runner.reapply(&plan, &ids)?,
                Settlement::Discard => {
                    runner.discard(&plan, &ids)?;
                    ids.into_iter().map(|id| (id, Repaired::Done)).collect()
                }
            };
            let settled = |(id, outcome)| Settled {
                id,
                error: match outcome {
                    Repaired::Failed(why) => Some(why),
                    Repaired::Equal | Repaired::Done => None,
                },
            };
            Ok(outcomes.into_iter().map(settled).collect())
        });
        settled.await.map_err(|e| Refusal::Unreachable { why: explain(&e) })
    }
}

fn refuse_kafka(job: &Job) -> Result<()> {
    if job.engine.has_parts() {
        return Ok(());
    }
    Err(Refusal::Unsupported {
        what: format!("bringing dirty data of {} to an end", job.engine.name()),
        instead: "a consumer of the dead-letter topic".to_owned(),
    })
}
