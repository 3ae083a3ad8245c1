//! What went to a job's dead-letter topic.

use tailrace_pipeline::ErrorKind;
pub use tailrace_pipeline::dead_letters::{LETTERS_MAX, Letter, Letters, LettersRequest};

use super::Control;
use super::caller::Caller;
use super::create::check_page;
use super::job::Page;
use super::probe::explain;
use super::refusal::{Refusal, Result};

impl Control {
    /// A page of the changes that went to the dead-letter topic, oldest first, and how many there are: none for a job
    /// without such a topic, or one that never ran.
    ///
    /// # Errors
    /// [`Refusal::JobMissing`], [`Refusal::JobDeleted`], [`Refusal::Invalid`] for a page behind the first
    /// [`LETTERS_MAX`], and [`Refusal::Unreachable`] if the topic cannot be read.
    pub async fn dead_letters(
        &self,
        caller: &Caller,
        job_id: &str,
        request: LettersRequest,
        page: Page,
    ) -> Result<(u64, Vec<Letter>)> {
        check_page(page)?;
        let job = self.inner.load(caller, job_id).await?.job;
        let has_topic = job.policy.as_ref().is_some_and(|p| p.dead_letter_topic.is_some());
        if !has_topic || job.state.generation == 0 {
            return Ok((0, Vec::new()));
        }
        if page.offset.saturating_add(page.limit) > LETTERS_MAX as u64 {
            let allowed = format!(
                "at most {LETTERS_MAX} together with limit; begin_time and end_time narrow the list"
            );
            return Err(Refusal::invalid("offset", page.offset, allowed));
        }
        let spec = self.inner.spec_of_target(&job).await?;
        let age_max = self.inner.bounds.letters_age_max;
        let found = self
            .inner
            .blocking(ErrorKind::TargetConnection, age_max, move |runner| {
                runner.dead_letters(&spec, &request)
            })
            .await
            .map_err(|e| Refusal::Unreachable { why: explain(&e) })?;
        Ok((found.count, page.of(found.letters).collect()))
    }
}
